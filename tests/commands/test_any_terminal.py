"""Every command prints titles of any script to any terminal, and whole lines into a pipe."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis.strategies import DataObject, data, integers, sampled_from

from lab.loopback.prometheus import free_address
from probe.cli import main
from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.demo.setting import make_certificates, write_configuration
from probe.model.stored import VerdictSpan, judged
from probe.model.verdict import State, Verdict
from probe.store.history import History, HistoryError
from probe.store.writer import Store
from synth.event import ONSET, VANTAGES, history
from tests.again import SOON_SECONDS
from tests.commands.test_nation import board
from tests.publish.web.test_server import serving

TITLE = "ٹوئٹر «Twitter» 推特"
# What is asked of each command, so that it prints what it prints on an ordinary day. Those that
# never end, or that are only about a file, are asked for their help.
ASKED = {
    "check": "",
    "export": "-f csv --history {history} --from 2026-01-20T12:40 --to 2026-01-20T14:40",
    "history": "--history {history} --from 2026-01-20T12:40 --to 2026-01-20T14:40",
    "incidents": "--history {history} --from 2026-01-20T12:40 --to 2026-01-20T14:40",
    "explain": "-p x",
    "nation": "--from 2026-01-20T12:40 --to 2026-01-20T14:40",
    "once": "-p x",
    "now": "x",
    "plan": "",
    "platforms": "",
    "replay": "{history} --all",
    "report": "-o - --history {history} --from 2026-01-20T12:40 --to 2026-01-20T14:40",
    "rules": "",
    "targets": "show",
    "version": "",
    **dict.fromkeys(
        (
            *("backup", "beacon", "demo", "drill", "files", "hub", "init", "join", "notify"),
            *("password", "run", "verify", "wipe"),
        ),
        "--help",
    ),
    "outside": "--help",
}
# Forks of one process, each with its standard output as a terminal of that encoding has it.
PROGRAM = """
import os, sys
from probe.cli import main
from probe.config import load
for name in main.list_commands(None):
    main.get_command(None, name)
