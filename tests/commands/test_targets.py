"""A group runs its own list: every command of docs/lists.md, in its order, and what goes wrong."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli import main
from probe.config import load
from tests.config.bundles import LISTED

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "lists.md").read_text()


def said(arguments: str | list[str], given: str = "") -> Result:
    words = shlex.split(arguments) if isinstance(arguments, str) else arguments
    return CliRunner().invoke(main, words, input=given)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THROTTLEWATCH_STORE__PATH", str(tmp_path / "state" / "h"))
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "listed.yaml").write_text(LISTED)
    return tmp_path


def trusting(*keys: str, more: str = "") -> None:
    Path("my.yaml").write_text(f"targets: {{keys: [{', '.join(keys)}]{more}}}\n")


def made(*arguments: str) -> str:
    """A key, a bundle, a configuration that trusts the key."""
    key = said("targets key anna.pem").output.strip()
    trusting(key)
    done = said(["targets", "bundle", "list", "-o", "list.json", "-k", "anna.pem", *arguments])
    assert done.exit_code == 0, done.output
    return key


def test_every_command_of_the_page_does_what_it_says(place: Path) -> None:
    shown: dict[str, str] = {}
    for block in re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL):
        for line in block.splitlines():
            if not line.startswith("$ throttlewatch "):
                continue
            command = line.partition("#")[0].removeprefix("$ throttlewatch ").strip()
            for name, key in shown.items():
                command = command.replace(f"{name.upper()}_KEY", key)
            if command.startswith("targets key"):
                name = command.split()[-1].removesuffix(".pem")
                done = said(command)
                shown[name] = done.output.strip()
            elif command.startswith("export -f paces"):
                # tests/publish/export/test_paces.py has rounds.
                read = LISTED.replace("compares: handshake", "min_bytes: 64KiB")
                Path("list/readable.yaml").write_text(
                    read.replace("name: listed", "name: readable")
                )
                told = {"readable/page": {"share": 0.5, "days": 4}}
                line = json.dumps({"access": "fixed", "targets": told})
                Path(command.split()[-1]).write_text(f"{line}\n" * 20)
                continue
            elif command.startswith("targets update"):
                continue  # tests/daemon/test_bundle_watch.py has a server
            else:
                done = said(command)
            assert done.exit_code == 0, f"{command}: {done.output}"
            if len(shown) == 3 and not Path("my.yaml").exists():
                trusting(*shown.values(), more=", threshold: 2")
    config = load("my.yaml", {"THROTTLEWATCH_STORE__PATH": str(place / "state" / "h")})
    assert config.bundle is not None
    assert "paces:\n" in Path("list/readable.yaml").read_text()
    assert len(shown) == 4
    assert set(config.bundle.signers.keys) == {shown["ben"], shown["chen"], shown["dora"]}


def test_check_says_what_it_would_change_and_changes_nothing(place: Path) -> None:
    text = LISTED.replace("name: listed", "name: x")
    (place / "list" / "x.yaml").write_text(text)
    made()
    done = said("targets check list.json -c my.yaml")
    assert done.exit_code == 0
    assert "+ listed.example  would be contacted" in done.output
    assert "signed by 1 of 1 key(s), 1 needed" in done.output
    assert not (place / "state").exists()


def test_install_asks_where_hosts_change(place: Path) -> None:
    key = made()
    trusting(key, more=", confirm_hosts: true")
    (place / "list" / "x.yaml").write_text(LISTED.replace("name: listed", "name: x"))
    assert said("targets bundle list -o list.json -k anna.pem").exit_code == 0
    no = said("targets install list.json -c my.yaml", "n\n")
    assert no.exit_code == 1
    assert "did not agree" in no.output
    assert "no bundle is installed" in said("targets show -c my.yaml").output
    yes = said("targets install list.json -c my.yaml", "y\n")
    assert yes.exit_code == 0, yes.output
    assert "bundle 1, 2 file(s)" in said("targets show -c my.yaml").output
    assert "in use already" in said("targets install list.json -c my.yaml").output


def test_nobody_is_trusted_by_default(place: Path) -> None:
    made()
    for command in ("install list.json", "check list.json", "update"):
        done = said(f"targets {command}")
        assert done.exit_code == 1
        assert "trusts no keys" in done.output
    assert "no keys are trusted" in said("targets show").output


def test_a_file_that_is_no_bundle_is_told_in_a_sentence(place: Path) -> None:
    made()
    for body in (b"", b"\0\xff", b"{}", b"x" * 5_000_000):
        Path("wrong.json").write_bytes(body)
        done = said("targets install wrong.json -c my.yaml")
        assert (done.exit_code, done.output.count("\n")) == (1, 1), done.output
    assert said("targets install nothing.json -c my.yaml").exit_code == 1


def test_who_makes_one_is_told_what_is_wrong(place: Path) -> None:
    made()
    (place / "list" / "listed.yaml").write_text(LISTED.replace("why:", "wy:"))
    done = said("targets bundle list -o new.json -k anna.pem")
    assert done.exit_code == 1
    assert "listed.yaml:3: wy" in done.output
    assert not Path("new.json").exists()
    (place / "list" / "listed.yaml").write_text(LISTED)
    for wrong in (
        "--version 0",
        "--after list.json --version 1",
        "--valid 11000d",
        "--valid x",
        "--valid 0",
        "--least-program 1",
        "-k list.json",
        "--handover list.json",
        "--after nothing.json",
    ):
        done = said(f"targets bundle list -o new.json {wrong}")
        assert done.exit_code in (1, 2), wrong
        assert done.exception is None or isinstance(done.exception, SystemExit), wrong
        assert not Path("new.json").exists(), wrong
    (place / "list" / "Big.yaml").write_text(LISTED)
    assert said("targets bundle list -o new.json").exit_code == 1


def test_others_add_their_signatures(place: Path) -> None:
    anna = made()
    ben = said("targets key ben.pem").output.strip()
    trusting(anna, ben, more=", threshold: 2")
    done = said("targets check list.json -c my.yaml")
    assert done.exit_code == 1
    assert "1 signature(s) of keys that are trusted; 2 are needed" in done.output
    for _ in range(2):
        assert said("targets sign list.json -k ben.pem").output == "2 signature(s)\n"
    assert said("targets check list.json -c my.yaml").exit_code == 0
    assert said("targets sign list.json").exit_code == 2


def test_a_version_follows_the_one_before(place: Path) -> None:
    made()
    assert said("targets bundle list -o two.json -k anna.pem --after list.json").exit_code == 0
    assert json.loads(json.loads(Path("two.json").read_text())["manifest"]["text"])["version"] == 2


def test_the_host_of_a_list_is_named_among_those_that_are_contacted(place: Path) -> None:
    key = made()
    trusting(key, more=', url: "https://lists.example/t.json"')
    assert "lists.example" in said("platforms -c my.yaml").output
    assert "lists.example" not in said("platforms").output


def test_wipe_erases_the_bundle_too(place: Path) -> None:
    made()
    assert said("targets install list.json -c my.yaml").exit_code == 0
    assert said("wipe -c my.yaml --yes").exit_code == 0
    assert list((place / "state").iterdir()) == []
