"""``throttlewatch nation`` asks a running daemon, and says in words what went wrong."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from probe.cli import main
from probe.commands.nation import url_of
from probe.model.verdict import State
from probe.nation.fuse import worst
from probe.publish.board import Board
from tests.nation.fleet import ABROAD, Story, fleet
from tests.publish.prometheus_server import free_address
from tests.publish.shape import config
from tests.publish.test_server import serving


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


def test_only_http_is_asked() -> None:
    assert "no http:// or https:// address" in run("--url", "file:///etc/hostname").output


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9880", "http://127.0.0.1:9880"),
        ("[::1]:1", "http://[::1]:1"),
        (":9880", "http://127.0.0.1:9880"),
        ("0.0.0.0:9880", "http://127.0.0.1:9880"),
    ],
)
def test_where_the_daemon_is_asked(listen: str, url: str) -> None:
    assert url_of(listen) == url


def test_restrictions_come_before_the_rest() -> None:
    story = Story(fleet(4), lambda v, p, m: State.THROTTLED, 15)
    restricted = story.at(14)
    same = replace(restricted, kind="degraded")
    assert worst((same, restricted)) is restricted
    assert worst(()) is None
