"""Values as YAML text, for files that other programs read."""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString


def dump(value: Any) -> str:
    """``value`` (mappings, lists, texts, numbers) as YAML in the order given; texts of several
    lines as literal blocks, those with control characters with escapes."""
    yaml = YAML(typ="rt")
    yaml.width = 1_000_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(_blocks(value), out)
    return out.getvalue()


def _blocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blocks(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_blocks(below) for below in value]
    if isinstance(value, str) and not value.replace("\n", "").isprintable():
        # A block has no escapes: it would hold what YAML forbids, or what it reads as a line's end.
        return DoubleQuotedScalarString(value)
    if isinstance(value, str) and "\n" in value:
        return LiteralScalarString(value)
    return value
