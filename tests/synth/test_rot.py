"""Targets rot, each in every way: nobody is accused, the next candidate is read, it is told."""

from __future__ import annotations

import pytest

from probe.config import load
from probe.config.candidates import candidates_of, mark_of
from probe.model.object_record import Why
from probe.model.verdict import RESTRICTED
from scenarios.lines import FIBRE
from scenarios.table import SCENARIOS
from synth.play import Play
from synth.rot import Rot
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


@pytest.mark.parametrize(
    ("scenario", "platform", "target", "number"),
    [
        ("russia-2021-twitter", "x", "page", 0),
        ("russia-2024-youtube", "youtube", "video", 0),
        ("pakistan-2024", "facebook", "object", 0),
    ],
)
def test_throttling_is_found_though_a_candidate_is_gone(
    scenario: str, platform: str, target: str, number: int
) -> None:
    """Every one of them with three scenarios: python -m benchmarks.rot gone."""
    config = load(None, {})
    targets = next(one.targets for one in config.platforms if one.name == platform)
    named = next(one for one in targets if one.name == target)
    play = Play(config, next(one for one in SCENARIOS if one.id == scenario), FIBRE, seed=1)
    for world in play.worlds.values():
        world.rotten = {mark_of(candidates_of(named)[number]): Rot.NOT_FOUND}
    outcome = play.run()
    assert not outcome.wrong
    assert not outcome.contradictions
