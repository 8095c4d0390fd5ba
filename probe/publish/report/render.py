"""Fills the templates: the page, and the main plot as a file of its own."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from probe.model.identity import LegRole, VantagePlatform
from probe.model.observation import RoundObservation
from probe.model.verdict import State
from probe.observe.goodput import goodput, handshake_seconds
from probe.publish.languages.tongue import ENGLISH_TONGUE, Tongue
from probe.publish.plain_words import STATES_CALLED, evidence_words
from probe.publish.report.citing import Made, StatedMethod, citing
from probe.publish.report.overview import HEIGHT, overview
from probe.publish.report.plot import Chart, Piece, chart, marks, pieces
from probe.publish.report.report_parts import Episode, Gathered, Setting, Window
from probe.publish.report.story import Story, numbers_words, tell, value_words
from probe.publish.report.times import TimeWriter, duration
from probe.publish.templates import style, templates

MAIN = (960.0, 360.0)
PANEL = (470.0, 210.0)


class Strip(Struct, frozen=True, kw_only=True):
    """One row of the timeline."""

    vantage: str
    about: str
    pieces: tuple[Piece, ...]
    text: str


class SquareCorner(Struct, frozen=True, kw_only=True):
    """One corner of the square at the onset."""

    role: str
    rate: str
    handshake: str
    failure: str
    measured: bool


class Panel(Struct, frozen=True, kw_only=True):
    """One vantage's two plots of a platform."""

    vantage: str
    about: str
    charts: tuple[Chart, ...]


def render_html(
    gathered: Gathered,
    setting: Setting,
    clock: TimeWriter,
    *,
    version: str,
    made_at: float | None = None,
    schema: int = 0,
    licence: str = "",
    method: StatedMethod = StatedMethod(),  # noqa: B008  it is frozen
    tongue: Tongue = ENGLISH_TONGUE,
) -> str:
    """The whole report as one page that fetches nothing and runs nothing. ``version``: of the
    program that makes it, at ``made_at``; ``schema``: of the history; ``licence``: of the data;
    ``method``: by which it was made; ``tongue``: its language."""
    story = tell(gathered, setting, clock)
    css = style("report.css")
    platforms = _in_order({p for _, p in gathered.slots}, list(setting.titles))
    return (
        templates(tongue)
        .get_template("report.html.j2")
        .render(
            policy="default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
            + b64encode(sha256(css.encode()).digest()).decode()
            + "'",
            css=Markup(css),  # noqa: S704 — our own file
            story=story,
            setting=setting,
            gathered=gathered,
            clock=clock,
            version=version,
            citing=citing(
                gathered,
                setting,
                clock,
                story,
                Made(version=version, at=made_at, schema=schema, licence=licence, method=method),
            ),
            strips=[(p, setting.title(p), _strips(gathered, setting, clock, p)) for p in platforms],
            overviews={p: overview(gathered, setting, p) for p in platforms},
            overview_height=HEIGHT,
            ticks=marks(gathered.window.start, gathered.window.end, clock),
            main=main_chart(gathered, setting, clock, story),
            square=_square(story.worst, setting, clock),
            panels=[(p, setting.title(p), _panels(gathered, setting, clock, p)) for p in platforms],
            episodes=[_row(e, gathered.window, setting, clock) for e in gathered.episodes],
            coverage=_coverage(gathered, setting, clock),
        )
    )


def render_svg(
    gathered: Gathered, setting: Setting, clock: TimeWriter, tongue: Tongue = ENGLISH_TONGUE
) -> str:
    """The main plot alone, with its own style for light and dark."""
    plot = main_chart(gathered, setting, clock, tell(gathered, setting, clock))
    return (
        templates(tongue)
        .get_template("plot.svg.j2")
        .render(
            chart=plot,
            css=Markup(style()),  # noqa: S704 — our own file
        )
    )


def main_chart(
    gathered: Gathered, setting: Setting, clock: TimeWriter, story: Story
) -> Chart | None:
    """Goodput of the worst case; without one, of whatever has most rounds."""
    if not gathered.slots:
        return None
    if story.worst is not None:
        slot = (story.worst.vantage, story.worst.platform)
        target = story.worst.target
    else:
        slot = max(gathered.slots, key=lambda s: gathered.slots[s].rounds)
        target = ""
    title = f"Goodput of {setting.title(slot[1])} from {slot[0]}, controls beside it"
    for measure in ("goodput", "handshake"):
        found = chart(
            "main",
            gathered.slots[slot],
            gathered.window,
            clock,
            target=target or _target(gathered, slot, measure),
            measure=measure,
            title=title if measure == "goodput" else title.replace("Goodput", "Handshake time"),
            size=MAIN,
            most_points=480,
        )
        if found is not None:
            return found
    return None


def _target(gathered: Gathered, slot: VantagePlatform, measure: str) -> str:
    """The target that has most numbers of ``measure``."""
    counted = {
        key.target: sum(s.count for s in bins.values())
        for key, bins in gathered.slots[slot].series.items()
        if key.role is LegRole.TARGET and key.measure == measure
    }
    return max(counted, key=lambda t: counted[t]) if counted else ""


def _in_order(names: set[str], order: list[str]) -> list[str]:
    return sorted(names, key=lambda n: (order.index(n) if n in order else len(order), n))


