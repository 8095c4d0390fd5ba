"""Findings of the past, from stored rounds: with other thresholds, or where rules cannot reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from probe.config.schema import NationConfig
from probe.model.finding import Finding, Incident
from probe.model.identity import LegRole, Vantage, VantagePlatform
from probe.model.stored import StoredRound
from probe.model.verdict import Verdict
from probe.nation.local import Local, sight_of
from probe.nation.sight import GRID_SECONDS, hold_window, on_grid


class Step(Struct, frozen=True, kw_only=True):
    """What was found at one step of the grid; ``changed`` are incidents that opened, changed or
    closed."""

    at: float
    findings: tuple[Finding, ...]
    changed: tuple[Incident, ...]


def reach_back(thresholds: NationConfig, holds_seconds: float) -> float:
    """How many seconds before the first step rounds are needed, so that it is as it was, when no
    verdict holds for longer than ``holds_seconds``."""
    return holds_seconds + hold_window(thresholds)


def replay(
    rounds: Iterable[StoredRound],
    vantages: Sequence[Vantage],
    thresholds: NationConfig,
    *,
    since: float,
    until: float,
    titles: Mapping[str, str] | None = None,
) -> Iterator[Step]:
    """The steps from ``since`` up to ``until`` (Unix seconds). ``rounds`` come earliest first and
    begin ``reach_back`` before. Vantages are today's: what is not configured any more is left
    out."""
    local = Local(thresholds, titles or {})
    verdicts: dict[VantagePlatform, Verdict | None] = {}
    compared: dict[VantagePlatform, tuple[str, ...]] = {}
    pending = iter(rounds)
    upcoming = next(pending, None)
    at = on_grid(since - hold_window(thresholds))
    while at < until:
        while upcoming is not None and upcoming.verdict.at <= at:
            slot = (upcoming.verdict.vantage, upcoming.verdict.platform)
            verdicts[slot] = upcoming.verdict
            if upcoming.observed.over_tcp:
                compared[slot] = _controls(upcoming)
            upcoming = next(pending, None)
        fresh = {s: v for s, v in verdicts.items() if v is not None and at <= v.holds_until}
        findings, changed = local.step(sight_of(at, vantages, fresh, compared))
        if at >= since:
            yield Step(at=at, findings=findings, changed=changed)
        at += GRID_SECONDS


def _controls(stored: StoredRound) -> tuple[str, ...]:
    fine = {leg.leg.owner for leg in stored.observed.by_role(LegRole.CONTROL) if leg.ok}
    return tuple(sorted(fine))
