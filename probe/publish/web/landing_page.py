"""The landing page: how each platform is, from each vantage, now and in the last days.

It works without scripts, fetches nothing and renews itself. It is rendered from a snapshot, away
from the event loop.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

from markupsafe import Markup
from msgspec import Struct

from probe.config.bundle import shown_date
from probe.config.definition import Definition
from probe.model.finding import Finding, Scope
from probe.model.identity import Vantage
from probe.model.verdict import State, Verdict
from probe.nation.fuse import worst
from probe.nation.same_law import same_law_words
from probe.publish.curtain_notes import curtains_of, said_of_lines
from probe.publish.languages.tongue import ENGLISH_TONGUE, Tongue
from probe.publish.latest.bundle_health import BundleHealth
from probe.publish.latest.snapshot import Snapshot
from probe.publish.plain_words import failure_words, unread_words
from probe.publish.report.axis_labels import Tick
from probe.publish.report.plot import Piece, marks, pieces
from probe.publish.report.report_parts import StateSpan
from probe.publish.report.times import TimeWriter, duration
from probe.publish.templates import style, templates
from probe.publish.web.this_line import this_line
from probe.store.health import WORDS
from probe.verdict.words.words_cache import cache_words
from probe.verdict.words.words_law import law_words

REFRESH_SECONDS = 30
STYLE = style("page.css")
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
# What is measured where no country is configured.
NO_COUNTRY = "ZZ"
# The strips: their names and lengths in seconds.
_STRIPS = (("24 hours", 86_400.0), ("7 days", 604_800.0))


class StripPart(Struct, frozen=True, kw_only=True):
    """One strip of the page: a vantage's states of a platform over some time."""

    name: str
    pieces: tuple[Piece, ...]
    ticks: tuple[Tick, ...]
    text: str


class Card(Struct, frozen=True, kw_only=True):
    """One platform from one vantage."""

    title: str
    state: str
    sentence: str
    facts: str
    laws: tuple[str, ...]
    rows: tuple[StripPart, ...]
    error: str


class VantagePart(Struct, frozen=True, kw_only=True):
    """What the page shows of one vantage."""

    name: str
    about: str
    platforms: tuple[Card, ...]


def render_page(snapshot: Snapshot, version: str, tongue: Tongue = ENGLISH_TONGUE) -> str:
    """The page as HTML, in ``tongue``."""
    clock = TimeWriter()
    restricted = [
        f"{verdict.platform} {verdict.state.value}"
        for verdict in snapshot.verdicts.values()
        if verdict is not None and verdict.restricted
    ]
    return (
        templates(tongue)
        .get_template("page.html.j2")
        .render(
            refresh=REFRESH_SECONDS,
            css=Markup(STYLE),  # noqa: S704 - our own file
            restricted=", ".join(dict.fromkeys(restricted)),
            answers=this_line(snapshot, clock),
            finding=(country := _country(snapshot)),
            same_law="" if country is None else same_law_words(country),
            notes=_notes(snapshot),
            vantages=[_place(snapshot, vantage, clock) for vantage in snapshot.vantages],
            budgets=_budgets(snapshot),
            probe=snapshot.platforms[0].name if snapshot.platforms else "",
            version=version,
            now=clock.moment(snapshot.taken_at),
        )
    )


def _country(snapshot: Snapshot) -> Finding | None:
    """What is found of the country: nothing of none, and nothing where too few networks are heard
    to say anything."""
    return worst(
        [
            finding
            for finding in snapshot.findings
            if finding.country != NO_COUNTRY and finding.scope is not Scope.INSUFFICIENT
        ]
    )


def _notes(snapshot: Snapshot) -> list[str]:
    notes = []
    if not snapshot.reload_ok:
        notes.append(
            "The last reload of the configuration failed; the one before it is still in force. "
            "The log says what is wrong."
        )
    if snapshot.drawn.held:
        notes.append(
            f"{snapshot.drawn.replaced} controls were replaced in the last week, as they were dead "
            "or slow here by themselves, and so is another, which is kept. Somebody may be slowing "
            "what platforms are compared with: a platform that is slowed as well may look fine."
        )
    notes += said_of_lines(curtains_of(snapshot.verdicts.values()))
    if snapshot.store is not None and snapshot.store.trouble is not None:
        notes.append(
            f"The history cannot be written: {WORDS[snapshot.store.trouble]}. Measuring goes on."
        )
    if snapshot.bundle is not None:
        notes += _bundle_notes(snapshot.bundle, snapshot.taken_at)
    return notes


