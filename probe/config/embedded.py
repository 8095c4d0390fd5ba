"""The configuration that ships with the program: the default main file and all definitions."""

from __future__ import annotations

from pathlib import Path

MAIN = "throttlewatch.yaml"
PLATFORMS = "platforms"
# Controls that probes draw from, and those of single countries, by their codes.
POOL = "controls"
DOMESTIC = "domestic"
# What else is written out for people (``throttlewatch files``), under its name in a checkout. A
# wheel has it as pyproject.toml says.
CONFIG = "config"
BESIDE = (
    "docs",
    "CHANGELOG.md",
    "CITATION.cff",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "compose.yaml",
)
# How errors call these files: where they lie is of no use to an operator.
PREFIX = "embedded:"


def folder() -> Path:
    """Where the files are: in the package (a wheel), or beside it (a checkout).

    Raises ``FileNotFoundError`` when the installation is incomplete.
    """
    # A plain path and not importlib.resources: wheels are always unpacked, and that module alone
    # costs more time than reading all the files.
    package = Path(__file__).parent.parent
    for candidate in (package / "_config", package.parent / "config"):
        if (candidate / MAIN).is_file():
            return candidate
    raise FileNotFoundError(f"the installation is incomplete: no {MAIN}")


def parts() -> dict[str, Path]:
    """What comes with the program: files and folders by their names in a checkout, so that the
    links between them hold wherever they are written to.

    Raises ``FileNotFoundError`` when the installation is incomplete.
    """
    config = folder()
    beside = config.parent if config.name == CONFIG else config.parent / "_beside"
    return {CONFIG: config, **{name: beside / name for name in BESIDE}}
