"""What has happened, or may: each must end in the right sentence, and none in a wrong one."""

from __future__ import annotations

from functools import partial

import pytest
from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.config.values import Seconds
from probe.model.finding import Ending, FindingKind, Incident, Reference, Scope
from probe.model.identity import Access, Role, Vantage
from probe.model.verdict import State
from probe.model.vouch import Vouch
from tests.nation.fleet import ABROAD, BEGIN, DEFAULTS, Says, Story, fleet, vantage

OK, THROTTLED, BLOCKED = State.OK, State.THROTTLED, State.BLOCKED
FOUR = ("x", "facebook", "instagram", "youtube")


def test_20_january_staggered_onset_over_networks() -> None:
    """Four platforms, five networks, one after the other within four minutes; then recovery."""

    def says(of: Vantage, platform: str, minute: int) -> tuple[State, float] | State:
        if of is ABROAD:
            return OK
        begins = 5 + ((of.asn or 0) - 64_500)
        return (THROTTLED, begins) if begins <= minute < 60 else OK

    story = Story((*fleet(5), ABROAD), says, 80, platforms=FOUR)
    scopes = story.scopes()
    assert scopes[:5] == ["none"] * 5
    assert scopes[5] == "network"
    assert scopes[6] == "partial"
    # Most of the country at minute 7; nation-wide once that has held for ten minutes.
    assert story.at(7).wide
    assert "not_held_yet" in story.at(8).reasons
    assert scopes[16] == "partial"
    assert scopes[17:60] == ["nation"] * 43
    assert scopes[60:] == ["none"] * 20
    during = story.at(30)
    assert during.systematic
    assert during.reference is Reference.FINE
    assert during.since == BEGIN + 7 * 60
    assert during.onset_spread_seconds == 240.0
    assert during.sentence == (
        "PK: X is throttled or blocked nation-wide, 5 of 5 networks (100% of their weight), since "
        "2024-01-20 12:07 UTC, together with other platforms within minutes."
    )
    closed = [incident for incident in story.changes if incident.closed_at is not None]
    assert len(closed) == 4
    for incident in closed:
        assert incident.scope is Scope.NATION
        assert incident.ending is Ending.RECOVERED
        assert incident.peak_share == 1.0
        assert incident.systematic
        # Ten times slower, for the share that each minute had.
        assert incident.severity == pytest.approx(10 * (0.2 + 0.4 + 0.6 + 0.8 + 51))


def test_an_onset_over_an_hour_is_a_nation_but_not_systematic() -> None:
    def says(of: Vantage, platform: str, minute: int) -> tuple[State, float] | State:
        begins = 15 * ((of.asn or 0) - 64_500)
        return (THROTTLED, begins) if minute >= begins else OK

    story = Story(fleet(5), says, 90, platforms=FOUR)
    assert story.scopes()[-1] == "nation"
    assert not any(f.systematic for findings in story.findings for f in findings)


def test_platforms_that_begin_on_other_days_are_not_systematic() -> None:
    def says(of: Vantage, platform: str, minute: int) -> tuple[State, float]:
        return BLOCKED, -1_440.0 if platform == "x" else 0.0

    story = Story(fleet(5), says, 15, platforms=("x", "facebook"))
    assert story.at(14).scope is Scope.NATION
    assert not story.at(14).systematic


def test_platforms_that_one_control_alone_judged_are_not_systematic() -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return THROTTLED

    one, two = (
        Story(fleet(4), says, 15, platforms=("x", "facebook"), controls=controls)
        for controls in (("debian",), ("debian", "jquery"))
    )
    assert not one.at(14).systematic
    assert two.at(14).systematic


def test_a_fault_of_one_network_stays_one_networks() -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return BLOCKED if of.asn == 64_500 else OK

    story = Story(fleet(5, each=2), says, 30)
    assert set(story.scopes()) == {"network"}
    # Not even when it serves most of the country.
    heavy = replace(DEFAULTS, weights={"64500": 0.9}, other_weight=0.025)
    weighed = Story(fleet(5, each=2), says, 30, thresholds=heavy)
    assert set(weighed.scopes()) == {"network"}
    assert weighed.at(0).affected_share == pytest.approx(0.9)


