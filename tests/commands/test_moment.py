"""Times on the command line: a date that can be shown, or a refusal in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli import main

FAR = [
    *("9" * 5_000, "9" * 21, "9" * 14 + "d", "9" * 400 + "d", "99999999999", "nan", "inf", "1e400"),
    *("9999-12-31T23:59:59-12:00", "0001-01-01T00:00+12:00", "0001-01-01", "²d", "0x10", ""),
]


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize("command", ["history", "report", "export", "incidents", "nation"])
def test_no_time_is_a_traceback(command: str, option: str, tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(f"store: {{path: {tmp_path}/history}}\n")
    arguments = [command, "-c", str(tmp_path / "main.yaml")]
    if command == "report":
        arguments += ["-o", str(tmp_path / "report.html")]
    if command == "nation" and option == "--to":
        arguments += ["--from", "1h"]
    for text in FAR:
        result = CliRunner().invoke(main, [*arguments, option, text])
        assert result.exit_code in (1, 2), (text, result.output)
        assert isinstance(result.exception, SystemExit), (text, result.exception)