def _bundle_notes(bundle: BundleHealth, now: float) -> Iterator[str]:
    if bundle.unusable:
        yield (
            "The bundle of definitions that is installed cannot be used; those that came with the "
            "program are. `throttlewatch targets show` says why."
        )
    if bundle.expires_at is not None and now > bundle.expires_at:
        yield (
            f"The bundle of definitions, version {bundle.version}, expired on "
            f"{shown_date(bundle.expires_at)}, and no newer one was found. It is used on."
        )
    if bundle.refused:
        yield (
            "The bundle of definitions that was found last may not be used; the one before is used "
            "on. `throttlewatch targets update` says why."
        )
    if bundle.waits:
        yield (
            "A newer bundle of definitions changes which hosts are contacted and waits for you: "
            "`throttlewatch targets update` shows them and asks."
        )


def _place(snapshot: Snapshot, vantage: Vantage, clock: TimeWriter) -> VantagePart:
    asn = "" if vantage.asn is None else f", AS{vantage.asn}"
    country = "" if vantage.country == NO_COUNTRY else f"{vantage.country}, "
    return VantagePart(
        name=vantage.name,
        about=f"{country}{vantage.access.value}, {vantage.role.value}{asn}",
        platforms=tuple(_card(snapshot, vantage, p, clock) for p in snapshot.platforms),
    )


def _card(snapshot: Snapshot, vantage: Vantage, platform: Definition, clock: TimeWriter) -> Card:
    slot = (vantage.name, platform.name)
    verdict = snapshot.verdicts.get(slot)
    state = State.UNKNOWN if verdict is None else verdict.state
    spans = snapshot.recent.get(slot, ())
    return Card(
        title=platform.title,
        state=state.value,
        sentence=_sentence(platform, verdict),
        facts=_facts(snapshot, slot, state, verdict),
        laws=() if verdict is None else tuple(_laws(verdict)),
        rows=tuple(_row(name, length, spans, snapshot.taken_at, clock) for name, length in _STRIPS),
        error=_error(snapshot, vantage, platform),
    )


def _laws(verdict: Verdict) -> Iterator[str]:
    """How the throttle works over TCP; then over each other transport, after what it is called."""
    if verdict.law is not None:
        yield law_words(verdict.law)
    for one in verdict.over:
        if one.law is not None:
            yield f"{one.sentence} {law_words(one.law)}"


def _row(
    name: str, length: float, spans: tuple[StateSpan, ...], now: float, clock: TimeWriter
) -> StripPart:
    start = now - length
    seconds: dict[str, float] = {}
    for span in spans:
        inside = span.end - max(span.start, start)
        if inside > 0.0:
            seconds[span.state.value] = seconds.get(span.state.value, 0.0) + inside
    return StripPart(
        name=name,
        pieces=pieces(spans, start, now, clock),
        ticks=marks(start, now, clock, most=8),
        text=", ".join(f"{state} {duration(s)}" for state, s in seconds.items()) or "no rounds",
    )


def _error(snapshot: Snapshot, vantage: Vantage, platform: Definition) -> str:
    """The last exchange with the platform that failed, if its last result is still fresh."""
    failed = [
        (leg.started_at, key.target, leg)
        for key, leg in snapshot.legs.items()
        if key.vantage == vantage.name
        and key.owner.name == platform.name
        and not key.owner.is_control
        and leg.failure is not None
    ]
    if not failed:
        return ""
    at, target, leg = max(failed, key=lambda one: one[:2])
    return f"{target}, {failure_words(leg)}, {age(snapshot.taken_at - at)} ago"


def _budgets(snapshot: Snapshot) -> list[tuple[str, str, str, float]]:
    if snapshot.data is None:
        return []
    return [
        (
            name,
            f"{balance.used / 1e6:,.0f} MB",
            f"{balance.budget / 1e6:,.0f} MB",
            round(min(1.0, balance.used / balance.budget), 3),
        )
        for name, balance in snapshot.data.balances.items()
    ]


def _sentence(platform: Definition, verdict: Verdict | None) -> str:
    return f"{platform.title}: no round has ended yet." if verdict is None else verdict.sentence


def _facts(snapshot: Snapshot, slot: tuple[str, str], state: State, verdict: Verdict | None) -> str:
    facts = [state.value]
    if verdict is not None:
        if verdict.provisional:
            facts.append("under test: nothing is proven yet")
        facts.append(f"measured {age(snapshot.taken_at - verdict.at)} ago")
        since = age(snapshot.taken_at - verdict.since)
        # What is proven counts from its onset, be it that nothing was measured for a while since.
        facts.append(f"first seen {since} ago" if verdict.proven else f"so for {since}")
        if verdict.viewers_cache is not None:
            facts.append(cache_words(verdict.viewers_cache))
        facts += [unread_words(one) for one in verdict.unread]
    if slot in snapshot.running:
        facts.append("being measured now")
    return " · ".join(facts)


def age(seconds: float) -> str:
    """A duration in its largest useful unit: ``40 s``, ``3 min``, ``5 h``, ``2 days``."""
    if seconds < 90.0:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 5_400.0:
        return f"{seconds / 60.0:.0f} min"
    if seconds < 172_800.0:
        return f"{seconds / 3_600.0:.0f} h"
    return f"{seconds / 86_400.0:.0f} days"
