"""Targets rot, each in every way: nobody is accused, the next candidate is read, it is told."""

from __future__ import annotations

import pytest

from benchmarks.rot import play
from probe.config import load
from probe.config.candidates import candidates_of, mark_of
from probe.config.definition import Target
from probe.model.object_record import Why
from probe.model.verdict import RESTRICTED
from scenarios.table import SCENARIOS
from synth.rot import Rot, Rotten
from synth.rot_play import DAY, HOUR, RotPlay, RotPlayed, every_platform

CONFIG = every_platform()
TARGETS = [("x", "object"), ("facebook", "object"), ("instagram", "object")]
TARGETS += [("whatsapp", "object"), ("youtube", "video")]
ROUND = 1_800.0
# Jitter of two rounds, and the bursts of others that one waits for.
SLACK = 0.25 * ROUND


@pytest.fixture(scope="module", params=Rot, ids=[rot.name.lower() for rot in Rot])
def life(request: pytest.FixtureRequest) -> tuple[Rot, RotPlayed]:
    """Where nobody's server says it, the same is so outside: a reference shows that."""
    rot: Rot = request.param
    doubtful = not rot.harmless and not rot.told_by_its_owner
    return rot, RotPlay(CONFIG, rot, seed=1, abroad=doubtful).run()


def test_nobody_is_accused(life: tuple[Rot, RotPlayed]) -> None:
    _, played = life
    said = {
        (verdict.platform, verdict.state, verdict.reason)
        for verdicts in played.verdicts.values()
        for verdict in verdicts
        if verdict.state in RESTRICTED
    }
    assert not said


@pytest.mark.parametrize("key", TARGETS, ids="/".join)
def test_the_next_candidate_is_read_within_two_rounds(
    life: tuple[Rot, RotPlayed], key: tuple[str, str]
) -> None:
    rot, played = life
    begin, end = played.first
    during = [one for one in played.asked_from(key, begin) if one.at < end]
    if rot.harmless:
        assert {(one.candidate, one.gave) for one in during} == {(0, True)}
    elif rot.told_by_its_owner:
        well = [one for one in during if one.gave]
        assert well[0].at - begin < 2 * ROUND + SLACK
        assert all(one.candidate for one in well)
        # Where its swap was told first to wait, the first is asked once more after that.
        assert [one.candidate for one in during if not one.gave] in ([], [0])
    else:
        # A censor may do the same, and may not choose what is compared.
        assert {(one.candidate, one.gave) for one in during} == {(0, False)}


def test_the_first_is_back_after_a_day() -> None:
    played = RotPlay(CONFIG, Rot.NOT_FOUND, seed=1).run(after=DAY + 2 * HOUR)
    for key in TARGETS:
        after = played.asked_from(key, played.first[1] + DAY)
        seen = {(one.candidate, one.gave) for one in after if one.at < played.every[0]}
        assert seen == {(0, True)}


@pytest.mark.parametrize("key", TARGETS, ids="/".join)
def test_rot_is_told_within_a_day_and_over_when_it_is(
    life: tuple[Rot, RotPlayed], key: tuple[str, str]
) -> None:
    rot, played = life
    begin, end = played.every
    told = played.unread(key, begin, end)
    if rot.harmless:
        assert not told
        return
    whys = {one.why for one in told}
    assert whys <= ({Why.GONE, Why.NO_LINK} if rot.told_by_its_owner else {Why.UNREACHED})
    assert told[0].since - begin < 4 * ROUND  # a host that asks to wait is not asked for an hour
    assert not told[0].rotten
    assert told[-1].rotten
    back = next(one.at for one in played.asked_from(key, end) if one.gave)
    assert back - end < 6 * ROUND + SLACK
    assert not played.unread(key, back + ROUND + SLACK, float("inf"))


CONTROLLED = [(one.name, "object") for one in CONFIG.controls]


@pytest.mark.parametrize("rot", Rot, ids=[rot.name.lower() for rot in Rot])
def test_controls_that_rot_accuse_nobody_and_have_another_candidate(rot: Rot) -> None:
    """All of them at once: where all certificates have ended, this machine's clock may be wrong."""
    told = rot.told_by_its_owner and rot is not Rot.EXPIRED
    play = RotPlay(CONFIG, rot, seed=1, controls=True)
    played = play.run_first(calm=4 * HOUR, first=3 * HOUR, after=HOUR)
    verdicts = [one for several in played.verdicts.values() for one in several]
    assert verdicts
    assert not [one.sentence for one in verdicts if one.state in RESTRICTED]
    begin, end = played.first
    others = 0
    for key in CONTROLLED:
        during = [one for one in played.asked_from(key, begin) if one.at < end]
        spare = len(candidates_of(target_of(*key))) > 1
        if not told:
            assert {(one.candidate, one.gave) for one in during} == {(0, rot.harmless)}
        elif spare:
            # Whichever round asks first is told, and all use the next one then. Which control is
            # read is drawn, so some are read once in these hours.
            assert [one.candidate for one in during if not one.gave] in ([], [0])
            assert all(one.candidate for one in during if one.gave)
            others += any(one.gave for one in during)
    assert others >= 4 or not told


def target_of(owner: str, name: str) -> Target:
    """As the shipped files define it."""
    every = (*CONFIG.platforms, *CONFIG.controls)
    targets = next(one.targets for one in every if one.name == owner)
    return next(one for one in targets if one.name == name)


THROTTLED = {
    "russia-2021-twitter": [("x", "object")],
    "russia-2024-youtube": [("youtube", "video")],
    "pakistan-2024": [("facebook", "object"), ("instagram", "object")],
}
GONE = [
    (scenario, target, number)
    for scenario, targets in THROTTLED.items()
    for target in targets
    for number in range(len(candidates_of(target_of(*target))))
]


@pytest.mark.parametrize(("scenario", "key", "number"), GONE)
def test_throttling_is_found_whichever_candidate_is_gone(
    scenario: str, key: tuple[str, str], number: int
) -> None:
    """Of everything that is shipped, with every scenario: python -m benchmarks.rot gone."""
    gone = {mark_of(candidates_of(target_of(*key))[number]): Rot.NOT_FOUND}
    assert found(scenario, gone, together=False)


@pytest.mark.parametrize(("scenario", "targets"), THROTTLED.items(), ids=THROTTLED)
def test_so_it_is_when_the_first_of_each_goes_as_it_begins(
    scenario: str, targets: list[tuple[str, str]]
) -> None:
    firsts = [candidates_of(target_of(*key))[0] for key in targets]
    assert found(scenario, {mark_of(one): Rot.NO_LINK for one in firsts}, together=True)


def found(scenario: str, gone: Rotten, *, together: bool) -> bool:
    one = next(one for one in SCENARIOS if one.id == scenario)
    played = play(load(None, {}), one, "fibre", 1, gone, together=together)
    return (played.found, played.late, played.unjust) == (1, 0, 0)
