"""Every sentence of a report against every state of what it speaks of, in the same hours.

A cell of the matrix is what one part (the target, the swap, the controls, a reference, another
vantage) was like in the hours of the event: fine, affected, unknown, offline, or absent. A sentence
may stand in a report if, and only if, the cells bear it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists
from msgspec.structs import replace

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase
from probe.model.observation import LegObservation
from probe.model.stored import StoredRound
from probe.model.verdict import Method, State
from probe.publish.report.gather import gather, window
from probe.publish.report.report_parts import Setting, StateSpan
from probe.publish.report.same_hours import within
from probe.publish.report.story import Story, tell
from probe.publish.report.times import TimeWriter, duration, lasted
from synth.event import ONSET, TITLES, VANTAGES, history

HOUR = 3_600.0
BEFORE, UNTIL, END = ONSET - 2 * HOUR, ONSET + 2 * HOUR, ONSET + 3 * HOUR
CELLS = ("fine", "affected", "unknown", "offline", "absent")
SETTING = Setting(
    country="TR",
    vantages={vantage.name: vantage for vantage in VANTAGES},
    titles=TITLES,
)
STATES = {
    "fine": State.OK,
    "affected": State.IMPAIRED,
    "unknown": State.UNKNOWN,
    "offline": State.OFFLINE,
}


@cache
def rounds_of(vantage: str) -> tuple[StoredRound, ...]:
    place = [one for one in VANTAGES if one.name == vantage]
    return tuple(
        history(
            BEFORE, END, vantages=place, platforms=("x",), event=(ONSET, UNTIL),
            light_seconds=600.0, transfer_every=1,
        )
    )  # fmt: skip


def calm(vantage: str, cell: str) -> Iterator[StoredRound]:
    """Another vantage, which is as ``cell`` says in the hours of the event."""
    for stored in rounds_of(vantage):
        at = stored.observed.started_at
        verdict = replace(stored.verdict, state=State.OK, since=BEFORE, provisional=False)
        # A round or two of an event are fine: its proof comes later.
        if ONSET <= at < UNTIL + HOUR / 2:
            if cell == "absent":
                continue
            verdict = replace(verdict, state=STATES[cell], since=at)
        yield replace(stored, verdict=verdict)


def at_home(target: str, swap: str, control: str) -> Iterator[StoredRound]:
    """The vantage at which it happens, or does not."""
    for stored in rounds_of("home"):
        hit = stored.verdict.restricted or ONSET <= stored.observed.started_at < UNTIL
        verdict = stored.verdict
        if hit and target == "absent":
            continue
        if hit and target != "affected":
            verdict = replace(verdict, state=STATES[target], since=ONSET)
        legs = tuple(
            changed
            for leg in stored.observed.legs
            if (changed := _leg(leg, {LegRole.SWAP: swap, LegRole.CONTROL: control}, hit=hit))
        )
        yield replace(stored, verdict=verdict, observed=replace(stored.observed, legs=legs))


def two_platforms(place: str, states: dict[str, State]) -> Iterator[StoredRound]:
    """A vantage from which X and YouTube are, in the hours of the event, as ``states`` says; what
    it does not name is throttled (and fine from vps, which the event spares)."""
    vantages = [one for one in VANTAGES if one.name == place]
    for stored in history(
        BEFORE, END, vantages=vantages, platforms=("x", "youtube"), event=(ONSET, UNTIL),
        light_seconds=600.0, transfer_every=1,
    ):  # fmt: skip
        state = states.get(stored.verdict.platform)
        if state is not None and ONSET <= stored.observed.started_at < UNTIL + HOUR / 2:
            verdict = replace(stored.verdict, state=state, since=ONSET, provisional=False)
            stored = replace(stored, verdict=verdict)
        yield stored


def _leg(leg: LegObservation, cells: dict[LegRole, str], *, hit: bool) -> LegObservation | None:
    cell = cells.get(leg.leg.role, "fine")
    if not hit:
        return leg
    if cell == "affected":
        return replace(leg, phases={p: seconds * 20.0 for p, seconds in leg.phases.items()})
    if cell == "unknown":  # a handshake, and nothing read
        head = {p: leg.phases[p] for p in (Phase.CONNECT, Phase.TLS)}
        return replace(leg, phases=head, body_bytes=None, curve=(), http=None)
    if cell == "offline":
        failure = Failure(phase=Phase.CONNECT, reason="generic_timeout_error")
        return replace(
            leg, phases={Phase.CONNECT: 5.0}, failure=failure, body_bytes=None, curve=(), http=None
        )
    return None if cell == "absent" else leg


def story(home: Iterator[StoredRound], other: str, reference: str) -> Story:
    every = [*home, *calm("vps", other), *calm("abroad", reference)]
    every.sort(key=lambda stored: stored.observed.started_at)
    return tell(gather(every, window(BEFORE, END)), SETTING, TimeWriter())


def stands(text: str, words: str) -> bool:
    return re.search(words, text) is not None


@pytest.mark.parametrize("swap", CELLS)
def test_of_controls_and_swaps_only_what_their_rounds_bear(swap: str) -> None:
    for control in CELLS:
        words = " ".join(story(at_home("affected", swap, control), "fine", "fine").sentences)
        cell = (swap, control)
        name = r"The same servers[^.]*under another name"
        assert stands(words, rf"{name}[^.]*stayed as fast as before") is (swap == "fine"), cell
        assert stands(words, r"servers were slow under another name") is (swap == "affected"), cell
        assert stands(words, r"for handshakes only") is (swap == "unknown"), cell
        assert stands(words, r"gave nothing either \(\d+ exch") is (swap == "offline"), cell
        assert stands(words, r"No other name was sent") is (swap == "absent"), cell
        assert stands(words, r"acts on the platform's name") is (swap == "fine"), cell
        controls = r"controls, [^.]*rounds and"
        assert stands(words, rf"{controls} stayed as fast as before") is (control == "fine"), cell
        assert stands(words, rf"{controls} ran at") is (control == "affected"), cell
        assert stands(words, r"lines themselves changed") is (control == "affected"), cell
        unread = control in ("unknown", "offline", "absent")
        assert stands(words, r"No control's body was read") is unread, cell


def times_faster(stored: StoredRound, role: LegRole, times: float) -> StoredRound:
    """The round with the legs of ``role`` so much faster."""
    legs = tuple(
        replace(leg, phases={p: seconds / times for p, seconds in leg.phases.items()})
        if leg.leg.role is role
        else leg
        for leg in stored.observed.legs
    )
    return replace(stored, observed=replace(stored.observed, legs=legs))


@pytest.mark.parametrize(
    ("role", "who"),
    [(LegRole.SWAP, r"The same servers[^.]*name[^.]*"), (LegRole.CONTROL, r"The controls, [^.]*")],
)
def test_what_became_faster_did_not_stay_as_it_was(role: LegRole, who: str) -> None:
    rounds = [
        times_faster(one, role, 3.0) if ONSET <= one.observed.started_at < UNTIL else one
        for one in rounds_of("home")
    ]
    words = " ".join(story(iter(rounds), "fine", "fine").sentences)
    assert stands(words, who + r"were faster than before \((2|3)\d\d%")
    assert not stands(words, who + "stayed as fast")


CALM, ILL = State.OK, State.IMPAIRED


@pytest.mark.parametrize(
    ("states", "spared", "partly", "hosting"),
    [
        ({"office": {"x": CALM, "youtube": CALM}}, "office", "", False),
        ({"vps": {"x": CALM, "youtube": CALM}}, "vps", "", True),
        ({"office": {"x": CALM}}, "", "office", False),
        ({"vps": {"x": CALM, "youtube": ILL}}, "", "vps", False),
        ({"vps": {"x": ILL, "youtube": ILL}}, "", "", False),
        (
            {"office": {"youtube": CALM}, "vps": {"x": CALM, "youtube": CALM}},
            "vps", "office", True,
        ),
    ],
)  # fmt: skip
def test_no_vantage_is_spared_where_another_platform_was_affected(
    states: dict[str, dict[str, State]], spared: str, partly: str, hosting: bool
) -> None:
    every = [*two_platforms("home", {})]
    for place, of in states.items():
        every += two_platforms(place, of)
    every.sort(key=lambda stored: stored.observed.started_at)
    told = tell(gather(every, window(BEFORE, END)), SETTING, TimeWriter())
    words = " ".join(told.sentences)
    said = re.findall(r"Not affected inside: ([a-z]+)\.", words)
    assert said == ([spared] if spared else []), words
    said = re.findall(r"where another platform was affected: ([a-z]+) \(", words)
    assert said == ([partly] if partly else []), words
    assert stands(words, "often spare hosting") is hosting, words


@pytest.mark.parametrize("other", CELLS)
def test_of_other_vantages_only_what_they_said_in_the_same_hours(other: str) -> None:
    for reference in CELLS:
        words = " ".join(story(at_home("affected", "fine", "fine"), other, reference).sentences)
        cell = (other, reference)
        assert stands(words, r"Not affected inside: vps\.") is (other == "fine"), cell
        assert stands(words, r"often spare hosting") is (other == "fine"), cell
        known = {
            "affected": r"slow, failing or not served for some time {}: {} \(X: ",
            "unknown": r"Measured in the same hours {}, and not known whether fine: {} \(X: cannot",
            "offline": r"Measured in the same hours {}, and not known whether fine: {} \(X: line",
            "absent": r"Not measured for most of the same hours {}: {} \(X",
        }
        for what, pattern in known.items():
            here = pattern.format("inside", "vps")
            assert stands(words, here) is (other == what), (cell, what)
            there = pattern.format("outside the country", "abroad")
            assert stands(words, there) is (reference == what), (cell, what)
        outside = r"From outside the country \(abroad\) X was as fast as usual in the same hours"
        assert stands(words, outside) is (reference == "fine"), cell
        assert stands(words, r"is not only a restriction in it") is (reference == "affected"), cell
        assert stands(words, r"not shown here that the platforms were fine") is (
            reference != "fine"
        ), cell


@pytest.mark.parametrize("target", [cell for cell in CELLS if cell != "affected"])
def test_calm_is_said_of_what_was_measured_and_known(target: str) -> None:
    for other in CELLS:
        told = story(at_home(target, "fine", "fine"), other, "fine")
        words = " ".join(told.sentences)
        assert told.worst is None
        assert stands(words, r"no platform was found throttled or blocked")
        share = re.search(r"fine for (\d+)% of the time", words)
        assert share is not None
        whole = target == other == "fine"
        assert (int(share[1]) >= 95) is whole, (target, other, words)
        unknown = "unknown" in (target, other)
        assert stands(words, "X was suspected for up to|X was not known") is unknown, (
            target,
            other,
        )
        assert told.headline.startswith("X: slow or failing") is (other == "affected")


def test_where_nothing_could_be_judged_nothing_is_called_calm() -> None:
    rounds = [
        replace(stored, verdict=replace(stored.verdict, state=State.OFFLINE, since=BEFORE))
        for stored in rounds_of("home")
    ]
    told = tell(gather(rounds, window(BEFORE, END)), SETTING, TimeWriter())
    assert told.headline.startswith("Not known whether anything was throttled or blocked on 1 net")
    assert "fine for 0% of the time" in " ".join(told.sentences)


@pytest.mark.parametrize(
    ("asns", "place"),
    [((None,), "1 line"), ((64_501, None), "2 lines"), ((64_501, 64_501), "1 network"),
     ((64_501, 64_502), "2 networks")],
)  # fmt: skip
def test_a_country_is_where_the_lines_are_and_not_what_is_slow(
    asns: tuple[int | None, ...], place: str
) -> None:
    rounds, vantages = [], {}
    for number, asn in enumerate(asns):
        name = f"home-{number}"
        vantages[name] = replace(VANTAGES[0], name=name, asn=asn, country="TR")
        rounds += [
            replace(
                stored,
                observed=replace(stored.observed, vantage=name),
                verdict=replace(stored.verdict, vantage=name),
            )
            for stored in rounds_of("home")
        ]
    rounds.sort(key=lambda stored: stored.observed.started_at)
    setting = replace(SETTING, vantages=vantages)
    told = tell(gather(rounds, window(BEFORE, END)), setting, TimeWriter())
    assert told.headline.startswith(f"X: slowed down on {place} in TR, ")


def test_a_block_under_whose_name_alone_the_servers_fail_is_one_by_name() -> None:
    rounds = [
        replace(one, verdict=replace(one.verdict, state=State.BLOCKED, method=Method.TLS))
        if one.verdict.restricted
        else one
        for one in at_home("affected", "unknown", "fine")
    ]
    words = " ".join(tell(gather(rounds, window(BEFORE, END)), SETTING, TimeWriter()).sentences)
    assert "answered under another name in the same rounds" in words


def test_what_was_not_measured_any_more_did_not_go_on() -> None:
    rounds = [one for one in rounds_of("home") if one.observed.started_at < ONSET + HOUR]
    told = tell(gather(rounds, window(BEFORE, ONSET + 12 * HOUR)), SETTING, TimeWriter())
    first, *_ = told.sentences
    assert "as far as is known: it was last seen on 20 January 2026, 14:30 UTC" in first
    assert "50 minutes until then" in first
    # Nor does a line that went offline say when it ended.
    rounds = [
        replace(one, verdict=replace(one.verdict, state=State.OFFLINE))
        if one.observed.started_at > ONSET + HOUR
        else one
        for one in rounds_of("home")
    ]
    first, *_ = tell(gather(rounds, window(BEFORE, END)), SETTING, TimeWriter()).sentences
    assert "what was after that is not known" in first


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (13 * HOUR + 40 * 60 + 1, 22 * HOUR + 27 * 60 + 59, "8 h 47 min"),
        (13 * HOUR + 40 * 60 + 59, 22 * HOUR + 27 * 60 + 1, "8 h 47 min"),
        (0.0, 45.4, "45 seconds"),
    ],
)
def test_a_duration_is_that_of_the_times_beside_it(start: float, end: float, said: str) -> None:
    assert duration(lasted(start, end)) == said


@given(start=floats(0.0, 3_600.0), seconds=floats(180.0, 100_000.0), cuts=lists(floats(0.0, 1.0)))
def test_nobody_was_fine_for_longer_than_it_lasted(
    start: float, seconds: float, cuts: list[float]
) -> None:
    """Beside "8 h 47 min in all" nothing is "ok for 8 h 48 min"."""
    begin, end = 1_768_435_200.0 + start, 1_768_435_200.0 + start + seconds
    at = [begin - HOUR, *sorted(begin + cut * seconds for cut in cuts), end + HOUR]
    parts = [StateSpan(state=State.OK, start=a, end=b) for a, b in itertools.pairwise(at)]
    for part in parts:
        assert within([part], ((begin, end),)).get(State.OK, 0.0) <= lasted(begin, end)
    whole = StateSpan(state=State.OK, start=at[0], end=at[-1])
    assert within([whole], ((begin, end),)) == {State.OK: lasted(begin, end)}
