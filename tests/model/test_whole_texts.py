"""A text that must have a form has it to its end: a line's end behind a name would begin a line of
its own in a file, a log or a metric."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parent.parent.parent

EXAMPLES = {
    "Name": "home-line",
    "Country": "TR",
    "Month": "2026-11",
    "LabelName": "instance",
    "LinkWithHole": "https://example.com/{}/app.js",
    "PublicKey": f"{'A' * 43}=",
    "KeyPin": f"sha256//{'A' * 43}=",
    "Upstream": "AS64500",
    "AsnText": "64500",
    "Title": "X (Twitter)",
}


def patterns() -> Iterator[tuple[str, str]]:
    """Where each ``Meta(pattern=...)`` of the product stands, and how it ends."""
    for file in sorted((ROOT / "probe").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "pattern":
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield f"{file.relative_to(ROOT)}:{part.lineno}", part.value


def test_every_pattern_holds_to_the_end() -> None:
    found = list(patterns())
    assert len(found) > 15
    assert not [(where, pattern) for where, pattern in found if pattern.endswith("$")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_line_behind_it_is_refused(name: str) -> None:
    kind = getattr(import_module("probe.config.values"), name)
    assert msgspec.convert(EXAMPLES[name], kind) == EXAMPLES[name]
    for more in ("\n", "\nx: 1", "\r"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(EXAMPLES[name] + more, kind)