def test_a_platform_that_is_down_everywhere_is_no_national_event() -> None:
    """Vantages inside may take it for a block before the reference is heard; none is a nation."""

    def says(of: Vantage, platform: str, minute: int) -> State:
        if of is ABROAD:
            return State.DOWN if minute >= 3 else OK
        return BLOCKED if minute < 12 else State.DOWN

    story = Story((*fleet(6), ABROAD), says, 40)
    assert "nation" not in story.scopes()
    assert set(story.scopes()[3:]) == {"none"}
    assert "as well" in story.at(5).sentence
    assert all(incident.scope is not Scope.NATION for incident in story.changes)


@pytest.mark.parametrize("abroad", [THROTTLED, BLOCKED, State.DOWN])
def test_references_that_fail_veto(abroad: State) -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return abroad if of is ABROAD else THROTTLED

    assert set(Story((*fleet(6), ABROAD), says, 20).scopes()) == {"none"}


@pytest.mark.parametrize("abroad", [State.UNKNOWN, State.OFFLINE, State.DEGRADED, None])
def test_references_that_say_nothing_neither_veto_nor_confirm(abroad: State | None) -> None:
    def says(of: Vantage, platform: str, minute: int) -> State | None:
        return abroad if of is ABROAD else THROTTLED

    finding = Story((*fleet(6), ABROAD), says, 20).at(19)
    assert finding.scope is Scope.NATION
    assert "no_reference" in finding.reasons
    assert "consistent with" in finding.sentence
    assert "no reference vantage abroad" in finding.sentence


def test_one_networks_line_is_cut() -> None:
    """Its vantages are offline: it says nothing about a platform, and the others go on."""

    def says(of: Vantage, platform: str, minute: int) -> State:
        return State.OFFLINE if of.asn == 64_500 else OK

    story = Story(fleet(4), says, 20)
    assert set(story.scopes()) == {"none"}
    assert 64_500 not in story.at(5).covered_asns
    assert set(story.scopes(FindingKind.OFFLINE)) == {"network"}
    assert "out of reach with everything else" in story.at(5, FindingKind.OFFLINE).sentence


@pytest.mark.parametrize("silent", [State.OFFLINE, State.UNKNOWN, None])
def test_half_the_fleet_is_absent(silent: State | None) -> None:
    """Absent data is neither fine nor affected: shares are those of the networks that are heard,
    and when fewer than half are heard, nothing is called fine."""

    def during(struck: int, absent: int) -> Story:
        def says(of: Vantage, platform: str, minute: int) -> State | None:
            place = (of.asn or 0) - 64_500
            if minute >= 20 and place >= 10 - absent:
                return silent
            return THROTTLED if place < struck else OK

        return Story(fleet(10), says, 60)

    calm = during(struck=0, absent=6)
    assert calm.scopes()[19] == "none"
    assert set(calm.scopes()[20:]) == {"insufficient"}
    assert calm.at(30).affected_share == 0.0
    assert calm.at(30).coverage == pytest.approx(0.4)

    # Two of ten are struck; with half of them gone these are two of five, and no nation.
    two = during(struck=2, absent=5)
    assert two.at(30).affected_share == pytest.approx(0.4)
    assert set(two.scopes()) == {"partial"}

    # Four of four that are heard are struck, but they are less than half of what is known.
    four = during(struck=4, absent=6)
    assert four.at(59).affected_share == 1.0
    assert set(four.scopes()) == {"partial"}
    assert "low_coverage" in four.at(59).reasons


def test_to_be_forgotten_is_no_recovery() -> None:
    """Five of eight are silent for longer than anything remembers: they are still not fine."""

    def says(of: Vantage, platform: str, minute: int) -> State:
        return OK

    thresholds = NationConfig(remember=3_600.0)  # type: ignore[arg-type]
    story, told = (
        Story(
            fleet(8),
            says,
            90,
            thresholds=config,
            exists=lambda of, minute: minute < 10 or (of.asn or 0) < 64_503,
        )
        for config in (
            thresholds,
            replace(thresholds, gone=("v3-0", "v4-0", "v5-0", "v6-0", "v7-0")),
        )
    )
    for minute in (20, 69, 70, 89):
        assert story.at(minute).coverage == pytest.approx(3 / 8)
        assert story.at(minute).scope is Scope.INSUFFICIENT
    # Unless the operator says that they are gone.
    assert told.at(20).coverage == 1.0
    assert told.at(20).scope is Scope.NONE


