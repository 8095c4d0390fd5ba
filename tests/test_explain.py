"""``throttlewatch explain``: from the daemon's history, or a sentence on why not."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from probe.cli import main
from probe.commands.explain import last_rounds
from probe.config.schema import StoreConfig
from probe.store.writer import Store
from tests.publish.terminal.test_explanation import played


def run(path: Path, *arguments: str) -> Result:
    config = path / "throttlewatch.yaml"
    config.write_text(f"store: {{path: {path / 'history.db'}}}\nvantages: [{{name: home}}]\n")
    return CliRunner().invoke(
        main, ["explain", "-c", str(config), *arguments], env={"COLUMNS": "160"}
    )


def test_the_last_round_and_its_bursts_are_explained(tmp_path: Path) -> None:
    store = Store.open(StoreConfig(path=str(tmp_path / "history.db")))
    rounds = played()
    for stored in rounds:
        store.round_finished(stored.observed, stored.verdict)
    assert store.close()
    result = run(tmp_path, "-p", "x")
    assert result.exit_code == 0, result.output
    assert "rule throttled.name" in result.output
    assert result.output.count("burst of object") == len(rounds) - 1


def test_without_a_history_it_says_what_to_do(tmp_path: Path) -> None:
    result = run(tmp_path, "-p", "x")
    assert result.exit_code == 1
    assert "--now measures instead" in result.output


def test_an_unknown_platform_is_named(tmp_path: Path) -> None:
    result = run(tmp_path, "-p", "xx")
    assert result.exit_code == 2
    assert "no platform 'xx'" in result.output


def test_older_rounds_are_left_out() -> None:
    rounds = played()
    assert last_rounds([*rounds, *rounds]) == rounds
    assert last_rounds(rounds[1:]) == rounds[1:]
    assert last_rounds([]) == []


def test_a_platform_is_named_in_either_way_and_once(tmp_path: Path) -> None:
    for way in (["x"], ["Twitter"], ["-p", "x"]):
        done = run(tmp_path, *way)
        assert (done.exit_code, "there is no history" in done.output) == (1, True), done.output
    for way in ([], ["x", "-p", "x"]):
        done = run(tmp_path, *way)
        assert done.exit_code == 2
        assert "such as `explain x`; there is: x, facebook" in done.output
