"""What a command prints in a pipe or a file: lines that end in no blank and are not wrapped,
however narrow the terminal is."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner, Result
from msgspec.structs import replace

from probe.cli import main
from probe.commands import found_now
from probe.config.schema import StoreConfig
from probe.measure.one_round.round import Rounds
from probe.model.observation import RoundObservation
from probe.model.stored import StoredRound
from probe.store.writer import Store
from tests.publish.terminal.test_explanation import played

# What each is given. CONFIG, NEW (a name that nothing has) and ROUNDS (an export) are filled in.
OF = ("-c", "CONFIG")
PRINTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "backup": ((*OF, "NEW"),),
    "check": (OF, (*OF, "--online")),
    "explain": ((*OF, "x"), (*OF, "x", "--now"), (*OF, "x", "--language", "ru")),
    "export": ((*OF, "-f", "csv"), (*OF, "-f", "jsonl"), (*OF, "-f", "csv", "-o", "NEW")),
    "files": (("NEW",),),
    "history": (OF, (*OF, "--timezone", "Asia/Karachi"), (*OF, "--language", "ur")),
    "hub": (("bundle", "--help"),),
    "incidents": (OF,),
    "init": (("NEW", "--yes"), ("NEW", "--country", "pk", "--domestic", "https://a.example/f")),
    "join": (("nothing",),),
    "nation": ((*OF, "--from", "2h"),),
    "now": ((*OF, "x"),),
    "once": (OF, (*OF, "--light")),
    "outside": (("key", "NEW"),),
    "plan": (OF, ("-c", "WHOLE")),
    "platforms": (OF, ("-c", "WHOLE")),
    "replay": ((*OF, "ROUNDS"), (*OF, "ROUNDS", "--all")),
    "report": ((*OF, "-o", "NEW", "--manifest", "SUMS"), (*OF, "-o", "NEW", "--language", "fa")),
    "rules": ((),),
    "targets": (("show",), ("key", "NEW")),
    "verify": (("ROUNDS",),),
    "version": ((),),
    "wipe": ((*OF, "--yes"),),
}
# They print files, which are wrapped as their format has it.
WRITES_FILES = {"export", "rules"}
# A line that goes on in the next one.
WRAPPED = re.compile(r"^\S.* [a-z]+,?\n[a-z]+ [a-z]+.*$", re.MULTILINE)
# They go on until they are stopped, or need what is not here: what they say of themselves.
HELP_ALONE = {"beacon", "demo", "drill", "notify", "password", "run"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two vantages with an event an hour ago; nothing is measured, it was."""
    path = tmp_path / "history.db"
    store = Store.open(StoreConfig(path=str(path)))
    rounds, shift = played(), time.time() - 3_600.0 - played()[-1].observed.started_at
    for number, one in enumerate(rounds):
        at = one.observed.started_at + shift
        for name in ("home", "phone"):
            seen = replace(one.observed, id=f"{name}-{number}", vantage=name, started_at=at)
            told = replace(one.verdict, vantage=name, at=at, since=at)
            store.round_finished(seen, told)
    assert store.close()
    (tmp_path / "mine.yaml").write_text(
        f"store: {{path: {path}}}\ncountry: PK\nplatforms: [x]\n"
        "vantages: [{name: home, asn: 64496}, {name: phone, asn: 64497, access: mobile}]\n"
    )
    (tmp_path / "whole.yaml").write_text("country: PK\nbeacon: beacon.example\n")
    out = CliRunner().invoke(main, ["export", "-f", "jsonl", "-c", str(tmp_path / "mine.yaml")])
    (tmp_path / "rounds.jsonl").write_bytes(out.stdout_bytes)

    async def measured(*_: object, **__: object) -> RoundObservation:
        return rounds[0].observed

    async def tested(*_: object, **__: object) -> found_now.Tested:
        return found_now.Tested(rounds={"x": [StoredRound(observed=one.observed,
                                verdict=one.verdict) for one in rounds]})  # fmt: skip

    for name in ("measure", "visit"):
        monkeypatch.setattr(Rounds, name, measured)
    for module in ("now", "explain"):
        monkeypatch.setattr(f"probe.commands.{module}.find_out", tested)
    return tmp_path


def test_every_command_is_tried() -> None:
    assert set(main.list_commands(Context(main))) == {*PRINTS, *HELP_ALONE}


def printed(
    command: str, arguments: tuple[str, ...], folder: Path, columns: int, mp: pytest.MonkeyPatch
) -> Result:
    def size(*_: object, **__: object) -> os.terminal_size:
        return os.terminal_size((columns, 24))

    mp.setattr(shutil, "get_terminal_size", size)
    mp.setattr(os, "get_terminal_size", size)
    for old in (folder / "new", folder / "SUMS"):
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
    filled = {
        "CONFIG": "mine.yaml", "WHOLE": "whole.yaml", "ROUNDS": "rounds.jsonl",
        "NEW": "new", "SUMS": "SUMS",
    }  # fmt: skip
    given = [str(folder / filled[one]) if one in filled else one for one in arguments]
    return CliRunner().invoke(main, [command, *given], env={"COLUMNS": None})


@pytest.mark.parametrize("command", [*PRINTS, *sorted(HELP_ALONE)])
def test_no_line_ends_in_a_blank_or_is_wrapped(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ""
    for arguments in (*PRINTS.get(command, ()), ("--help",)):
        result = printed(command, arguments, folder, 200, monkeypatch)
        assert not isinstance(result.exception, Exception), result.output
        for line in result.output.splitlines():
            assert line == line.rstrip(), f"{command} {' '.join(arguments)}: {line!r}"
        if "--help" in arguments:
            continue
        told += result.stdout
        if command not in WRITES_FILES:
            assert not WRAPPED.findall(result.stdout)
        (folder / "platforms" / "control-domestic.yaml").unlink(missing_ok=True)
        narrow = printed(command, arguments, folder, 30, monkeypatch)
        (folder / "platforms" / "control-domestic.yaml").unlink(missing_ok=True)
        if command != "wipe" and "key" not in arguments:  # what was there is there no more
            assert len(narrow.stdout.splitlines()) == len(result.stdout.splitlines())
    # What is tried has something to say.
    said_beside = {"backup", "join", "report", "verify"}
    assert told or command in said_beside | HELP_ALONE | {"hub"}
