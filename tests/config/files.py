"""Loading a configuration that a test writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from probe.config import ConfigError, ConfigErrors, load
from probe.config.schema import Config


def written(folder: Path, text: str = "", **definitions: str) -> Path:
    """A main file with ``text`` in ``folder``, and definitions beside it."""
    main = folder / "main.yaml"
    main.write_text(text)
    for name, definition in definitions.items():
        (folder / "platforms").mkdir(exist_ok=True)
        (folder / "platforms" / f"{name}.yaml").write_text(definition)
    return main


def loaded(
    folder: Path, text: str = "", environ: Mapping[str, str] | None = None, **definitions: str
) -> Config:
    """The configuration that ``text`` and ``definitions`` make."""
    return load(written(folder, text, **definitions), environ or {})


def mistakes(
    folder: Path, text: str = "", environ: Mapping[str, str] | None = None, **definitions: str
) -> tuple[ConfigError, ...]:
    """What is wrong with the configuration that ``text`` and ``definitions`` make."""
    try:
        loaded(folder, text, environ, **definitions)
    except ConfigErrors as errors:
        return errors.errors
    return ()


DEMO = """\
name: demo
title: Demo
why: for a test
hosts: [demo.example]
targets:
  - name: page
    url: https://demo.example/
    compares: handshake
"""
