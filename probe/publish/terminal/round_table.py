"""Rounds as a person reads them in a terminal, and as a machine reads them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from probe.model.identity import EVERY_LEG, Family, LegRole, Phase
from probe.model.observation import LegObservation, RoundObservation
from probe.model.verdict import State, Verdict
from probe.observe.goodput import goodput
from probe.publish.languages.tongue import ENGLISH_TONGUE, Tongue
from probe.publish.plain_words import failure_words, rate_words
from probe.publish.privacy.configured_names import NOTHING
from probe.publish.privacy.exported_fields import Scrubber

STATE_STYLES = {
    State.OK: "green",
    State.THROTTLED: "red",
    State.BLOCKED: "red",
    State.IMPAIRED: "magenta",
    State.WITHHELD: "magenta",
    State.DEGRADED: "yellow",
    State.DOWN: "yellow",
    State.OFFLINE: "yellow",
    State.UNKNOWN: "dim",
}
# The square's order reads better than the random order in which legs are made.
_ROLES = (LegRole.TARGET, LegRole.SWAP, LegRole.DECOY, LegRole.CONTROL)
_FAMILIES = {Family.IPV4: "4", Family.IPV6: "6", None: ""}
_PHASE_TITLES = {
    Phase.RESOLVE: "resolve",
    Phase.CONNECT: "connect",
    Phase.TLS: "tls",
    Phase.REDIRECT: "redirect",
    Phase.PROCESSING: "wait",
    Phase.TRANSFER: "read",
}


def render_rounds(
    console: Console, rounds: Sequence[RoundObservation], verdicts: Sequence[Verdict]
) -> None:
    """Print each round: what it means, its legs with phases in milliseconds, what failed.

    The phase in which a leg failed is marked with ``!``: it did not end, it lasted so long.
    """
    found = {(verdict.vantage, verdict.platform): verdict for verdict in verdicts}
    several = len({observed.vantage for observed in rounds}) > 1
    for index, observed in enumerate(rounds):
        if index:
            console.print()
        place = f" from {observed.vantage}" if several else ""
        verdict = found.get((observed.vantage, observed.platform))
        console.print(headline(observed, verdict, place), highlight=False)
        if observed.legs:
            console.print(Padding(_legs(observed), (0, 0, 0, 2), expand=False))
        for line in (*_failures(observed), *_skipped(observed)):
            console.print(Padding(Text(line), (0, 0, 0, 2), expand=False), highlight=False)
    if any(leg.failure is not None for observed in rounds for leg in observed.legs):
        console.print("\n!: the phase in which a leg failed; it did not end, and lasted so long")


def to_json(
    rounds: Sequence[RoundObservation],
    verdicts: Sequence[Verdict],
    scrubber: Scrubber | None = None,
) -> bytes:
    """``{"verdicts": [...], "rounds": [...]}`` with the model's field names; durations in seconds,
    points in time as Unix seconds, what was not measured as null. Without a
    ``scrubber`` nothing is known to be harmless."""
    scrubber = scrubber or Scrubber(NOTHING)
    clean = [scrubber.round(observed) for observed in rounds]
    return msgspec.json.encode({"verdicts": list(verdicts), "rounds": clean})


def headline(
    observed: RoundObservation,
    verdict: Verdict | None,
    place: str = "",
    *,
    tongue: Tongue = ENGLISH_TONGUE,
) -> Text:
    """What a round means, in ``tongue``; ``place``: words on whence it was seen."""
    if verdict is None:
        return Text(f"{observed.platform}{place}: no verdict")
    words = tongue.plain(verdict.state.value + (", under test" if verdict.provisional else ""))
    said = tongue.plain(verdict.sentence)
    return Text.assemble((f"[{words}]", STATE_STYLES[verdict.state]), f"{place} ", said)


def _legs(observed: RoundObservation) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("leg (ms)", no_wrap=True)
    table.add_column("target", overflow="fold")
    table.add_column("ip", no_wrap=True)
    # Few legs have followed a redirect.
    shown = [p for p in Phase if p in EVERY_LEG or any(p in leg.phases for leg in observed.legs)]
    for phase in shown:
        table.add_column(_PHASE_TITLES[phase], justify="right", no_wrap=True)
    table.add_column("goodput", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for leg in _in_order(observed):
        table.add_row(
            leg.leg.role.value,
            _name(leg),
            _FAMILIES[leg.family],
            *(_milliseconds(leg, phase) for phase in shown),
            _goodput(leg),
            Text("ok", "green") if leg.ok else Text("failed", "red"),
        )
    return table


def _in_order(observed: RoundObservation) -> list[LegObservation]:
    return sorted(
        observed.legs, key=lambda leg: (_ROLES.index(leg.leg.role), leg.leg.owner, leg.leg.target)
    )


def _name(leg: LegObservation) -> str:
    if leg.leg.role is LegRole.CONTROL:
        return f"{leg.leg.owner}/{leg.leg.target}"
    return leg.leg.target


def _milliseconds(leg: LegObservation, phase: Phase) -> str:
    seconds = leg.phases.get(phase)
    if seconds is None:
        return ""
    failed = leg.failure is not None and leg.failure.phase is phase
    return f"{seconds * 1_000.0:.1f}{'!' if failed else ''}"


def _goodput(leg: LegObservation) -> str:
    rate = goodput(leg)
    return "" if rate is None else rate_words(rate)


def _failures(observed: RoundObservation) -> list[str]:
    legs: dict[str, list[str]] = {}
    for leg in _in_order(observed):
        if not leg.ok:
            legs.setdefault(failure_words(leg), []).append(f"{leg.leg.role.value} {_name(leg)}")
    return [f"{', '.join(names)}: {words}" for words, names in legs.items()]


_SKIPPED = {
    "host_budget": "not asked, to spare its host",
    "data_budget": "not asked, to stay within the data budget",
    "no_resources": "not asked: this machine had no descriptor or memory left",
    "no_object": "not asked: the object to fetch was not found",
    "no_address": "not asked: it has no address of this family",
}


def _skipped(observed: RoundObservation) -> list[str]:
    return [
        f"{skip.leg.role.value} {skip.leg.owner}/{skip.leg.target}: "
        f"{_SKIPPED.get(skip.reason, skip.reason)}"
        for skip in observed.skipped
    ]