def test_a_vantage_that_moved_leaves_nothing_behind() -> None:
    old, new = vantage("a", 64_500), vantage("a", 64_505)

    def says(of: Vantage, platform: str, minute: int) -> State:
        return OK

    story = Story(
        (old, new, *fleet(4)[1:]),
        says,
        40,
        exists=lambda of, minute: of is not (new if minute < 10 else old),
    )
    assert story.at(39).coverage == 1.0
    assert story.at(39).covered_asns == (64_501, 64_502, 64_503, 64_505)


def test_all_that_fall_silent_together_are_a_finding() -> None:
    """Ten of ten stop within three minutes; nobody says anything, and that is what is said."""

    def says(of: Vantage, platform: str, minute: int) -> State:
        return OK

    def exists(of: Vantage, minute: int) -> bool:
        return minute <= 30 + ((of.asn or 0) - 64_500) % 4 or minute >= 80

    story = Story(fleet(10), says, 100, exists=exists)
    silent = FindingKind.SILENT
    kinds = [{f.kind for f in step} for step in story.findings]
    assert all(silent not in of for of in kinds[:32])
    assert kinds[40] == {silent}
    assert story.at(60, silent, "").scope is Scope.NATION
    assert story.at(60, silent, "").sentence == (
        "PK: 10 of 10 vantages went silent between 2024-01-20 12:30 UTC and 2024-01-20 12:33 UTC, "
        "in 10 networks, and have not been heard since; a shutdown, a power cut and a fault of the "
        "way to whoever hears them look alike from here."
    )
    assert all(silent not in of for of in kinds[80:])


def test_silence_that_comes_one_by_one_is_none_together() -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return OK

    def exists(of: Vantage, minute: int) -> bool:
        return minute < 20 + 12 * ((of.asn or 0) - 64_500)

    story = Story(fleet(6), says, 100, exists=exists)
    assert not any(f.kind is FindingKind.SILENT for step in story.findings for f in step)
    # And yet nothing is called fine: fewer and fewer are heard.
    assert story.at(70).scope is Scope.INSUFFICIENT


def test_half_of_a_network_is_neither_affected_nor_fine() -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return THROTTLED if of.asn == 64_500 and of.name.endswith("-0") else OK

    finding = Story(fleet(4, each=2), says, 3).at(2)
    assert finding.covered_asns == (64_501, 64_502, 64_503)
    assert finding.divided_asns == (64_500,)
    assert finding.scope is Scope.VANTAGE
    assert "divided_networks" in finding.reasons
    assert "half of the vantages of one network" in finding.sentence


@pytest.mark.parametrize(
    ("upstreams", "least", "scope"),
    [
        (("tic", "tic", "tic"), 2, Scope.PARTIAL),
        (("tic", "tic", "tic"), 1, Scope.NATION),
        (("tic", "TIC", "tic"), 2, Scope.PARTIAL),
        (("tic", "tic", ""), 2, Scope.NATION),
        # The first one's network is the upstream of the others.
        (("", "AS64500", "64500"), 2, Scope.PARTIAL),
        (("", "", ""), 2, Scope.NATION),
    ],
)
def test_networks_behind_one_upstream_are_no_country(
    upstreams: tuple[str, ...], least: int, scope: Scope
) -> None:
    vantages = [
        replace(one, upstream=upstream) for one, upstream in zip(fleet(3), upstreams, strict=True)
    ]

    def says(of: Vantage, platform: str, minute: int) -> State:
        return OK if of is ABROAD else BLOCKED

    config = replace(DEFAULTS, min_upstreams=least)
    finding = Story((*vantages, ABROAD), says, 15, platforms=FOUR, thresholds=config).at(14)
    assert finding.scope is scope
    assert finding.systematic is (scope is Scope.NATION)
    assert ("3 of 3 networks (100% of their weight), one upstream" in finding.sentence) is (
        scope is Scope.PARTIAL
    )


def _struck(struck: tuple[str, ...], of: Vantage, platform: str, minute: int) -> State:
    return BLOCKED if platform in struck else OK


def test_platforms_of_one_operator_are_one() -> None:
    operators = {"facebook": "Meta", "instagram": "Meta"}
    for struck, systematic in ((FOUR[1:3], False), (FOUR[:3], True)):
        says = partial(_struck, struck)
        story = Story(fleet(5), says, 15, platforms=FOUR, operators=operators)
        assert story.at(14, platform="facebook").scope is Scope.NATION
        assert story.at(14, platform="facebook").systematic is systematic