def _vantages(gathered: Gathered, setting: Setting, platform: str) -> list[str]:
    return _in_order({v for v, p in gathered.slots if p == platform}, list(setting.vantages))


def _about(setting: Setting, name: str) -> str:
    vantage = setting.vantage(name)
    asn = "" if vantage.asn is None else f"AS{vantage.asn}, "
    country = "" if vantage.country == "ZZ" else f"{vantage.country}, "
    role = "" if vantage.role == "inside" else ", outside, for reference"
    return f"{country}{asn}{vantage.access.value}{role}"


def _strips(gathered: Gathered, setting: Setting, clock: TimeWriter, platform: str) -> list[Strip]:
    over, rows = gathered.window, []
    for vantage in _vantages(gathered, setting, platform):
        slot = gathered.slots[vantage, platform]
        seconds: dict[State, float] = {}
        for span in slot.spans:
            seconds[span.state] = seconds.get(span.state, 0.0) + span.end - span.start
        rows.append(
            Strip(
                vantage=vantage,
                about=_about(setting, vantage),
                pieces=pieces(slot.spans, over.start, over.end, clock),
                text=", ".join(
                    f"{STATES_CALLED[state]} {duration(s)}" for state, s in seconds.items()
                ),
            )
        )
    return rows


def _panels(gathered: Gathered, setting: Setting, clock: TimeWriter, platform: str) -> list[Panel]:
    rows = []
    for vantage in _vantages(gathered, setting, platform):
        slot = gathered.slots[vantage, platform]
        episode = slot.episodes[0].target if slot.episodes else ""
        charts = [
            chart(
                f"{platform}-{vantage}-{measure}",
                slot,
                gathered.window,
                clock,
                target=episode or _target(gathered, (vantage, platform), measure),
                measure=measure,
                title=f"{words} of {setting.title(platform)} from {vantage}",
                size=PANEL,
                most_points=150,
            )
            for measure, words in (("goodput", "Goodput"), ("handshake", "Handshake time"))
        ]
        found = tuple(c for c in charts if c is not None)
        if found:
            rows.append(Panel(vantage=vantage, about=_about(setting, vantage), charts=found))
    return rows


def _square(worst: Episode | None, setting: Setting, clock: TimeWriter) -> dict[str, Any] | None:
    if worst is None or worst.onset is None:
        return None
    cells = {role.value: _cell(role, worst.onset, worst.target) for role in LegRole}
    return {
        "cells": cells,
        "title": setting.title(worst.platform),
        "vantage": worst.vantage,
        "when": clock.moment(worst.onset.started_at),
    }


def _cell(role: LegRole, onset: RoundObservation, target: str) -> SquareCorner:
    legs = [
        leg for leg in onset.by_role(role) if role is LegRole.CONTROL or leg.leg.target == target
    ]
    rates = sorted(r for leg in legs if (r := goodput(leg)) is not None)
    times = sorted(t for leg in legs if (t := handshake_seconds(leg)) is not None)
    failed = [leg.failure.reason for leg in legs if leg.failure is not None]
    return SquareCorner(
        role=role.value,
        rate=value_words(rates[len(rates) // 2] if rates else None, "goodput"),
        handshake=value_words(times[len(times) // 2] if times else None, "handshake"),
        failure=failed[0] if failed else "",
        measured=bool(legs),
    )


def _evidence(e_value: float | None) -> str:
    """Of the sequential test; beyond a million it tells nothing more."""
    if e_value is None:
        return "-"
    return evidence_words(e_value) if e_value <= 1e6 else "more than 1,000,000"


def _until(episode: Episode, over: Window, clock: TimeWriter) -> str:
    if episode.is_lost(over):
        return f"not known; last seen {clock.brief(episode.last_seen)}"
    if episode.until is None:
        return "going on"
    return clock.brief(episode.until) + ("" if episode.end_known else " or later")


def _row(episode: Episode, over: Window, setting: Setting, clock: TimeWriter) -> dict[str, str]:
    return {
        "platform": setting.title(episode.platform),
        "vantage": episode.vantage,
        "state": episode.state.value,
        "since": clock.brief(episode.since),
        "until": _until(episode, over, clock),
        "target": numbers_words(episode.of(LegRole.TARGET), "goodput"),
        "control": numbers_words(episode.of(LegRole.CONTROL), "goodput"),
        "handshake": numbers_words(episode.of(LegRole.TARGET, "handshake"), "handshake"),
        "how": ", ".join(
            filter(
                None,
                (
                    episode.method,
                    episode.trigger and f"by {episode.trigger}",
                    episode.signature,
                    "provisional" if episode.provisional else "",
                ),
            )
        ),
        "evidence": _evidence(episode.e_value),
        "rounds": str(episode.rounds),
    }


def _coverage(gathered: Gathered, setting: Setting, clock: TimeWriter) -> list[tuple[str, ...]]:
    whole = gathered.window.end - gathered.window.start
    rows: list[tuple[str, ...]] = []
    for (vantage, platform), slot in sorted(gathered.slots.items()):
        known = sum(s.end - s.start for s in slot.spans)
        rows.append(
            (
                setting.title(platform),
                vantage,
                _about(setting, vantage),
                f"{slot.rounds:,}",
                f"{min(1.0, known / whole):.0%}",
                clock.brief(slot.first_at),
                clock.brief(slot.last_at),
            )
        )
    return rows
