"""``throttlewatch now``: real servers on loopback, one of whose networks slows a name."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from probe.cli import main
from probe.commands import now as command
from probe.commands.options import platforms_of
from probe.config import load
from probe.config.schema import StoreConfig
from probe.demo.cast import LINES
from probe.demo.script import Act, Script
from probe.demo.setting import make_certificates, write_configuration
from probe.demo.stage import Stage
from probe.model.verdict import State
from probe.observe.effort import Measure
from probe.publish.terminal.answer import answer
from probe.store.history import History
from probe.store.memories import Memories, read_memory
from probe.store.writer import Store
from probe.verdict.normal.learning import known_owners
from probe.verdict.normal.level import LEAST, learned
from probe.verdict.remembered.keys import Series, noise_key
from probe.verdict.remembered.memory import MEMORY_VERSION, Memory
from tests.again import undisturbed
from tests.every import for_every
from tests.publish.terminal.test_explanation import played

SLOWED, SPARED = LINES[0].name, LINES[1].name
SCRIPT = Script(
    acts=(
        Act(
            at_seconds=0.0,
            title="one network slows one platform",
            asns=frozenset({LINES[0].asn}),
            platforms=frozenset({"x"}),
        ),
    ),
    after_seconds=60.0,
    patience_seconds=60.0,
    rate_bytes_per_second=30_000.0,
)


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Servers and relay in a thread of their own; the configuration that measures them."""
    leaf, loop = make_certificates(folder), asyncio.new_event_loop()
    stage = Stage(leaf, SCRIPT)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(stage.start(), loop).result(30.0)
    try:
        yield write_configuration(folder, port=stage.relay.port, listen="127.0.0.1:0", speed=1.0)
    finally:
        asyncio.run_coroutine_threadsafe(stage.stop(), loop).result(30.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30.0)
        loop.close()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with staged(tmp_path_factory.mktemp("now")) as file:
        yield file


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["now", "-c", str(config), *arguments], env={"COLUMNS": None})


@undisturbed
def test_it_is_happening(config: Path) -> None:
    said = run(config, "Twitter", "-v", SLOWED)
    assert said.exit_code == 0, said.output
    *_, last = said.stdout.split("\n\n")
    sentence, *reasons = last.splitlines()
    assert sentence == "Yes: X (Twitter) is being throttled on this line."
    assert reasons[0].startswith("It rests on: X (Twitter): a test whose order is drawn at random")
    assert any("There is no history of this line" in line for line in reasons)
    assert reasons[-1].startswith("Next: ")
    assert "throttlewatch now x" in reasons[-1]
    assert "testing X (Twitter): burst 1" in said.stderr
    assert "testing" not in said.stdout


@undisturbed
def test_it_is_not(config: Path) -> None:
    said = run(config, "x", "youtube", "-v", SPARED)
    assert "\nNo: X (Twitter) and YouTube are fine.\n" in said.stdout
    found = msgspec.json.decode(run(config, "x", "-v", SPARED, "--json").stdout_bytes)
    assert [verdict["state"] for verdict in found["verdicts"]] == ["ok"]


def test_it_ends_in_time(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MOST_SECONDS", 0.05)
    said = run(config, "x", "-v", SLOWED)
    assert "\nThat is not known: X (Twitter) has not been measured yet.\n" in said.stdout
    assert "The two minutes were over" in said.stdout


def test_once_names_it(config: Path) -> None:
    said = CliRunner().invoke(main, ["once", "-c", str(config), "-p", "x", "-v", SLOWED])
    assert "`throttlewatch now x`" in said.stdout


def test_a_platform_that_is_none_is_answered_with_what_there_is(config: Path) -> None:
    assert "did you mean youtube?" in run(config, "youtub").output


def test_platforms_are_named_as_people_write_lists() -> None:
    config = load(None, {})
    for said, names in (
        ((), "x facebook instagram youtube"),
        (("all",), "x facebook instagram youtube"),
        (("x,youtube",), "x youtube"),
        (("yt, fb", "Twitter", "x"), "youtube facebook x"),
        ((",",), "x facebook instagram youtube"),
    ):
        assert [one.name for one in platforms_of(config, said)] == names.split(), said


def test_what_a_daemon_has_learnt_is_known(tmp_path: Path) -> None:
    store = Store.open(StoreConfig(path=str(tmp_path / "history.db")))
    memories = Memories(store, lambda: 0.0)
    for vantage, version in (("home", MEMORY_VERSION), ("old", MEMORY_VERSION - 1)):
        memories.put(vantage, Memory(version=version, controls={}))
    memories.flush()
    assert store.close()
    with History(tmp_path / "history.db") as history:
        assert read_memory(history, "home") == Memory()
        assert read_memory(history, "old") is None
        assert read_memory(history, "nobody") is None


@for_every(list(State), lambda state: state.value)
def test_every_state_has_an_answer(state: State) -> None:
    rounds = played()
    last = msgspec.structs.replace(rounds[-1].verdict, state=state, provisional=False, reason="")
    stored = [*rounds[:-1], msgspec.structs.replace(rounds[-1], verdict=last)]
    found = answer({"x": stored}, {"x": "X", "y": "Y"}, normal_of={"x"})
    lead = found.sentence.partition(":")[0]
    assert lead == ("Yes" if last.restricted else "That is not known")
    assert "Y has not been measured yet" in found.sentence
    assert found.following
    alone = answer({"x": stored}, {"x": "X"}, normal_of={"x"}).sentence
    assert alone.startswith("No: X is fine") is (state is State.OK)


def test_a_history_of_outages_does_not_say_what_is_normal(config: Path, tmp_path: Path) -> None:
    """A daemon whose line was dead since it began has remembered something, and no level."""
    path = tmp_path / "history.db"
    store = Store.open(StoreConfig(path=str(path)))
    Memories(store, lambda: 0.0).put(SPARED, Memory(line_rounds=1))
    assert store.close()
    file = config.with_name("outages.yaml")
    given = msgspec.json.decode(config.read_bytes())
    file.write_bytes(msgspec.json.encode(given | {"store": {"path": str(path)}}))
    said = run(file, "x", "-v", SPARED)
    assert said.exit_code == 0, said.output
    assert "does not say yet what is normal here of X (Twitter)" in said.stdout
    assert "is known from the history" not in said.stdout


def test_what_is_normal_is_said_of_whom_it_is_known() -> None:
    titles = {"x": "X", "y": "Y"}

    def last_of(normal_of: frozenset[str] | None) -> str:
        return answer({"x": played()}, titles, normal_of=normal_of).rests_on[-1]

    assert last_of(None).startswith("There is no history of this line")
    assert "does not say yet what is normal here of X and Y:" in last_of(frozenset())
    assert "does not say yet what is normal here of Y:" in last_of(frozenset({"x"}))
    assert last_of(frozenset(titles)) == "What is normal on this line is known from the history."


def test_normal_is_what_was_learnt_of_targets_often_enough() -> None:
    level = None
    for number in range(LEAST):
        level = learned(level, 1.0, 1e9 + number)
    assert level is not None
    few = learned(None, 1.0, 1e9)
    levels = {
        Series("ipv4", role, owner, "object", Measure.HANDSHAKE).key: one
        for role, owner, one in (
            ("target", "x", level), ("target", "y", few), ("control", "c", level),
        )
    }  # fmt: skip
    assert known_owners(levels | {noise_key(Measure.HANDSHAKE): level}) == {"x"}