@pytest.mark.parametrize(
    ("abroad", "restricted", "words"),
    [
        ((), Scope.INSUFFICIENT, "it may be X's own outage: nobody has looked from outside"),
        ((OK,), Scope.NATION, "reference vantages abroad find nothing wrong with it"),
        ((State.DOWN,), Scope.INSUFFICIENT, "fails at the reference vantages abroad as well"),
        ((State.IMPAIRED,), Scope.INSUFFICIENT, "fails at the reference vantages abroad as well"),
        ((OK, State.DOWN), Scope.INSUFFICIENT, "reference vantages abroad disagree"),
        (
            (OK, OK, State.DOWN),
            Scope.NATION,
            "reference vantages abroad find nothing wrong with it",
        ),
        ((OK, State.DOWN, State.DOWN), Scope.INSUFFICIENT, "as well"),
        ((State.UNKNOWN,), Scope.INSUFFICIENT, "nobody has looked from outside"),
    ],
)
def test_what_is_impaired_everywhere_inside(
    abroad: tuple[State, ...], restricted: Scope, words: str
) -> None:
    """Five of five networks prove that X fails, and nothing rules out its own outage but those who
    look from outside."""
    references = {
        vantage(f"abroad-{number}", 64_900 + number, country="DE", role=Role.REFERENCE): state
        for number, state in enumerate(abroad)
    }

    def says(of: Vantage, platform: str, minute: int) -> State:
        return references.get(of, State.IMPAIRED)

    story = Story((*fleet(5), *references), says, 20, platforms=FOUR)
    finding = story.at(19, FindingKind.IMPAIRED)
    assert words in finding.sentence
    assert finding.scope is not Scope.NATION
    assert story.at(19).scope is restricted
    assert story.at(19).systematic is (restricted is Scope.NATION)
    if finding.reference is not Reference.FAILING:
        assert finding.sentence.startswith("PK: X is impaired in 5 of 5 networks")


def test_a_reference_that_looked_before_it_began_has_not_looked() -> None:
    def says(of: Vantage, platform: str, minute: int) -> tuple[State, float]:
        return (OK, 0.0) if of is ABROAD else (State.IMPAIRED, 2.0)

    # An outage does not reach all places in the same minute: what was seen in the first five says
    # nothing yet.
    early = Story((*fleet(5), ABROAD), says, 20, looked=lambda of, minute: 6.5)
    late = Story((*fleet(5), ABROAD), says, 20, looked=lambda of, minute: 7.0)
    assert early.at(19).scope is Scope.INSUFFICIENT
    assert late.at(19).scope is Scope.NATION


# What each of three references vouches for; whether an impairment of reads of the object counts.
_READ, _SHAKEN = Vouch(target="object", at=1.0, read_at=1.0), Vouch(target="object", at=1.0)
_OTHER = Vouch(target="page", at=1.0, read_at=1.0, long_at=1.0)
VOUCHED = {
    "all of them read it": ((_READ,), (_READ,), (_READ,), True),
    "two of three read it": ((_READ,), (_READ,), (_SHAKEN,), True),
    "one of three read it": ((_READ,), (_SHAKEN,), (_SHAKEN,), False),
    "they only shake hands with it": ((_SHAKEN,), (_SHAKEN,), (_SHAKEN,), False),
    "they read another target": ((_OTHER,), (_OTHER, _SHAKEN), (_OTHER,), False),
    "an earlier version tells nothing of targets": ((), (), (), False),
}


@pytest.mark.parametrize("name", VOUCHED)
def test_references_speak_of_what_they_have_looked_at(name: str) -> None:
    """``ok`` by handshakes says nothing of reads, nor that of one target anything of another."""
    *each, counts = VOUCHED[name]
    abroad = [vantage(f"abroad-{n}", 64_990 + n, role=Role.REFERENCE) for n in range(3)]

    def says(of: Vantage, platform: str, minute: int) -> State:
        return OK if of in abroad else State.IMPAIRED

    def vouches(of: Vantage, at: float) -> tuple[Vouch, ...]:
        if of not in abroad:
            return ()
        return tuple(
            replace(one, at=at, read_at=one.read_at and at, long_at=one.long_at and at)
            for one in each[abroad.index(of)]
        )

    story = Story((*fleet(5), *abroad), says, 20, vouches=vouches)
    found = story.at(19)
    assert found.reference is Reference.FINE
    assert found.scope is (Scope.NATION if counts else Scope.INSUFFICIENT)
    assert len(story.at(19, FindingKind.IMPAIRED).affected_asns) == 5


