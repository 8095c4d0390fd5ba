"""What is installed is what requirements/ names by hash, which is what pyproject.toml asks for."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BASE = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
BUILD = PROJECT["build-system"]["requires"]
ASKED = {
    "run": [*BASE, *BUILD],
    "demo": [*BASE, *BUILD, *EXTRAS["demo"]],
    "hub": [*BASE, *BUILD, *EXTRAS["hub"]],
    "notify": [*BASE, *BUILD, *EXTRAS["notify"]],
    "quic": [*BASE, *BUILD, *EXTRAS["quic"]],
    "parquet": [*BASE, *BUILD, *EXTRAS["parquet"]],
    "test": [*BASE, *BUILD, *(one for extra in EXTRAS.values() for one in extra)],
}
HOW = "`sh tools/lock` makes it anew"


def text_of(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def pins(name: str) -> dict[str, tuple[str, list[str]]]:
    """Each package's version and hashes."""
    found: dict[str, tuple[str, list[str]]] = {}
    whole = re.sub(r"\\\n", " ", text_of(name))
    for line in whole.splitlines():
        if not line or line.lstrip().startswith("#"):
            continue
        asked, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
        requirement = Requirement(asked)
        (pin,) = requirement.specifier
        assert pin.operator == "==", f"{name}: {asked}"
        assert hashes, f"{name}: {asked} has no hash"
        assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in hashes), f"{name}: {asked}"
        key = canonicalize_name(requirement.name)
        assert key not in found, f"{name}: {key} twice"
        found[key] = (pin.version, hashes)
    return found


@pytest.mark.parametrize("name", ASKED)
def test_every_package_that_is_asked_for_has_a_version_that_fits(name: str) -> None:
    locked = pins(name)
    for asked in map(Requirement, ASKED[name]):
        version, _ = locked.get(canonicalize_name(asked.name), ("", []))
        assert version, f"{asked} is not in requirements/{name}.txt: {HOW}"
        assert asked.specifier.contains(version), f"{asked}, but {version} is locked: {HOW}"


@pytest.mark.parametrize("name", ["run", "demo", "hub", "notify", "quic", "parquet"])
def test_what_the_tests_ran_with_is_what_is_installed(name: str) -> None:
    locked, tested = pins(name), pins("test")
    assert locked.items() <= tested.items(), HOW


@pytest.mark.parametrize("name", ASKED)
def test_the_lock_names_no_place_to_fetch_from(name: str) -> None:
    text = text_of(name)
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted", text)


def test_every_runtime_dependency_is_bounded_on_both_sides_with_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    extras = (one for name in ("quic", "demo", "hub", "notify", "parquet") for one in EXTRAS[name])
    for asked in map(Requirement, [*BASE, *extras]):
        operators = {one.operator for one in asked.specifier}
        assert operators == {">=", "<"}, f"{asked}: say from which version to which"
        reasons = [line for line in lines if f'"{asked.name}>=' in line and "  # " in line]
        assert reasons, f"{asked}: say why"


def test_each_script_installs_by_hash_alone() -> None:
    setup = (ROOT / "tools" / "setup.sh").read_text()
    locked = (ROOT / "tools" / "locked.sh").read_text()
    image = (ROOT / "Dockerfile").read_text()
    docs = (ROOT / "docs" / "install.md").read_text()
    for text in (setup, locked, image, docs):
        installs = [
            line
            for line in text.splitlines()
            if re.search(r"/pip install |\$pip install|\"\$@\" install ", line)
            and not line.lstrip().startswith("#")
        ]
        assert installs
        for one in installs:
            by_hash = "--require-hashes" in one
            # A wheel is built already.
            itself = "--no-deps" in one and ("--no-build-isolation" in one or ".whl" in one)
            assert by_hash or itself, one


