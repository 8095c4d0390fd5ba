"""``throttlewatch replay`` reads what the product writes, and says in words what it cannot read."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.cli import main
from probe.commands.replay import ReplayTally, knowledge, thresholds_of
from probe.config import load
from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.model.stored import StoredRound
from probe.publish.export.export_jsonl import jsonl_lines
from probe.publish.terminal.round_table import to_json
from probe.store.history import History
from probe.store.writer import Store
from probe.verdict.about import about
from probe.verdict.decide import decide
from probe.verdict.remembered.memory import Memory
from probe.verdict.thresholds import DEFAULT
from scenarios.lines import LINES
from scenarios.table import BY_ID
from synth.play import Play


@pytest.fixture(scope="module")
def rounds() -> list[StoredRound]:
    play = Play(load(None, {}), BY_ID["russia-2024-youtube"], LINES["fibre"], seed=1)
    return [
        StoredRound(observed=said.observed, verdict=said.verdict)
        for said in play.history()
        if said.observed.vantage == "home"
    ]


@pytest.fixture
def stored(tmp_path: Path, rounds: list[StoredRound]) -> Path:
    path = tmp_path / "rounds.jsonl"
    path.write_bytes(b"".join(jsonl_lines(rounds)))
    return path


def run(*arguments: str | Path, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["replay", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


def test_exported_rounds_are_judged_again(stored: Path, rounds: list[StoredRound]) -> None:
    said = run(stored)
    assert f"{len(rounds)} of {len(rounds)} (100.0%) say what was said" in " ".join(said.split())
    assert "throttled" in said
    lines = [json.loads(line) for line in run("--json", stored).splitlines()]
    assert [line["id"] for line in lines] == [one.observed.id for one in rounds]
    assert all(line["agrees"] for line in lines)


@pytest.fixture
def history(tmp_path: Path, rounds: list[StoredRound]) -> Path:
    """The daemon's history of the same rounds."""
    path = tmp_path / "history.sqlite3"
    store = Store(path, StoreConfig(batch=Seconds(0.0)))
    store.start()
    for one in rounds:
        store.round_finished(one.observed, one.verdict)
    store.flush()
    store.close()
    return path


def test_the_history_is_judged_again_as_its_export_is(
    history: Path, stored: Path, rounds: list[StoredRound]
) -> None:
    with History(history) as written:
        assert len(list(written.rounds())) == len(rounds)
    said = run("--json", history)
    assert said == run("--json", stored)
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["id"] for line in lines] == [one.observed.id for one in rounds]
    assert all(line["agrees"] for line in lines)
    assert any(line["now"]["state"] == "throttled" for line in lines)


def test_a_database_that_is_no_history_is_said(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE rounds (at REAL)")
    other.commit()
    other.close()
    assert f"cannot read {path}" in " ".join(run(path, code=1).split())


def test_only_changes_are_shown_unless_all_is_asked_for(stored: Path) -> None:
    assert len(run(stored).splitlines()) < len(run("--all", stored).splitlines())


def test_thresholds_can_be_changed(stored: Path) -> None:
    said = " ".join(run("-t", "evidence=1e300", stored).split())
    assert "(100.0%)" not in said


def test_what_once_prints_can_be_replayed(tmp_path: Path, rounds: list[StoredRound]) -> None:
    path = tmp_path / "once.json"
    path.write_bytes(to_json([rounds[0].observed], [rounds[0].verdict]) + b"\n")
    (line,) = run("--json", path).splitlines()
    assert json.loads(line)["then"] == json.loads(msgspec.json.encode(rounds[0].verdict))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json\n", "line 1: no stored round"),
        ('\n{"observed": 1}\n', "line 2: no stored round"),
    ],
)
def test_what_is_no_round_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    assert words in run(path, code=1)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "No such file" in run(tmp_path / "nothing", code=1)


def test_a_platform_that_is_not_configured_is_judged_all_the_same(
    tmp_path: Path, stored: Path
) -> None:
    config = tmp_path / "throttlewatch.yaml"
    config.write_text("platforms: [x]\n")
    assert "Not in the configuration" in " ".join(run("-c", config, stored).split())


def test_thresholds_have_names_and_numbers() -> None:
    assert thresholds_of(["margin=3", "rounds=4"]).margin == 3.0
    assert thresholds_of([]) == DEFAULT
    for wrong in ("nothing=1", "margin=much", "rounds=1.5"):
        with pytest.raises(ValueError, match=wrong.partition("=")[0]):
            thresholds_of([wrong])


@pytest.mark.parametrize("form", ["history", "jsonl"])
def test_rounds_that_overlap_are_judged_again_as_they_were(
    form: str, rounds: list[StoredRound], tmp_path: Path
) -> None:
    """Rounds of several platforms are under way at once: who began first may be judged last. What
    is replayed says what was said, whatever order they began in."""
    config, known = load(None, {}), {}
    names = sorted({one.observed.platform for one in rounds})
    memory, made = Memory(), []
    for one in rounds:
        # So long under way that those of another platform begin and end meanwhile.
        earlier = 400.0 * names.index(one.observed.platform)
        observed = replace(one.observed, started_at=one.observed.started_at - earlier)
        name = observed.platform
        if name not in known:
            known[name] = about(config, next(p for p in config.platforms if p.name == name))
        decision = decide(memory, observed, known[name])
        memory = decision.memory
        made.append(StoredRound(observed=observed, verdict=decision.verdict))
    begun = sorted(made, key=lambda one: one.observed.started_at)
    assert begun != made
    path = tmp_path / "history.sqlite3"
    store = Store(path, StoreConfig(batch=Seconds(0.0)))
    store.start()
    for one in made:
        store.round_finished(one.observed, one.verdict)
    store.flush()
    store.close()
    if form == "jsonl":
        exported = tmp_path / "rounds.jsonl"
        arguments = ["export", "-f", "jsonl", "--history", str(path), "-o", str(exported)]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
        path = exported
    lines = [json.loads(line) for line in run("--json", path).splitlines()]
    assert [line["id"] for line in lines] == [one.observed.id for one in made]
    assert all(line["agrees"] for line in lines)


# What the file says of it: over which transports recorded rounds are judged, whatever is installed
# on the machine on which they are.
@pytest.mark.parametrize(("said", "over"), [("", ["quic"]), ("true", ["quic"]), ("false", [])])
def test_what_was_measured_over_quic_is_judged_on_every_machine(
    said: str, over: list[str], rounds: list[StoredRound]
) -> None:
    config = load(None, {"THROTTLEWATCH_QUIC": said})
    observed = replace(rounds[0].observed, platform="youtube")
    knows = knowledge(config, DEFAULT, ReplayTally())
    assert [lane.prober for lane in knows(observed, {}).lanes] == over
