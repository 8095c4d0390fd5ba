"""What somebody else hands on (an export, a history) is read within bounds, and no name in it
commands a terminal, or is anything but text on a page."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.cli import main
from probe.commands.recorded import MOST_ROUNDS_BYTES
from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.model.stored import StoredRound
from probe.publish.export.export_jsonl import jsonl_lines
from probe.store.writer import Store
from synth.event import ONSET, VANTAGES, history

NAMES = (
    "\x1b[2J\x1b[31mhome",
    "\x1b]8;;https://evil.example\x07home",
    "home\rok",
    "\N{RIGHT-TO-LEFT OVERRIDE}emoh",
    "\x9b2J",
    "[red]home[/nothing]",
    "<script>alert(1)</script>",
    "home\n2026-01-20 13:40  home  x  ok",
)
OVER = ("--from", "2026-01-20T12:40", "--to", "2026-01-20T14:40")


def hostile(name: str) -> list[StoredRound]:
    of = list(history(ONSET - 3_600.0, ONSET + 3_600.0, vantages=VANTAGES[:1], platforms=("x",)))
    return [
        StoredRound(
            observed=replace(one.observed, vantage=name),
            verdict=replace(one.verdict, vantage=name, reason=name, sentence=f"{name} is well"),
        )
        for one in of
    ]


@pytest.fixture(params=range(len(NAMES)))
def given(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, Path]:
    """A name, and an export and a history with it."""
    name = NAMES[request.param]
    rounds = hostile(name)
    (tmp_path / "rounds.jsonl").write_bytes(b"".join(jsonl_lines(rounds)))
    store = Store(tmp_path / "history.sqlite3", StoreConfig(batch=Seconds(0.0)))
    store.start()
    for one in rounds:
        store.round_finished(one.observed, one.verdict)
    store.flush()
    assert store.close()
    return name, tmp_path / "rounds.jsonl", tmp_path / "history.sqlite3"


def test_names_command_no_terminal(given: tuple[str, Path, Path]) -> None:
    name, rounds, kept = given
    made_up = "2026-01-20 13:40  home  x  ok"
    over = ("--history", str(kept), *OVER)
    for command in (
        ("replay", "--all", str(rounds)),
        ("replay", "--all", str(kept)),
        ("history", *over),
        ("incidents", *over),
        ("nation", *over),
        ("explain", "-p", "x", "-v", name, "--history", str(kept)),
    ):
        done = CliRunner().invoke(main, list(command))
        assert done.exception is None or isinstance(done.exception, SystemExit), command
        assert "Traceback" not in done.output
        assert done.output.replace("\n", "").isprintable(), command
        assert not any(line.startswith(made_up) for line in done.output.splitlines()), command


def test_names_are_text_on_a_page(given: tuple[str, Path, Path], tmp_path: Path) -> None:
    _, _, kept = given
    page = tmp_path / "r.html"
    done = CliRunner().invoke(main, ["report", "-o", str(page), "--history", str(kept), *OVER])
    assert done.exit_code == 0, done.output
    assert done.output.replace("\n", "").isprintable()
    written = page.read_text()
    assert "<script>alert" not in written
    assert not set(written) & set("\x1b\x07\x9b\N{RIGHT-TO-LEFT OVERRIDE}")


@pytest.mark.parametrize("beginning", [b"", b'{"verdicts"', b'{"observed": "'])
def test_a_line_without_an_end_is_refused(beginning: bytes, tmp_path: Path) -> None:
    """However long: no more than what a line may have is read of it."""
    file = tmp_path / "rounds.jsonl"
    file.write_bytes(beginning)
    with file.open("r+b") as sparse:
        sparse.truncate(1 << 40)
    done = CliRunner().invoke(main, ["replay", str(file)])
    assert done.exit_code == 1
    assert f"line 1 has more than {MOST_ROUNDS_BYTES:,} bytes" in done.output


@pytest.mark.parametrize(
    "line",
    [b"[" * 50_000, b'{"observed":' * 9_000, b"{}", b"\xff", b'{"verdicts": [], "rounds": 1}'],
)
def test_a_line_that_is_no_round_is_said_with_its_place(line: bytes, tmp_path: Path) -> None:
    file = tmp_path / "rounds.jsonl"
    whole = msgspec.json.encode(hostile("home")[0])
    file.write_bytes(b"\n".join((whole, b"", line)))
    done = CliRunner().invoke(main, ["replay", str(file)])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "line 3: no stored round" in done.output