def test_one_reference_of_several_vetoes_nothing() -> None:
    others = [vantage(f"abroad-{n}", 64_990 + n, role=Role.REFERENCE) for n in range(2)]

    def says(of: Vantage, platform: str, minute: int) -> State:
        return broken.get(of, THROTTLED)

    broken = {others[0]: State.DOWN, others[1]: OK}
    divided = Story((*fleet(5), *others), says, 15).at(14)
    assert divided.reference is Reference.DIVIDED
    assert divided.scope is Scope.NATION
    assert "consistent with" in divided.sentence
    assert "the reference vantages abroad disagree" in divided.sentence
    # Where one alone is not believed, two must be fine.
    two = replace(DEFAULTS, min_references=2)
    broken[others[0]] = State.OFFLINE
    assert Story((*fleet(5), *others), says, 15, thresholds=two).at(14).reference is (
        Reference.DIVIDED
    )


def test_a_gap_breaks_what_must_hold() -> None:
    def says(of: Vantage, platform: str, minute: int) -> State | None:
        return None if minute == 5 else THROTTLED

    scopes = Story(fleet(4), says, 20, platforms=("x",)).findings
    found = [[f.scope.value for f in step if f.kind is FindingKind.RESTRICTED] for step in scopes]
    assert found[5] == []
    assert found[15] == ["partial"]
    assert found[16] == ["nation"]


def test_clocks_that_are_wrong() -> None:
    """Onsets on a vantage's own clock are corrected by what its clock says now; where there are
    three vantages in a network, one that cannot be corrected moves nothing."""

    def says(of: Vantage, platform: str, minute: int) -> tuple[State, float]:
        return THROTTLED, 120.0 if of.name.endswith("-2") else 0.0

    three = Story(fleet(4, each=3), says, 15, platforms=FOUR)
    assert three.at(14).since == BEGIN
    assert three.at(14).onset_spread_seconds == 0.0
    assert three.at(14).systematic


def test_a_vantage_that_lies_about_its_asn_counts_for_no_network() -> None:
    """Two networks are struck; a third vantage says it is in one network, then in another. That
    must not make three."""
    honest = (
        vantage("a", 64_500),
        vantage("b", 64_501),
        vantage("c", 64_502),
        vantage("d", 64_503),
    )
    first, second = vantage("liar", 64_504), vantage("liar", 64_505)

    def says(of: Vantage, platform: str, minute: int) -> State:
        return THROTTLED if of.name in {"a", "b", "liar"} else OK

    at_once = Story((*honest, first, second), says, 30)
    assert set(at_once.scopes()) == {"partial"}
    assert at_once.at(20).affected_asns == (64_500, 64_501)
    assert at_once.at(20).covered_asns == (64_500, 64_501, 64_502, 64_503)

    in_turn = Story(
        (*honest, first, second),
        says,
        60,
        exists=lambda of, minute: of.name != "liar" or of == (first, second)[minute // 5 % 2],
    )
    assert "nation" not in in_turn.scopes()
    # From its second claim on, it counts for neither.
    assert in_turn.at(30).covered_asns == (64_500, 64_501, 64_502, 64_503)


def test_a_name_twice_in_one_network_is_one_vantage() -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return BLOCKED if of.name == "twice" else OK

    same = (vantage("twice"), vantage("twice"), vantage("b"), vantage("c"))
    story = Story((*same, *fleet(4)[1:]), says, 5)
    # Blocked at one of three, heard twice: no majority.
    assert set(story.scopes()) == {"vantage"}


def test_clean_hosting_vantages_outvote_nobody() -> None:
    servers = tuple(vantage(f"s{n}", 64_500 + n, access=Access.HOSTING) for n in range(9))

    def says(of: Vantage, platform: str, minute: int) -> State:
        return OK if of.access is Access.HOSTING else THROTTLED

    finding = Story((*fleet(3), *servers), says, 15).at(14)
    assert finding.scope is Scope.NATION
    assert finding.affected_share == 1.0


def test_affected_hosting_vantages_make_no_network() -> None:
    servers = tuple(vantage(f"s{n}", 64_600 + n, access=Access.HOSTING) for n in range(9))

    def says(of: Vantage, platform: str, minute: int) -> State:
        return BLOCKED if of.access is Access.HOSTING else OK

    finding = Story((*fleet(3), *servers), says, 15).at(14)
    assert finding.scope is Scope.VANTAGE
    assert finding.affected_vantages == 9


@pytest.mark.parametrize("networks", [1, 2])
def test_below_three_networks_it_is_never_a_nation(networks: int) -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return BLOCKED

    story = Story((*fleet(networks, each=5), vantage("nowhere", None)), says, 30)
    assert set(story.scopes()) == {"insufficient"}
    assert "insufficient coverage" in story.at(20).sentence


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (State.DEGRADED, FindingKind.DEGRADED, "slow with everything else on the line nation-wide"),
        (State.OFFLINE, FindingKind.OFFLINE, "out of reach with everything else on the line"),
    ],
)
def test_lines_have_words_of_their_own(state: State, kind: FindingKind, words: str) -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return OK if of is ABROAD else state

    story = Story((*fleet(4), ABROAD), says, 15)
    assert story.at(14, kind).scope is Scope.NATION
    assert words in story.at(14, kind).sentence
    assert story.at(14).scope is not Scope.NATION
    assert "throttled" not in story.at(14, kind).sentence


