"""A configuration of made-up sites on this machine, each with one target whose handshake counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_DEFINITION = """\
name: {name}
kind: {kind}
title: The {name}
why: for a test
operator: {name}
hosts: [{name}.example]
targets:
  - {{name: page, url: "https://{name}.example:{port}/", compares: handshake}}
"""
NOBODY = 9
"""A port at which nobody listens: the line is offline, which is a state like any other."""


def small_config(folder: Path, main: str, kinds: Mapping[str, str], *, port: int = NOBODY) -> Path:
    """Writes ``main`` and the definitions of ``kinds`` (name → ``platform`` or ``control``) into
    ``folder``; where ``main`` is."""
    (folder / "platforms").mkdir()
    for name, kind in kinds.items():
        text = _DEFINITION.format(name=name, kind=kind, port=port)
        (folder / "platforms" / f"{name}.yaml").write_text(text)
    (folder / "main.yaml").write_text(main)
    return folder / "main.yaml"
