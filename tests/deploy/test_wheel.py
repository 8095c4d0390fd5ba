"""The wheel, installed as a stranger would: it runs, and brings all that the documents name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

from probe import __version__
from probe.config import embedded
from probe.publish.languages.offered import ENGLISH, OFFERED

ROOT = Path(__file__).parent.parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Links between documents; those that a person follows abroad are not ours.
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=100,
        check=False, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--no-index", "--wheel-dir", folder, ROOT, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The program in an environment of its own. What it needs is looked up in ours (a path in a
    .pth file brings no .pth files of that folder, so not the checkout)."""
    home = wheel.parent / "home"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", python, "install", "--no-deps")
    run(*pip, "--no-index", "--no-compile", wheel, cwd=wheel.parent)
    place = run(python, "-c", "import sysconfig as s; print(s.get_path('purelib'))", cwd=home)
    (Path(place.strip()) / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "throttlewatch"


@pytest.fixture(scope="module")
def written(installed: Path) -> Path:
    folder = installed.parent / "written"
    assert "docs" in run(installed, "files", folder, cwd=installed.parent)
    return folder


def test_it_runs_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    assert run(installed, "--version", cwd=tmp_path) == f"throttlewatch {__version__}\n"
    where = "import probe, sys; print(probe.__file__)"
    assert str(ROOT / "probe") not in run(installed.parent / "python", "-c", where, cwd=tmp_path)
    assert "x.com" in run(installed, "platforms", cwd=tmp_path)


def test_its_metadata_has_the_readme_and_the_licence(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        (place,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        said = message_from_string(archive.read(place).decode())
    assert said["Description-Content-Type"] == "text/markdown"
    assert str(said.get_payload()).strip() == (ROOT / "README.md").read_text().strip()
    assert said["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_it_brings_the_catalog_of_every_language(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    others = OFFERED.keys() - {ENGLISH}
    assert {f"probe/locales/{code}/LC_MESSAGES/throttlewatch.po" for code in others} <= names


def test_the_wheel_is_told_to_bring_what_is_written_out() -> None:
    taken = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    beside = {name: f"probe/_beside/{name}" for name in embedded.BESIDE}
    assert taken == {embedded.CONFIG: "probe/_config", **beside}


def test_all_files_are_written_as_they_are_here(written: Path, installed: Path) -> None:
    tracked = run("git", "ls-files", "-z", embedded.CONFIG, *embedded.BESIDE, cwd=ROOT)
    here = {name for name in tracked.split("\0") if name}
    made = {"man/throttlewatch.1"} | {f"completion/{name}" for name in shells()}
    there = {str(p.relative_to(written)) for p in written.rglob("*") if p.is_file()}
    assert here | made == there
    unit = "config/systemd/throttlewatch.service"
    for name in here - {unit}:
        assert (written / name).read_bytes() == (ROOT / name).read_bytes(), name
    # The service starts the program that wrote its unit.
    assert f"ExecStart={installed} run --config" in (written / unit).read_text()


def shells() -> tuple[str, ...]:
    return ("throttlewatch", "_throttlewatch", "throttlewatch.fish")


def test_every_link_between_the_documents_leads_somewhere(written: Path) -> None:
    documents = [*written.glob("*.md"), *(written / "docs").rglob("*.md")]
    assert len(documents) > 20
    for document in documents:
        for link in LINK.findall(document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_what_differs_is_written_over_only_by_force(
    written: Path, installed: Path, tmp_path: Path
) -> None:
    again = run(installed, "files", written, cwd=tmp_path)
    assert again.startswith("0 files are written")
    mine = written / "config" / "throttlewatch.yaml"
    kept = mine.read_bytes()
    mine.write_text("country: PK\n")
    refused = subprocess.run(
        [installed, "files", written], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 1
    assert f"{mine} is there and differs" in refused.stderr
    assert mine.read_text() == "country: PK\n"
    assert run(installed, "files", "--force", written, cwd=tmp_path).startswith("1 files")
    assert mine.read_bytes() == kept


def test_bash_completes_a_command(written: Path, installed: Path) -> None:
    script = (
        f". {written / 'completion' / 'throttlewatch'}; COMP_WORDS=(throttlewatch his); "
        "COMP_CWORD=1; _throttlewatch_completion throttlewatch; echo ${COMPREPLY[@]}"
    )
    path = f"{installed.parent}:{os.environ['PATH']}"
    assert run("bash", "-c", script, cwd=written, PATH=path) == "history\n"
