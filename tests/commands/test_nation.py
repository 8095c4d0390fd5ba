"""``throttlewatch nation`` asks a running daemon, and says in words what went wrong."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from lab.loopback.prometheus import free_address
from probe.cli import main
from probe.commands.nation import parse_time
from probe.config.schema import StoreConfig, VantageConfig
from probe.model.stored import StoredRound
from probe.model.verdict import State
from probe.nation.fuse import worst
from probe.publish.latest.board import Board
from probe.publish.parcels.archive import Archive
from probe.store.writer import Store
from synth.shape import config, verdict_of
from tests.nation.fleet import ABROAD, Story, fleet
from tests.publish.web.test_server import serving
from tests.values import a_round


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["nation", *arguments], env={"COLUMNS": "200"})


def board() -> Board:
    """A board on which a national event stands."""
    story = Story(
        (*fleet(4), ABROAD), lambda v, p, m: State.OK if v is ABROAD else State.THROTTLED, 15
    )
    held = Board(config())
    held.nation_found(story.findings[14], tuple(story.changes[-1:]))
    return held


async def test_one_sentence_and_the_numbers() -> None:
    async with serving(board()) as client:
        result = await asyncio.to_thread(run, "--url", str(client.base_url))
    assert result.exit_code == 0, result.output
    first, *rest = result.output.splitlines()
    assert first.startswith("PK: X is throttled or blocked nation-wide, 4 of 4 networks")
    (row,) = (line.split() for line in rest if " restricted " in line)
    assert row == ["PK", "x", "restricted", "nation", "4/4", "100%", "100%", "fine"]
    assert "incident pk-x-restricted-1705752000 (open): nation, peak share 100%" in result.output


async def test_json_is_what_the_daemon_answers() -> None:
    async with serving(board()) as client:
        result = await asyncio.to_thread(run, "--json", "--url", str(client.base_url))
        answer = await client.get("/api/v1/findings")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(result.output) == answer.json()
    restricted = next(f for f in answer.json()["findings"] if f["kind"] == "restricted")
    assert restricted["scope"] == "nation"
    assert restricted["affected_asns"] == [64500, 64501, 64502, 64503]


async def test_before_the_first_minute_nothing_is_known() -> None:
    async with serving() as client:
        result = await asyncio.to_thread(run, "--url", str(client.base_url))
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        ["Nothing is known yet: no vantage inside has made a round."],
    )


def test_no_daemon_is_said_in_words() -> None:
    result = run("--url", f"http://{free_address()}")
    assert result.exit_code == 1
    assert "no daemon answers" in result.output
    assert "Traceback" not in result.output


async def test_another_server_is_said_in_words() -> None:
    async with serving() as client:
        result = await asyncio.to_thread(run, "--url", f"{client.base_url}/nothing")
    assert result.exit_code == 1
    assert "404" in result.output


def test_the_past_is_computed_from_the_history(tmp_path: Path) -> None:
    """Four vantages, struck for half an hour an hour ago; the second time with a threshold that
    four networks do not reach."""
    history, now = tmp_path / "history.sqlite3", time.time()
    file = tmp_path / "my.yaml"
    vantages = ", ".join(f"{{name: {v.name}, asn: {v.asn}}}" for v in fleet(4))
    store = Store.open(StoreConfig(path=str(history)))
    for minute in range(120, 0, -5):
        for vantage in fleet(4):
            observed = replace(a_round(), vantage=vantage.name, started_at=now - minute * 60.0)
            state = State.THROTTLED if 30 < minute <= 60 else State.OK
            at = observed.started_at + observed.duration_seconds
            verdict = verdict_of(observed, state)
            store.round_finished(observed, replace(verdict, at=at, since=at))
    assert store.close(20.0)

    def past(more: str = "", *as_json: str) -> Result:
        file.write_text(
            f"country: PK\nstore: {{path: {history}}}\nvantages: [{vantages}]\n"
            f"platforms: [x]\n{more}"
        )
        return run("--from", "2h", "-c", str(file), *as_json)

    found = past()
    assert found.exit_code == 0, found.output
    scopes = [line.split()[3] for line in found.output.splitlines() if line.startswith("20")]
    assert scopes == ["partial", "nation", "none"]
    assert "(recovered): nation, peak share 100%" in found.output
    assert "Nothing is affected at the end of that time." in found.output
    assert "nation-wide" not in past("nation: {min_networks: 5}\n").output
    # For programs the same, as the daemon would have answered it.
    told = json.loads(past("", "--json").output)
    assert [finding["scope"] for finding in told["findings"]] == scopes
    assert [finding["at"] for finding in told["findings"]] == sorted(
        finding["at"] for finding in told["findings"]
    )
    assert [(one["ending"], one["peak_share"]) for one in told["incidents"]] == [("recovered", 1.0)]


def test_the_past_is_computed_from_a_hubs_archive(tmp_path: Path) -> None:
    """Where its vantages are, is the hub's word: the configuration names none of them."""
    archive, now = Archive(tmp_path / "rounds"), time.time()
    for vantage in fleet(4):
        archive.place(VantageConfig(name=vantage.name, country="PK", asn=vantage.asn))
        rounds = []
        for minute in range(120, 0, -5):
            at = now - minute * 60.0
            observed = replace(a_round(), id=f"{minute:x}", vantage=vantage.name, started_at=at)
            state = State.THROTTLED if 30 < minute <= 60 else State.OK
            verdict = replace(verdict_of(observed, state), at=observed.ended_at, since=at)
            rounds.append(StoredRound(observed=observed, verdict=verdict))
        archive.add(vantage.name, rounds)
    file = tmp_path / "my.yaml"
    file.write_text("platforms: [x]\n")
    found = run("--from", "2h", "-c", str(file), "--history", str(archive.root))
    assert found.exit_code == 0, found.output
    assert "(recovered): nation, peak share 100%" in found.output
    assert "warning" not in found.output
    assert "--history needs --from" in run("--history", str(archive.root)).output


def test_without_a_history_the_past_says_so(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(f"store: {{path: {tmp_path / 'none.sqlite3'}}}\n")
    result = run("--from", "6h", "-c", str(file))
    assert result.exit_code == 1
    assert "there is no history" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "1h"], "--to needs --from"),
        (["--from", "1h", "--to", "2h"], "--from must be before --to"),
        (["--from", "yesterday"], "is no time"),
        (["--from", "1h", "--user", "ann"], "reads the history on this machine"),
    ],
)
def test_times_that_make_no_sense(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_times_are_utc_unless_they_say_otherwise() -> None:
    assert parse_time("2024-01-20T12:00", 0.0) == 1_705_752_000.0
    assert parse_time("2024-01-20T17:00+05:00", 0.0) == 1_705_752_000.0
    assert parse_time("2h", 10_000.0) == 2_800.0


def test_restrictions_come_before_the_rest() -> None:
    story = Story(fleet(4), lambda v, p, m: State.THROTTLED, 15)
    restricted = story.at(14)
    same = replace(restricted, kind="degraded")
    assert worst((same, restricted)) is restricted
    assert worst(()) is None