load(None, {})  # once, and not in each child
for number, line in enumerate(sys.stdin.read().splitlines()):
    child = os.fork()
    if child == 0:
        out = os.open(f"{sys.argv[1]}/out-{number}", os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        main(line.split(), prog_name="throttlewatch")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(f"status {status}: {line}", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of an event, in a folder with a configuration of titles in three scripts."""
    folder = tmp_path_factory.mktemp("any")
    store = Store(folder / "history.sqlite3", StoreConfig(batch=Seconds(0.0)))
    store.start()
    for one in history(
        ONSET - 3_600.0, ONSET + 3_600.0, vantages=VANTAGES[:1], platforms=("x", "youtube")
    ):
        store.round_finished(one.observed, one.verdict)
    store.flush()
    until = time.monotonic() + SOON_SECONDS
    while time.monotonic() < until:
        try:
            with History(folder / "history.sqlite3") as written:
                if written.bounds():
                    break
        except HistoryError:
            pass
        time.sleep(0.05)
    assert store.close()
    # Every host is pinned to loopback, where nothing listens at that port.
    port = int(free_address().rpartition(":")[2])
    main_file = write_configuration(folder, port=port, listen=free_address(), speed=1.0)
    given = msgspec.json.decode(main_file.read_bytes())
    given |= {
        "platforms": ["x", "youtube"],
        "vantages": [{"name": "home", "asn": 64501}],
        "store": {"path": str(folder / "history.sqlite3")},
        "overrides": {"x": {"title": TITLE}, "youtube": {"title": "יוטיוב"}},
    }
    make_certificates(folder)
    main_file.write_bytes(msgspec.json.encode(given))
    return folder


def test_every_command_is_asked() -> None:
    known = main.list_commands(click.Context(main))
    assert set(known) == set(ASKED) & set(known)


@pytest.mark.parametrize("encoding", ["ascii", "cp1256"])
def test_any_title_in_any_encoding(stored: Path, encoding: str, tmp_path: Path) -> None:
    known = main.list_commands(click.Context(main))
    lines = [
        f"{command} {ASKED[command].format(history=stored / 'history.sqlite3')}"
        for command in known
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        input="\n".join(lines),
        env={
            **os.environ,
            "PYTHONIOENCODING": f"{encoding}:strict",
            "PYTHONUTF8": "0",
            "LC_ALL": "C",
            "TMPDIR": str(tmp_path),
            "THROTTLEWATCH_CONFIG": str(stored / "throttlewatch.yaml"),
        },
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "UnicodeEncodeError" not in done.stderr
    ended = [line for line in done.stderr.splitlines() if line.startswith("status ")]
    assert len(ended) == len(lines)
    assert [line for line in ended if not line.startswith("status 0: ")] == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_rules_are_utf_8_in_any_terminal(encoding: str, tmp_path: Path) -> None:
    titles = {"x": TITLE, "youtube": "Vidéo"}
    file = tmp_path / "throttlewatch.yaml"
    file.write_bytes(
        msgspec.json.encode({"overrides": {n: {"title": t} for n, t in titles.items()}})
    )
    done = subprocess.run(
        [sys.executable, "-m", "probe", "rules", "-c", str(file)],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    rules = done.stdout.decode()
    assert all(title in rules for title in titles.values())


def run(*arguments: str, **env: str | None) -> str:
    done = CliRunner().invoke(main, arguments, env={"COLUMNS": None, **env})
    assert done.exit_code == 0, done.output
    return done.output


def test_a_pipe_has_no_width(stored: Path) -> None:
    config = ("-c", str(stored / "throttlewatch.yaml"))
    for command in ("platforms", "explain -p x"):
        narrow = run(*command.split(), *config, COLUMNS="70").splitlines()
        whole = run(*command.split(), *config).splitlines()
        assert len(whole) < len(narrow)
    (row,) = [line for line in run("platforms", *config).splitlines() if line.startswith("x ")][:1]
    assert "pinned to" in row


def test_history_tells_each_time_once_and_in_order(stored: Path) -> None:
    over = ASKED["history"].format(history=stored / "history.sqlite3").split()
    spans = msgspec.json.decode(run("history", *over, "--json"))
    assert [span["since"] for span in spans] == sorted(span["since"] for span in spans)
    for platform in ("x", "youtube"):
        mine = [span for span in spans if span["platform"] == platform]
        assert len(mine) == 2
        for before, after in pairwise(mine):
            assert before["until"] <= after["since"]
            assert before["to"] <= after["from"]
    proven = next(span for span in spans if span["state"] == "throttled")
    assert proven["from"] == "2026-01-20T13:40:00+00:00"
    local = msgspec.json.decode(run("history", *over, "--json", "--timezone", "Asia/Karachi"))
    assert "2026-01-20T18:40:00+05:00" in [span["from"] for span in local]


@pytest.mark.parametrize("command", ["platforms", "plan", "check", "explain -p x"])
def test_for_machines(stored: Path, command: str) -> None:
    said = run(*command.split(), "--json", "-c", str(stored / "throttlewatch.yaml"))
    found = msgspec.json.decode(said)
    assert {"platforms": 0, "plan": "rounds", "check": "right", "explain": "verdicts"}[
        command.split()[0]
    ] in (found if isinstance(found, dict) else range(len(found)))


def test_mistakes_for_machines(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("country: NOR\n")
    done = CliRunner().invoke(main, ["check", "--json", str(tmp_path / "wrong.yaml")])
    found = msgspec.json.decode(done.stdout_bytes)
    assert (done.exit_code, found["right"]) == (2, False)
    assert [(m["line"], m["key"]) for m in found["mistakes"]] == [(1, "country")]


async def test_a_country_fits_eighty_columns() -> None:
    async with serving(board()) as client:
        url = str(client.base_url)
        said = await asyncio.to_thread(run, "nation", "--url", url, COLUMNS="80")
    assert max(map(len, said.splitlines())) <= 80
    assert next(line for line in said.splitlines() if line.startswith("country")).split() == [
        "country", "platform", "kind", "scope", "networks", "share", "heard", "abroad", "together"
    ]  # fmt: skip


def test_the_version_is_told_either_way() -> None:
    assert run("--version") == run("version")


@given(data())
def test_what_is_told_never_overlaps(drawn: DataObject) -> None:
    spans, at = [], 0.0
    for _ in range(drawn.draw(integers(0, 12))):
        at += drawn.draw(integers(-5, 30))
        state = drawn.draw(sampled_from(list(State)))
        back = drawn.draw(integers(0, 60))
        said = Verdict(
            vantage="home", platform="x", state=state, rule_id="", sentence="",
            at=at, since=at - back,
        )  # fmt: skip
        length = drawn.draw(integers(0, 30))
        spans.append(
            VerdictSpan(
                vantage="home", platform="x", state=state, started_at=at, ended_at=at + length,
                rounds=1, first=said, last=said,
            )
        )  # fmt: skip
    told = judged(spans)
    for before, after in pairwise(told):
        assert before.since <= before.until <= after.since <= after.until
