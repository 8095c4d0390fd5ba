"""The Debian package, as far as that holds before it is built (`tools/deb`, `tools/try-deb`)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEBIAN = ROOT / "packaging" / "debian"
COMMAND = ROOT / "packaging" / "debian-command"
SHELL = sorted(
    path
    for folder in ("tools", "packaging", "packaging/debian", ".ci")
    for path in (ROOT / folder).iterdir()
    if path.is_file() and (path.suffix == ".sh" or path.read_bytes().startswith(b"#!/bin/sh"))
)


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_each_script_is_one_that_sh_reads(script: Path) -> None:
    done = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def as_root(script: Path) -> str:
    """The commands that a script carries out as the user without privileges."""
    (found,) = re.findall(r"^ *(run\\ \* \|[^)]*)\)", script.read_text(), re.MULTILINE)
    return str(found)


def test_root_measures_as_the_service_does_from_a_checkout_and_from_the_package() -> None:
    assert as_root(COMMAND) == as_root(ROOT / "tools" / "run")


def test_one_user_one_folder_one_configuration_everywhere() -> None:
    unit = (ROOT / "config" / "systemd" / "throttlewatch.service").read_text()
    script = (DEBIAN / "postinst").read_text()
    assert "User=throttlewatch\n" in unit
    assert "--no-create-home --home /nonexistent throttlewatch" in script
    assert "StateDirectory=throttlewatch\n" in unit
    for text in (script, (DEBIAN / "postrm").read_text()):
        assert "/var/lib/throttlewatch" in text
    (config,) = re.findall(r"--config (\S+)", unit)
    assert f"config={config}\n" in COMMAND.read_text()
    assert config in script
    # What rules changes in the unit is there to be changed.
    assert "/opt/throttlewatch/bin" in unit


def test_it_is_built_from_what_the_lock_names() -> None:
    rules = (DEBIAN / "rules").read_text()
    for line in re.findall(r"\$\(pip\) install .*", rules):
        assert "--no-build-isolation ." in line
    locks = re.findall(r"locked (requirements/[\w.]+) \$\(pip\)", rules)
    assert len(locks) == 2
    assert all((ROOT / lock).is_file() for lock in locks)
    # Nothing measures before its operator says so.
    assert "dh_installsystemd --no-enable" in rules
