"""A report of summaries is that of the rounds, to the byte, and reads hardly any round."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from probe.config.schema import StoreConfig
from probe.model.law import Amount, Between, Law, LawEffect, Reach, Unit
from probe.model.round_summary import SUMMARY_FORM, RoundSummary
from probe.model.stored import StoredRound
from probe.model.verdict import State
from probe.observe.summed import summary_of
from probe.publish.report.gather import gather, gather_summaries, window
from probe.publish.report.render import render_html
from probe.publish.report.report_parts import Gathered, Setting
from probe.publish.report.times import TimeWriter
from probe.store.database import open_writer
from probe.store.history import History
from probe.store.keeper import Keeper
from probe.store.migrations import SUMMED_SINCE, version
from probe.store.retention import prune
from probe.store.summaries import make_up
from synth.event import END, ONSET, TITLES, VANTAGES, history
from tests.store.rounds import START, stored
from tests.store.test_writer import a_store, keep

DAY = 86_400.0
HOUR = 3_600.0
OVER = window(ONSET - 8 * HOUR, END + HOUR)
SETTING = Setting(country="PK", vantages={v.name: v for v in VANTAGES}, titles=TITLES)
LAW = Law(
    effect=LawEffect.SLOWS,
    reads=9,
    at=ONSET + HOUR,
    after=(Amount(Unit.BYTES, Between(255.0 * 1_024, 257.0 * 1_024)),),
    bytes_per_second=Between(15_900.0, 16_000.0),
    reach=Reach.CONNECTION,
)
Alter = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def event() -> tuple[StoredRound, ...]:
    """One line before, in and after an event, and a reference."""
    some = (VANTAGES[0], VANTAGES[-1])
    told = history(OVER.start, OVER.end, vantages=some, light_seconds=600.0)
    return tuple(with_law(one) for one in told)


def with_law(one: StoredRound) -> StoredRound:
    law = LAW if one.verdict.restricted else None
    return replace(one, verdict=replace(one.verdict, law=law))


@pytest.fixture(scope="module")
def kept(event: tuple[StoredRound, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return file_of(event, tmp_path_factory.mktemp("kept") / "h")


@pytest.fixture
def copied(kept: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy"
    path.write_bytes(kept.read_bytes())
    return path


def file_of(rounds: Iterable[StoredRound], path: Path) -> Path:
    store = a_store(path)
    keep(store, *rounds)
    assert store.close(30)
    return path


def page(gathered: Gathered) -> str:
    return render_html(gathered, SETTING, TimeWriter(), version="1")


def page_of_file(path: Path) -> str:
    with History(path) as opened:
        return page(gather_summaries(opened.summaries(), OVER))


def altered(path: Path, alter: Alter) -> Path:
    connection = sqlite3.connect(path)
    alter(connection)
    connection.commit()
    connection.close()
    return path


def older(connection: sqlite3.Connection) -> None:
    """As the version before summaries wrote it."""
    for table in ("summaries", "words"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("DROP INDEX rounds_ailing_beside")
    connection.execute("ALTER TABLE rounds DROP COLUMN ailing_beside")
    connection.execute(f"PRAGMA user_version = {SUMMED_SINCE - 1}")


def summaries(path: Path) -> list[RoundSummary]:
    with History(path) as opened:
        return [one.summary for one in opened.summaries()]


def test_a_summary_comes_back_as_it_was_made(event: tuple[StoredRound, ...], kept: Path) -> None:
    assert summaries(kept) == [summary_of(one) for one in event]


@pytest.mark.parametrize(
    "alter",
    [
        lambda connection: None,
        older,
        lambda connection: connection.execute("DELETE FROM summaries WHERE round % 3 = 0"),
        lambda connection: connection.execute("DELETE FROM words"),
        lambda connection: connection.execute("UPDATE summaries SET body = x'93' WHERE round > 9"),
        lambda connection: connection.execute("UPDATE summaries SET form = form + 1"),
    ],
    ids=["as it is", "an older version's", "gaps", "no words", "damaged", "another form"],
)
def test_the_report_is_that_of_the_rounds(
    event: tuple[StoredRound, ...], copied: Path, alter: Alter
) -> None:
    assert page_of_file(altered(copied, alter)) == page(gather(event, OVER))


def test_only_the_rounds_of_onsets_are_read(kept: Path) -> None:
    with History(kept) as opened:
        asked: list[str] = []
        opened._connection.set_trace_callback(asked.append)
        gathered = gather_summaries(opened.summaries(), OVER)
    assert gathered.rounds > 500
    bodies = [query for query in asked if "bodies" in query]
    assert 0 < len(bodies) == len(gathered.episodes)


def test_a_damaged_round_is_told_of_by_its_summary(copied: Path) -> None:
    altered(copied, lambda connection: connection.execute("UPDATE bodies SET body = x'00'"))
    with History(copied) as opened:
        gathered = gather_summaries(opened.summaries(), OVER)
    assert gathered.episodes
    assert {episode.onset for episode in gathered.episodes} == {None}
    assert page(gathered)


def test_a_part_of_them(kept: Path, event: tuple[StoredRound, ...]) -> None:
    with History(kept) as opened:
        found = [
            one.summary
            for one in opened.summaries(
                since=ONSET, until=ONSET + HOUR, platform="x", vantage=VANTAGES[0].name
            )
        ]
    assert found == [
        summary_of(one)
        for one in event
        if ONSET <= one.observed.started_at < ONSET + HOUR
        and (one.observed.platform, one.observed.vantage) == ("x", VANTAGES[0].name)
    ]


def test_an_older_file_gets_its_summaries_by_and_by(
    event: tuple[StoredRound, ...], copied: Path
) -> None:
    altered(copied, older)
    keeper = Keeper(copied, wall=lambda: END)
    assert keeper.ready()
    keeper.prune(StoreConfig(), END, 0, DAY)
    keeper.close()
    connection = sqlite3.connect(copied)
    assert version(connection) >= SUMMED_SINCE
    (made,) = connection.execute("SELECT count(*) FROM summaries").fetchone()
    connection.close()
    assert made == min(len(event), 1_000)
    assert summaries(copied) == [summary_of(one) for one in event]
    with History(copied) as opened:
        assert list(opened.rounds()) == list(event)


def portions(path: Path, most: int) -> Iterator[int]:
    """What is made up for at each call, until all was looked at."""
    connection, before = open_writer(path), 2**62
    while before:
        old = connection.total_changes
        before = make_up(connection, before, most)
        (rows,) = connection.execute("SELECT count(*) FROM summaries").fetchone()
        yield rows if connection.total_changes > old else 0
    connection.close()


def test_each_pass_makes_a_portion_and_a_damaged_round_stops_none(tmp_path: Path) -> None:
    path = file_of((stored(n) for n in range(50)), tmp_path / "h")
    altered(path, older)
    altered(path, lambda c: c.execute("UPDATE bodies SET body = x'00' WHERE round IN (7, 30, 50)"))
    assert list(portions(path, 20)) == [19, 38, 47]
    assert list(portions(path, 20)) == [0]


def test_a_form_that_is_not_ours_is_made_anew(copied: Path) -> None:
    altered(copied, lambda connection: connection.execute("UPDATE summaries SET form = 0"))
    connection = open_writer(copied)
    make_up(connection, 2**62, 30)
    found = dict(connection.execute("SELECT form, count(*) FROM summaries GROUP BY form"))
    connection.close()
    assert found[SUMMARY_FORM] == 30


def test_what_is_forgotten_leaves_no_summary(tmp_path: Path) -> None:
    path = file_of((stored(n) for n in range(288)), tmp_path / "h")
    connection = open_writer(path)
    prune(connection, StoreConfig(), now=START + 40 * DAY, forwarded=0, keep_samples_seconds=DAY)
    rounds = set(connection.execute("SELECT id FROM rounds"))
    assert 20 < len(rounds) < 40
    assert set(connection.execute("SELECT round FROM summaries")) == rounds
    connection.close()


def test_they_are_small_and_words_do_not_grow_with_time(tmp_path: Path) -> None:
    words, shares = [], []
    for days in (1, 2):
        rounds = (
            stored(n, state=State.BLOCKED if n % 50 == 0 else State.OK) for n in range(288 * days)
        )
        connection = sqlite3.connect(file_of(rounds, tmp_path / f"{days}"))
        words.append(connection.execute("SELECT count(*) FROM words").fetchone())
        ((summed, whole),) = connection.execute(
            "SELECT (SELECT sum(length(body)) FROM summaries), sum(length(body)) FROM bodies"
        )
        shares.append(summed / whole)
        connection.close()
    assert words[0] == words[1]
    assert max(shares) < 0.25
