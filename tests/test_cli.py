"""The commands that send nothing: what they print, and how they exit."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from probe import __version__
from probe.app import Daemon
from probe.cli import main
from probe.commands.once import STATUS
from probe.commands.risk import RISK
from probe.config import load
from probe.config.handful import Handful, filled, with_handful
from probe.config.neutral import OBSCURE, neutral_names
from probe.model.verdict import State


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env={"COLUMNS": "200", **(env or {})})


def test_version() -> None:
    result = run("version")
    assert (result.exit_code, result.output) == (0, f"throttlewatch {__version__}\n")


@pytest.mark.parametrize(
    "command", ["", "run", "once", "check", "platforms", "plan", "wipe", "version"]
)
def test_every_command_explains_itself(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 3


def test_the_risk_is_two_sentences_that_point_to_the_page() -> None:
    assert RISK.count(". ") + RISK.count(".\n") + RISK.endswith(".") == 2
    assert "docs/safety.md" in RISK
    assert (Path(__file__).parent.parent / "docs" / "safety.md").exists()


@pytest.mark.parametrize(("known", "said"), [("false", True), ("true", False)])
def test_run_says_the_risk_first_until_it_is_known(
    known: str, said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(self: Daemon) -> None:
        click.echo("started", err=True)

    monkeypatch.setattr(Daemon, "run", nothing)
    monkeypatch.setattr("probe.publish.log.event_lines.configure", lambda *given, **more: None)
    result = run("run", env={"THROTTLEWATCH_ACKNOWLEDGE_RISKS": known})
    assert result.exit_code == 0
    assert result.output.startswith(RISK) is said
    assert "started" in result.output


def test_help_points_at_the_risk() -> None:
    assert "The risk to you" in run("--help").output


def test_the_default_is_right() -> None:
    result = run("check")
    assert result.exit_code == 0
    assert "configuration is right: 4 platforms" in result.output


# How the controls are said, and how many a daemon with that has.
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{controls: [drawn], quic: false}", "8 controls (drawn from 31)"),
        ("{controls: [drawn], country: TR, quic: false}", "9 controls (8 drawn from 31)"),
        ("{controls: [drawn], quic: true}", "at least 8 controls (drawn from 31)"),
        ("controls: [all]", "7 controls"),
        ("controls: [control-debian]", "1 controls"),
    ],
)
def test_it_counts_the_controls_that_a_daemon_has(settings: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "throttlewatch.yaml"
    file.write_text(settings + "\n")
    assert f" platforms, {said}, 1 vantage" in run("check", str(file)).output
    config = load(file, {})
    drawn = with_handful(config, filled(Handful("0" * 32), config.pool))
    has = len((drawn if config.pool else config).controls)
    assert has == int(said.removeprefix("at least ").split()[0])
    found = msgspec.json.decode(run("check", "--json", str(file)).stdout_bytes)
    assert len(found["controls"]) + found["drawn"]["least"] == has
    assert len(found["drawn"]["of"]) == len(config.pool)


def test_mistakes_are_all_shown_and_exit_with_2(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("country: NOR\nschedule:\n  ligth: 10s\nlisten: nowhere\n")
    result = run("check", str(wrong))
    assert result.exit_code == 2
    places = [line.split(":")[1] for line in result.output.splitlines() if str(wrong) in line]
    assert places == sorted(places)
    for words in (f"{wrong}:1", f"{wrong}:3", f"{wrong}:4", "NOR", "light", "nowhere"):
        assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("secret", ["0" * 32, "f" * 32])
def test_every_name_that_may_be_said_has_a_line(secret: str) -> None:
    config = load(None, {})
    drawn = with_handful(config, filled(Handful(secret), config.pool))
    said = run("platforms", env={"COLUMNS": ""}).output
    listed = said.partition("neutral names")[2].split()
    assert {*neutral_names(drawn.controls), *OBSCURE} <= {*listed}
    # In a pipe a line is as long as what it says, and a list of names is not in each.
    assert max(map(len, said.splitlines())) < 140
    purposes = [one["purpose"] for one in msgspec.json.decode(run("platforms", "--json").output)]
    tcp = (one.removesuffix(", over QUIC") for one in purposes)
    swaps = {one.partition("under one of the names ")[2] for one in tcp} - {""}
    assert swaps
    assert all({*names.split(", ")} <= {*listed} for names in swaps)


@pytest.mark.parametrize("command", ["run", "once", "platforms"])
def test_no_command_starts_with_a_wrong_configuration(command: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("platforms: [y]\n")
    result = run(command, "--config", str(wrong))
    assert result.exit_code == 2
    assert str(wrong) in result.output


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run("check", str(tmp_path / "none.yaml"))
    assert result.exit_code == 2
    assert "none.yaml" in result.output


def test_the_environment_counts_too() -> None:
    result = run("check", env={"THROTTLEWATCH_LISTEN": "nowhere"})
    assert result.exit_code == 2
    assert "THROTTLEWATCH_LISTEN" in result.output


def test_platforms_hides_no_host() -> None:
    result = run("platforms")
    assert result.exit_code == 0
    for host in ("x.com", "test.googlevideo.com", "google.com", "9.9.9.9", "deb.debian.org"):
        assert host in result.output.split()


def test_plan_says_what_a_calm_day_costs_and_what_is_kept() -> None:
    result = run("plan")
    assert result.exit_code == 0
    assert "vantage default: 3,400 MB in any 31 days, of which 510 MB are kept" in result.output
    assert "light: handshakes; transfer: an object is read" in result.output
    assert "a round every 5 min, one that reads every" in result.output
    quiet = run("plan", env={"THROTTLEWATCH_SCHEDULE__QUIET_HOURS": "01:00-05:00"})
    assert "nothing at all at 01:00-05:00" in quiet.output


def test_once_knows_only_what_is_configured() -> None:
    result = run("once", "--platform", "tiktok")
    assert result.exit_code == 2
    assert "x, facebook, instagram, youtube" in result.output


def test_every_state_has_a_status_of_its_own() -> None:
    assert len(set(STATUS.values())) == len(State)
    assert STATUS[State.OK] == 0


@pytest.mark.parametrize("command", ["run", "once", "check --online"])
def test_without_authorities_no_command_shows_a_traceback(command: str, tmp_path: Path) -> None:
    env = {"SSL_CERT_FILE": str(tmp_path / "none.pem"), "SSL_CERT_DIR": str(tmp_path)}
    result = run(*command.split(), env=env)
    assert result.exit_code == 1
    assert "install the package ca-certificates" in result.output


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("chek", "check"), ("Now", "now"), ("platform", "platforms"), ("incident", "incidents")],
)
def test_a_misspelt_command_is_answered_with_the_right_one(typed: str, meant: str) -> None:
    done = run(typed)
    assert done.exit_code == 2
    assert f"did you mean {meant}?" in done.output


def test_what_is_near_no_command_is_answered_with_none() -> None:
    done = run("xylophone")
    assert done.exit_code == 2
    assert "No such command 'xylophone'" in done.output
    assert "did you mean" not in done.output
