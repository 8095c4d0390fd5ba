"""``throttlewatch notify`` says whether a message arrives, and if not, why."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli import main
from tests.publish.notify.receivers import listening


def test_each_receiver_gets_a_message_or_its_reason_is_said(tmp_path: Path) -> None:
    file = tmp_path / "throttlewatch.yaml"
    with listening() as heard:
        place = f"127.0.0.1:{heard.port}"
        (tmp_path / "well").write_text(f"json://{place}/\n")
        (tmp_path / "well").chmod(0o644)
        file.write_text(
            "notify:\n  receivers:\n"
            f"    - {{name: well, url_file: well, hosts: ['{place}']}}\n"
            "    - {name: lost, url_file: nowhere, hosts: [ntfy.example.org]}\n"
        )
        said = CliRunner().invoke(main, ["notify", "-c", str(file)])
        assert said.exit_code == 1
        assert said.stdout.splitlines() == [
            "well: delivered",
            "lost: the file with its URL cannot be read, or is not one line",
        ]
        # Whoever reads the file can write in the operator's name.
        assert "url_file of well can be read by everybody" in said.stderr
        assert heard.letters[0]["title"] == "throttlewatch: a test of notifications"
        said = CliRunner().invoke(main, ["notify", "wel", "-c", str(file)])
        assert "did you mean well?" in said.stderr


def test_without_receivers_it_says_where_they_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, ["notify"])
    assert said.exit_code == 1
    assert "no `notify.receivers`" in said.stderr
