"""What is learnt while others are restricted is told as such, for as long as it may be slow, and
changes nothing that is decided."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec
import pytest
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import RoundKind
from probe.model.observation import Leg, RoundObservation
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.model.stored import StoredRound
from probe.model.verdict import State, Verdict
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.store.codec import pack_value, unpack_value
from probe.verdict.normal.level import Level, learned
from probe.verdict.normal.level_mark import DAYS, marked
from probe.verdict.remembered.memory import Memory
from probe.verdict.replay import Recorded, replay
from probe.verdict.words.words_others import NOT_CLAIMED, learnt_while_words
from synth.golden.histories import History
from synth.golden.kept import exact, judged, read
from tests.verdict.country import INTERVAL as QUARTER
from tests.verdict.country import START, Country

DAY = 86_400.0
OTHERS = OthersRestricted(networks=3, since=START - DAY, told_by=ToldBy.OWN)
WORDS = (
    "What is normal here was learnt while this platform was throttled or blocked at other "
    "vantages, in 3 networks (since "
)
TOLD = re.compile(" What is normal here was learnt while .*? itself be slow[.]")


class Among(Country):
    """One vantage of several: ``others`` is what is known of them."""

    others: OthersRestricted | None = None

    def _play(self, legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        made = super()._play(legs, kind, burst)
        return replace(made, others_restricted=self.others)

    def live(self, seconds: float, *, apart: float = 6 * 3_600.0) -> Verdict:
        """Rounds for so long, so far ``apart``."""
        end = self.now + seconds
        while self.now + apart <= end:
            self.now += apart - QUARTER
            said = self.run(1, RoundKind.LIGHT)
        return said


def test_who_begins_meanwhile_is_told_that_its_normal_may_be_slow() -> None:
    home, alone = Among(), Among()
    home.others = OTHERS
    said, without = home.run(4, RoundKind.LIGHT), alone.run(4, RoundKind.LIGHT)
    assert said.learnt_while == OTHERS
    assert said.sentence.startswith(without.sentence)
    assert said.sentence.removeprefix(without.sentence).startswith(f" {WORDS}")
    assert said.sentence.endswith("so it may itself be slow.")
    assert said.may_not_claim == (*without.may_not_claim, NOT_CLAIMED)
    assert _bare(said) == _bare(without)
    assert without.learnt_while is None


def test_nothing_is_told_where_something_else_says_how_fast_it_should_be() -> None:
    home = Among()
    home.others = OTHERS
    assert "as fast as a neutral name at the same server" in home.run(6).sentence
    assert all(said.learnt_while is None for said in home.verdicts)
    assert any(level.mark for level in home.memory.levels.values()), "it is known all the same"


def test_nothing_is_told_before_a_normal_is_known() -> None:
    home = Among()
    home.others = OTHERS
    assert home.run(1, RoundKind.LIGHT).learnt_while is None


def test_it_is_told_until_there_is_a_week_of_readings_after_it() -> None:
    home = Among()
    home.others = OTHERS
    home.live(2 * DAY)
    ended, home.others = home.now, None
    for _ in range(DAYS):
        said = home.live(DAY)
        assert said.learnt_while == replace(OTHERS, until=ended)
        assert learnt_while_words(replace(OTHERS, until=ended)) in said.sentence
    assert home.live(2 * DAY).learnt_while is None
    # What was learnt, and all that is remembered of it, is without it.
    assert all(level.mark is None for level in home.memory.levels.values())


def test_days_without_readings_do_not_count() -> None:
    home = Among()
    home.others = OTHERS
    home.live(DAY)
    home.others = None
    home.live(DAY)
    home.now += 30 * DAY
    assert home.live(DAY).learnt_while is not None


def test_who_has_a_week_of_its_own_from_before_is_not_told() -> None:
    home = Among()
    home.live(8 * DAY)
    home.others = replace(OTHERS, since=home.now)
    assert home.live(3 * DAY).learnt_while is None
    assert all(level.mark is None for level in home.memory.levels.values())


def test_who_has_less_than_a_week_of_its_own_is_told() -> None:
    home = Among()
    home.live(4 * DAY)
    home.others = replace(OTHERS, since=home.now)
    assert home.live(DAY).learnt_while == home.others


def test_a_level_that_begins_anew_has_no_week_of_its_own() -> None:
    level = _lived(30)
    assert marked(level, replace(OTHERS, since=START + 29 * DAY), START + 30 * DAY).mark is None
    anew = learned(level.begun_anew(), 1.0, START + 30 * DAY)
    assert anew.days, "it remembers what was"
    assert marked(anew, replace(OTHERS, since=START + 29 * DAY), START + 30 * DAY).mark is not None


def test_only_levels_of_that_platform_are_marked() -> None:
    home = Among()
    home.others = OTHERS
    home.run(4)
    known = {key.split("|")[2] for key, level in home.memory.levels.items() if level.mark}
    assert known == {"x"}
    assert {"swap", "target", "difference"} <= {
        key.split("|")[1] for key, level in home.memory.levels.items() if level.mark
    }


def test_two_such_times_are_told_as_one() -> None:
    home = Among()
    home.others = OTHERS
    home.live(DAY)
    home.others = None
    home.live(2 * DAY)
    hub = OthersRestricted(networks=5, since=home.now, told_by=ToldBy.HUB)
    home.others = hub
    home.live(DAY)
    said = home.live(DAY)
    assert said.learnt_while == replace(hub, since=OTHERS.since)
    assert said.sentence.endswith("so it may itself be slow. That is the word of the fleet's hub.")


def test_what_is_remembered_is_stored_and_read_again_and_old_levels_can_be_read() -> None:
    home = Among()
    home.others = OTHERS
    home.run(4)
    assert unpack_value(pack_value(home.memory), Memory) == home.memory
    level = _lived(3)
    old = msgspec.msgpack.encode(msgspec.to_builtins(level)[:-1])
    assert msgspec.msgpack.decode(old, type=Level) == level


def _lived(days: int) -> Level:
    level = None
    for day in range(days):
        for hour in range(0, 24, 6):
            level = learned(level, 1.0, START + day * DAY + hour * 3_600.0)
    assert level is not None
    return level


PATTERNS: dict[str, Callable[[int, int], bool]] = {
    "always": lambda number, of: True,
    "in the first half": lambda number, of: number < of // 2,
    "now and then": lambda number, of: number // 7 % 2 == 0,
}


@pytest.fixture(scope="module")
def histories() -> list[History]:
    """Some of each kind, the shortest of the longest first."""
    return sorted(read(), key=lambda one: len(one.rounds))[:66:2]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_state_rests_on_it(pattern: str, histories: list[History]) -> None:
    told = Counter[State]()
    for history in histories:
        without = judged(history)
        for one, plain in zip(judged(_among(history, PATTERNS[pattern])), without, strict=True):
            told[one.now.state] += one.now.learnt_while is not None
            assert exact(replace(one, now=_bare(one.now))) == exact(
                replace(plain, now=_bare(plain.now))
            )
            assert TOLD.sub("", one.now.sentence) == plain.now.sentence
            if one.now.learnt_while is not None:
                assert learnt_while_words(one.now.learnt_while) in one.now.sentence
    # Of a line, and of what fails or is refused, no normal of the platform tells.
    assert {state for state, count in told.items() if count} == {
        *(State.OK, State.THROTTLED, State.IMPAIRED, State.UNKNOWN)
    }
    assert {State.BLOCKED, State.DEGRADED, State.OFFLINE, State.WITHHELD} <= set(told)


def _among(history: History, when: Callable[[int, int], bool]) -> History:
    rounds = tuple(
        replace(
            one,
            others_restricted=replace(OTHERS, since=history.rounds[0].started_at)
            if when(number, len(history.rounds))
            else None,
        )
        for number, one in enumerate(history.rounds)
    )
    return replace(history, rounds=rounds)


def _bare(said: Verdict) -> Verdict:
    """Without what may differ."""
    over = tuple(replace(one, sentence="", learnt_while=None) for one in said.over)
    may_not_claim = tuple(one for one in said.may_not_claim if one != NOT_CLAIMED)
    return replace(said, sentence="", learnt_while=None, may_not_claim=may_not_claim, over=over)


def test_replaying_stored_rounds_says_the_same() -> None:
    home, rounds = Among(), list[RoundObservation]()
    played = home._play

    def kept(legs: list[Leg], kind: RoundKind, burst: Burst | None) -> RoundObservation:
        rounds.append(played(legs, kind, burst))
        return rounds[-1]

    home._play = kept  # type: ignore[method-assign]
    home.others = OTHERS
    home.live(DAY)
    home.others = None
    home.live(DAY)

    def stored() -> Iterator[Recorded]:
        for observed, verdict in zip(rounds, home.verdicts, strict=True):
            line = msgspec.json.encode(StoredRound(observed=observed, verdict=verdict))
            back = msgspec.json.decode(line, type=StoredRound)
            yield Recorded(observed=back.observed, verdict=back.verdict)

    again = list(replay(stored(), lambda observed, latest: home.about))
    assert [one.now for one in again] == home.verdicts
    assert home.verdicts[-1].learnt_while is not None


@pytest.mark.parametrize("language", sorted(set(OFFERED) - {ENGLISH}))
@pytest.mark.parametrize("networks", [1, 2, 3, 11, 100])
def test_it_can_be_said_in_every_language(language: str, networks: int) -> None:
    pytest.importorskip("babel", reason="of the last lock: sh tools/test installs it")
    from probe.publish.languages.catalog import catalog
    from probe.publish.languages.sentence_reader import SentenceReader

    reader = SentenceReader(catalog(language))
    assert reader.said(NOT_CLAIMED)
    for told_by in ToldBy:
        for until in (None, START + DAY):
            found = OthersRestricted(networks=networks, since=START, told_by=told_by, until=until)
            text = f"X (Twitter), pk-1: {learnt_while_words(found)}"
            said = reader.said(text)
            assert said is not None
            assert "normal" not in said or language == "tr"
