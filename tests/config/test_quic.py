"""QUIC is on where it is installed and nobody says otherwise, and hides no contact."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from probe.cli import main
from probe.config import ConfigErrors, contacts, load
from probe.config.advice import warnings
from probe.config.installed import over_quic
from probe.config.probers import used
from probe.schedule.forecast import forecast
from tests.config.files import written

ROOT = Path(__file__).parent.parent.parent
ON = {"THROTTLEWATCH_QUIC": "true"}
COMMANDS = ROOT / "probe" / "commands"


def has(library: str) -> bool:
    """A machine on which everything is installed."""
    return library in ("aioquic", "apprise")


def has_not(library: str) -> bool:
    """One on which nothing is."""
    return False


def test_it_is_on_where_it_is_installed_and_every_contact_over_it_is_listed() -> None:
    config = load(None, {}, has=has)
    assert config.settings.quic is True
    off = {c for c in contacts(load(None, {}, has=has_not)) if c.transport == "udp"}
    on = {c for c in contacts(config) if c.transport == "udp"}
    assert {c.owner for c in on - off if not c.owner.startswith("control-")} == {
        "facebook",
        "instagram",
        "youtube",
    }
    added = {(c.host, c.owner) for c in on - off}
    assert added >= {
        ("www.youtube.com", "youtube"),
        ("redirector.googlevideo.com", "youtube"),
        ("www.facebook.com", "facebook"),
        ("code.jquery.com", "control-jquery"),
        ("cdnjs.cloudflare.com", "control-cdnjs"),
    }


def test_the_shipped_pool_has_controls_of_several_operators_that_speak_it() -> None:
    pool = load(None, ON).pool
    operators = {one.operator for one in pool if any(t.quic for t in one.targets)}
    assert len(operators) >= 3


def test_too_few_operators_that_speak_it_are_warned_of() -> None:
    one = {**ON, "THROTTLEWATCH_CONTROLS": "control-jquery,control-kernel,control-debian"}
    assert any("over QUIC" in said for said in warnings(load(None, one)))
    two = {**ON, "THROTTLEWATCH_CONTROLS": "control-jquery,control-cdnjs,control-debian"}
    assert not any("over QUIC" in said for said in warnings(load(None, two)))


# What the file says, on which machine: whether it is on, and why.
@pytest.mark.parametrize(
    ("said", "there", "on", "why"),
    [
        ("", has, True, "quic: auto, and the extra is installed"),
        ("auto", has, True, "quic: auto, and the extra is installed"),
        ("", has_not, False, "quic: auto, and aioquic is not installed: docs/install.md, QUIC"),
        ("false", has, False, "quic: false"),
        ("false", has_not, False, "quic: false"),
        ("true", has, True, "quic: true"),
    ],
)
def test_what_is_installed_decides_where_nobody_says(
    said: str, there: object, on: bool, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"THROTTLEWATCH_QUIC": said}
    config = load(None, environ, has=there)  # type: ignore[arg-type]
    assert config.settings.quic is on
    assert [one.name for one in used(config.settings)] == ["quic"] * on
    found = over_quic(config)
    assert (found.on, found.why) == (on, why)
    # And so it is said by the commands, before anything is sent.
    monkeypatch.setattr("probe.commands.options.is_installed", there)
    line = f"over QUIC: {'on' if on else 'off'} ({why})\n"
    for command in ("check", "plan", "platforms"):
        done = CliRunner().invoke(main, [command], env=environ)
        assert (done.exit_code, done.output.count(line)) == (0, 1), done.output
        assert ("before version 0.2.0 it was off" in done.output) is (
            command == "check" and on and said != "true"
        )
    for command in ("check", "plan"):
        done = CliRunner().invoke(main, [command, "--json"], env=environ)
        assert msgspec.json.decode(done.output)["over_quic"] == {"on": on, "why": why}
    listed = msgspec.json.decode(
        CliRunner().invoke(main, ["platforms", "--json"], env=environ).output
    )
    assert any(one["purpose"].endswith(", over QUIC") for one in listed) is on


@pytest.mark.parametrize(
    ("environ", "text", "extra"),
    [
        (ON, "", "quic"),
        ({}, "notify: {receivers: [{name: me, url_file: /f, hosts: [a.example]}]}", "notify"),
    ],
)
def test_without_its_library_the_mistake_says_what_to_install(
    environ: dict[str, str], text: str, extra: str, tmp_path: Path
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigErrors, match=rf"the extra `{extra}` installed"):
        load(file, environ, has=has_not)
    assert load(file, environ, has=has)
    # Whoever reads what was stored needs neither.
    assert load(file, environ)


def test_who_does_not_measure_does_not_ask_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert load(None, {}).settings.quic == "auto"
    assert used(load(None, {}).settings) == ()

    def asked(library: str) -> bool:
        raise AssertionError(f"{library}: who asks?")

    monkeypatch.setattr("probe.commands.options.is_installed", asked)
    environ = {"STATE_DIRECTORY": str(tmp_path)}
    (tmp_path / "none.jsonl").touch()
    for words in (
        "history", "incidents", "report -o -", "export -f jsonl -o -", "explain x", "rules",
        f"replay {tmp_path}/none.jsonl", "nation --from 2026-01-01",
    ):  # fmt: skip
        done = CliRunner().invoke(main, words.split(), env=environ)
        assert not isinstance(done.exception, AssertionError), words
    with pytest.raises(AssertionError, match="who asks"):
        CliRunner().invoke(main, ["plan"], catch_exceptions=False)


def test_those_who_measure_or_say_what_that_would_be_ask() -> None:
    """And nobody else: what is said of stored rounds is the same on every machine."""
    asking = {
        path.stem
        for path in (*COMMANDS.glob("*.py"), ROOT / "probe" / "cli.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name)
        and node.id in ("load_for_here", "read_for_here", "is_installed")
    }
    asking -= {"options"}
    assert asking == {
        "check",
        "cli",
        "explain",
        "new_files",
        "notify",
        "now",
        "once",
        "plan",
        "platforms",
    }


@pytest.mark.parametrize("folder", ["lab", "scenarios", "synth", "benchmarks", "probe/verdict"])
def test_no_world_depends_on_what_is_installed(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text()
        assert "config.installed" not in text, path
        assert "has=" not in text, path


def test_a_plan_counts_it_and_the_budget_bears_it() -> None:
    """What is read over QUIC comes out of the same budget, so a calm day reads less often."""
    with_, without = load(None, {}, has=has), load(None, {}, has=has_not)
    days = [forecast(of, of.settings.vantages[0]) for of in (with_, without)]
    assert days[0].alert_bytes_per_day > 1.1 * days[1].alert_bytes_per_day
    for day in days:
        assert day.calm_bytes_per_day <= 100_000_000
        assert day.calm.every == 1
    assert days[0].calm.transfer_seconds > days[1].calm.transfer_seconds


def test_a_draw_has_controls_that_speak_it_and_nobody_is_warned_of_none(tmp_path: Path) -> None:
    assert not any("over QUIC" in said for said in warnings(load(None, {}, has=has)))
    file = written(tmp_path, "controls: [control-debian]\n")
    said = [one for one in warnings(load(file, {}, has=has)) if "over QUIC" in one]
    assert len(said) == 1
    assert "`quic: false`" in said[0]
    assert not any("QUIC" in one for one in warnings(load(file, {}, has=has_not)))