def test_silence_closes_no_incident_until_it_is_forgotten() -> None:
    def says(of: Vantage, platform: str, minute: int) -> State | None:
        return THROTTLED if minute < 5 else (None if minute < 65 else OK)

    lasting = Story(fleet(3), says, 90)
    assert [i.ending for i in lasting.changes if i.closed_at] == [Ending.RECOVERED]
    (closed,) = (i for i in lasting.changes if i.closed_at)
    assert closed.closed_at == BEGIN + (65 + 15) * 60
    assert closed.updated_at == BEGIN + 4 * 60

    forgetful = NationConfig(forget=1_800.0)  # type: ignore[arg-type]
    lost = Story(fleet(3), says, 60, thresholds=forgetful)
    (gone,) = (i for i in lost.changes if i.closed_at)
    assert gone.ending is Ending.NO_DATA


@pytest.mark.parametrize("after", [State.OFFLINE, None, State.UNKNOWN])
def test_a_network_that_is_throttled_and_then_cut_off_has_not_recovered(
    after: State | None,
) -> None:
    """The others were fine all the time, and what they say is nothing about that one."""
    config = NationConfig(forget=Seconds(3_600.0))

    def says(of: Vantage, platform: str, minute: int) -> State | None:
        if of.asn != 64_500 or minute < 5:
            return OK
        return THROTTLED if minute < 20 else after

    def last(says: Says, minutes: int) -> Incident:
        told = Story(fleet(4), says, minutes, thresholds=config).changes
        return [incident for incident in told if incident.kind is FindingKind.RESTRICTED][-1]

    assert last(says, 60).ending is None
    assert last(says, 100).ending is Ending.NO_DATA

    def back(of: Vantage, platform: str, minute: int) -> State | None:
        return OK if minute >= 40 else says(of, platform, minute)

    assert last(back, 60).ending is Ending.RECOVERED


@pytest.mark.parametrize(
    ("inside", "abroad", "kind", "words"),
    [
        (State.OFFLINE, State.OFFLINE, FindingKind.OFFLINE,
         "X is out of reach with everything else on the line at the reference vantages abroad as "
         "well, so"),
        (OK, State.OFFLINE, FindingKind.OFFLINE,
         "X is out of reach with everything else on the line at the reference vantages abroad, so"),
        (OK, State.DEGRADED, FindingKind.DEGRADED,
         "X is slow with everything else on the line at the reference vantages abroad, so"),
        (OK, State.DOWN, FindingKind.RESTRICTED, "X fails at the reference vantages abroad, so"),
        (BLOCKED, State.DOWN, FindingKind.RESTRICTED,
         "X fails at the reference vantages abroad as well, so"),
    ],
)  # fmt: skip
def test_a_reference_whose_line_is_at_fault_says_nothing_of_the_platform(
    inside: State, abroad: State, kind: FindingKind, words: str
) -> None:
    def says(of: Vantage, platform: str, minute: int) -> State:
        return abroad if of is ABROAD else inside

    finding = Story((*fleet(5), ABROAD), says, 15, platforms=FOUR).at(14, kind)
    assert words in finding.sentence
    assert finding.sentence.endswith(" nothing is said about the country.")