def test_what_packs_one_file_is_in_a_lock() -> None:
    locked, script = pins("pyz"), (ROOT / "tools" / "pyz").read_text()
    wanted = [line for line in (ROOT / "requirements" / "pyz.in").read_text().splitlines() if line]
    for one in (Requirement(line) for line in wanted if not line.startswith("#")):
        version, _ = locked[canonicalize_name(one.name)]
        assert one.specifier.contains(version), HOW
    # What builds the program has one version, whatever it is built for.
    assert all(locked[name] == pins("run")[name] for name in ("hatchling", "editables"))
    installs = re.findall(r"^(?:locked|\$pip).*", script, re.MULTILINE)
    assert [line.split()[:2] for line in installs[:2]] == [
        ["locked", "requirements/pyz.txt"],
        ["locked", "requirements/run.txt"],
    ]
    assert "without_wheels || locked requirements/quic.txt" in script
    assert "--no-deps --no-build-isolation ." in installs[2]
    assert "uninstall" in installs[3]
    assert len(installs) == 4


def test_what_is_given_away_measures_over_quic_where_that_has_wheels() -> None:
    """From a checkout, as a package, in one file, in an image, as a wheel."""
    for name in ("tools/pyz", "packaging/debian/rules"):
        assert "without_wheels || locked requirements/quic.txt" in (ROOT / name).read_text(), name
    for name in ("Dockerfile", ".github/workflows/packages.yml"):
        text = (ROOT / name).read_text()
        assert "--only-binary :all: -r requirements/quic.txt" in text, name
        assert "requirements/run.txt" not in text, name
    assert pins("run").items() <= pins("quic").items()


def test_what_is_compiled_for_32_bits_has_its_builders_in_a_lock() -> None:
    asked = (ROOT / "requirements" / "compile.in").read_text()
    locked = pins("compile")
    for one in (Requirement(line) for line in asked.splitlines() if not line.startswith("#")):
        version, _ = locked[canonicalize_name(one.name)]
        assert one.specifier.contains(version), HOW
    assert "requirements/compile.txt" in (ROOT / "tools" / "locked.sh").read_text()
    # What is compiled is in every lock that a service is installed from.
    (compiled,) = re.findall(r"--no-binary (\S+)", (ROOT / "tools" / "locked.sh").read_text())
    for name in ("run", "demo"):
        assert set(compiled.split(",")) <= set(pins(name))


@pytest.mark.parametrize(
    ("machine", "steps"),
    [("amd64", [" --only-binary :all: -r requirements/run.txt"]),
     ("arm64", [" --only-binary :all: -r requirements/run.txt"]),
     ("armhf", [" --only-binary :all: -r requirements/compile.txt", " --no-build-isolation -r /",
                " --no-build-isolation --only-binary :all: --no-binary cffi,msgspec,pycares "
                "-r requirements/run.txt"])],
)  # fmt: skip
def test_each_processor_gets_what_the_lock_names(
    machine: str, steps: list[str], tmp_path: Path
) -> None:
    (tmp_path / "dpkg").write_text(f"#!/bin/sh\necho {machine}\n")
    (tmp_path / "pip").write_text('#!/bin/sh\necho "$@"; shift 3; for f; do :; done; cat "$f"\n')
    for name in ("dpkg", "pip"):
        (tmp_path / name).chmod(0o755)
    said = subprocess.run(
        ["sh", "-euc", ". tools/locked.sh; locked requirements/run.txt pip"],
        cwd=ROOT, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, text=True, capture_output=True,
        check=True,
    ).stdout  # fmt: skip
    calls = [line for line in said.splitlines() if line.startswith("install ")]
    assert len(calls) == len(steps)
    for call, step in zip(calls, steps, strict=True):
        assert call.startswith(f"install --require-hashes{step}"), call
    if machine == "armhf":
        # What is built first, whole with its hashes, and no more.
        _, first, _ = re.split(r"^install .*\n", said, flags=re.MULTILINE)[1:]
        names = re.findall(r"^(\S+)==", first, re.MULTILINE)
        assert names == ["cffi", "pycparser"]
        version, hashes = pins("run")["cffi"]
        assert f"cffi=={version}" in first
        assert all(one in first for one in hashes)


def test_images_are_named_by_digest() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    image = (ROOT / "Dockerfile").read_text()
    # Ours is built here, of the Dockerfile beside it.
    names = [
        n for n in re.findall(r"^ +image: (.*)$", compose, re.MULTILINE) if n != "throttlewatch"
    ]
    names += re.findall(r"^ARG BASE=(.*)$", image, re.MULTILINE)
    assert len(names) == 4
    for name in names:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", name), name
    assert set(re.findall(r"^FROM (\S+)", image, re.MULTILINE)) == {"${BASE}"}
