"""``throttlewatch explain``: from the daemon's history, or a sentence on why not."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner, Result
from msgspec.structs import replace

from probe.cli import main
from probe.commands.explain import last_rounds
from probe.config.schema import StoreConfig, VantageConfig
from probe.model.identity import LegRole
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.parcels.archive import PLACE, Archive
from probe.publish.terminal.explanation import LEGEND
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


def test_a_hubs_archive_is_explained_as_a_history_is(tmp_path: Path) -> None:
    """From the vantage that is asked for, which the configuration need not name."""
    archive = Archive(tmp_path / "rounds")
    for name in ("pk-1-aaaaa", "pk-2-bbbbb"):
        archive.place(VantageConfig(name=name, country="PK"))
    rounds = [
        replace(
            one,
            observed=replace(one.observed, id=f"{number:x}", vantage="pk-2-bbbbb"),
            verdict=replace(one.verdict, vantage="pk-2-bbbbb"),
        )
        for number, one in enumerate(played())
    ]
    archive.add("pk-2-bbbbb", rounds)
    there = ("--history", str(archive.root))
    result = run(tmp_path, "-p", "x", "-v", "pk-2-bbbbb", *there)
    assert result.exit_code == 0, result.output
    assert "rule throttled.name" in result.output
    assert "warning" not in result.output
    assert result.output.count("burst of object") == len(rounds) - 1
    none = run(tmp_path, "-p", "x", "-v", "pk-1-aaaaa", *there)
    assert "has no round of X (Twitter) from pk-1-aaaaa" in none.output
    assert "--now measures" not in none.output
    # Where it is may be damaged: its rounds are there, and no other one is named in its place.
    (archive.root / "pk-2-bbbbb" / PLACE).write_bytes(b"{")
    again = run(tmp_path, "-p", "x", "-v", "pk-2-bbbbb", *there)
    assert (again.exit_code, again.stdout) == (0, result.stdout)
    (archive.root / "pk-1-aaaaa" / PLACE).write_bytes(b"{")
    assert run(tmp_path, "-p", "x", "-v", "pk-2-bbbbb", *there).stdout == result.stdout
    assert "from pk-1-aaaaa" in run(tmp_path, "-p", "x", *there).output, "the first there, not home"
    assert run(tmp_path, "-p", "x", "--now", *there).exit_code == 2
    assert "there is no history" in run(tmp_path, "-p", "x", "--history", "none").output


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


def test_of_several_vantages_it_says_which_is_shown_and_how_to_see_others(tmp_path: Path) -> None:
    store = Store.open(StoreConfig(path=str(tmp_path / "history.db")))
    for number, one in enumerate(played()):
        for name in ("home", "phone"):
            store.round_finished(
                replace(one.observed, id=f"{name}-{number}", vantage=name),
                replace(one.verdict, vantage=name),
            )
    assert store.close()
    config = tmp_path / "c.yaml"
    three = "vantages: [{name: home}, {name: phone}, {name: vps}]\n"
    config.write_text(f"store: {{path: {tmp_path / 'history.db'}}}\n{three}")

    def shown(*arguments: str) -> str:
        asked = ["explain", "x", "-c", str(config), *arguments]
        return CliRunner().invoke(main, asked, env={"COLUMNS": None}).stdout

    first = shown()
    assert first.startswith(
        "What home saw, one of 3 vantages; `--vantage NAME` shows what phone and vps saw.\n"
        "x from home, "
    )
    assert shown("-v", "phone").startswith("x from phone, ")
    assert shown("--json").startswith("{")
    (tmp_path / "c.yaml").write_text(
        f"store: {{path: {tmp_path / 'history.db'}}}\nvantages: [{{name: home}}]\n"
    )
    assert shown().startswith("x from home, ")


def test_its_letters_and_numbers_have_a_legend(tmp_path: Path) -> None:
    store = Store.open(StoreConfig(path=str(tmp_path / "history.db")))
    for stored in played():
        store.round_finished(stored.observed, stored.verdict)
    assert store.close()
    text = run(tmp_path, "-p", "x").output
    legend = " ".join(text[text.index("Letters are legs") :].split())
    for role in LegRole:
        assert f"{role.value[0]} is the {role}" in legend or re.search(
            rf"\b{role.value[0]} (?:the|a) {role}\b", legend
        ), role
    for line in LEGEND:
        assert line in legend
        for code in OFFERED:
            assert code == ENGLISH or Tongue(code).plain(line) != line
    # No number is written as machines write it.
    assert not re.search(r"\de[+-]\d", text)
