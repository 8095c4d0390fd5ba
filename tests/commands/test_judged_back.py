"""The end of what began before us is told of the days before it: verdict, history, report."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from probe.cli import main
from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.model.identity import LegRole
from probe.model.observation import Leg
from probe.model.stored import JudgedSpan, StoredRound, VerdictSpan, judged, looked_back
from probe.model.verdict import LookingBack, State, Verdict
from probe.publish.report.gather import gather, judged_back, window
from probe.publish.report.report_parts import Setting, StateSpan
from probe.publish.report.story import tell
from probe.publish.report.times import TimeWriter
from probe.store.writer import Store
from tests.verdict.country import WELL, Country, Done

TIMES = 6.0


def slow_from_the_start(leg: Leg, address: str) -> Done:
    return Done(transfer=TIMES) if leg.role is LegRole.TARGET else WELL


@pytest.fixture(scope="module")
def rounds() -> tuple[StoredRound, ...]:
    """A platform that was slow from the first round on, for a day, and then no more."""
    country, found = Country(1, swaps=False), []
    country.act = slow_from_the_start
    for number in range(110):
        if number == 100:
            country.act = lambda leg, address: WELL
        verdict = country.run(1)
        observed = country.a_round()
        found.append(StoredRound(observed=observed, verdict=verdict))
    return tuple(found)


def back(rounds: tuple[StoredRound, ...]) -> LookingBack:
    found = rounds[-1].verdict.back
    assert found is not None
    return found


def test_the_verdict_says_from_when_to_when_and_by_which_numbers(
    rounds: tuple[StoredRound, ...],
) -> None:
    found, last = back(rounds), rounds[-1].verdict
    assert all(one.verdict.back is None for one in rounds[:100])
    assert last.state is State.OK
    assert (found.since, found.until) == (
        rounds[0].observed.started_at,
        rounds[100].observed.started_at,
    )
    assert found.times == pytest.approx(TIMES, rel=0.5)
    assert found.after / found.before == pytest.approx(found.times)
    assert 0.7 < found.others < 1.4
    assert f"{found.times:.1f} times" in last.sentence


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, rounds: tuple[StoredRound, ...]) -> Path:
    path = tmp_path_factory.mktemp("back") / "history.sqlite3"
    store = Store(path, StoreConfig(batch=Seconds(0.0)))
    store.start()
    for one in rounds:
        store.round_finished(one.observed, one.verdict)
    store.flush()
    store.close()
    return path


def over(file: Path, rounds: tuple[StoredRound, ...], *, until: int = -1) -> list[str]:
    first, last = rounds[0].observed.started_at, rounds[until].observed.started_at + 1.0
    return ["--history", str(file), "--from", f"{first:.0f}", "--to", f"{last:.0f}"]


def test_the_history_judges_the_spans_before_it_back(
    file: Path, rounds: tuple[StoredRound, ...]
) -> None:
    # A time that ended before the end was seen, too.
    for until in (-1, 50):
        asked = ["history", *over(file, rounds, until=until)]
        told = CliRunner().invoke(main, asked)
        assert told.exit_code == 0, told.output
        assert "Judged back: object read" in " ".join(told.output.split())
        spans = msgspec.json.decode(
            CliRunner().invoke(main, [*asked, "--json"]).stdout, type=list[JudgedSpan]
        )
        assert all(
            (span.judged_back is not None) is (span.started_at < back(rounds).until)
            for span in spans
            if span.state in (State.OK, State.UNKNOWN)
        )
        assert spans[0].judged_back == back(rounds)


def test_the_report_shows_the_time_before_as_impaired_with_its_numbers(
    rounds: tuple[StoredRound, ...],
) -> None:
    found = back(rounds)
    of = window(rounds[0].observed.started_at, rounds[-1].verdict.at)
    gathered = gather(rounds, of)
    (slot,) = gathered.slots.values()
    assert slot.spans[0].state is State.IMPAIRED
    assert all(span.state is State.IMPAIRED for span in slot.spans if span.end <= found.until)
    assert slot.spans[-1].state is State.OK
    story = tell(gathered, Setting(country="ZZ", vantages={}, titles={"x": "X"}), TimeWriter())
    said = " ".join(story.sentences)
    assert f"{found.times:.1f} times as fast" in said
    assert "judged back" in said
    assert "nobody is accused" in said


BACK = LookingBack(
    target="object", since=100.0, until=200.0, times=5.0, before=1e4, after=5e4, others=1.0
)


@pytest.mark.parametrize(
    ("span", "becomes"),
    [
        ((State.OK, 0.0, 300.0), [("ok", 0, 100), ("impaired", 100, 200), ("ok", 200, 300)]),
        ((State.UNKNOWN, 120.0, 150.0), [("impaired", 120, 150)]),
        ((State.OK, 200.0, 300.0), [("ok", 200, 300)]),
        ((State.OK, 0.0, 100.0), [("ok", 0, 100)]),
        # What was said for a reason of its own stands.
        ((State.OFFLINE, 100.0, 200.0), [("offline", 100, 200)]),
        ((State.BLOCKED, 50.0, 250.0), [("blocked", 50, 250)]),
        ((State.DEGRADED, 50.0, 250.0), [("degraded", 50, 250)]),
    ],
)
def test_only_what_was_called_fine_or_not_known_is_judged_back(
    span: tuple[State, float, float], becomes: list[tuple[str, float, float]]
) -> None:
    state, start, end = span
    found = judged_back([StateSpan(state=state, start=start, end=end)], [BACK])
    assert [(one.state.value, one.start, one.end) for one in found] == becomes


def test_another_vantages_end_says_nothing_of_this_one(rounds: tuple[StoredRound, ...]) -> None:
    def span(vantage: str, verdict: Verdict) -> VerdictSpan:
        return VerdictSpan(
            vantage=vantage,
            platform="x",
            state=State.OK,
            started_at=120.0,
            ended_at=130.0,
            rounds=1,
            first=verdict,
            last=verdict,
        )

    last = msgspec.structs.replace(rounds[-1].verdict, back=BACK)
    plain = msgspec.structs.replace(last, back=None)
    spans = [span("home", plain), span("office", plain)]
    backs = looked_back([span("home", last)])
    assert [one.judged_back for one in judged(spans, backs)] == [BACK, None]
