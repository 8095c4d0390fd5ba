"""docs/configuration.md lists every key, with its default; and its examples are right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from msgspec import NODEFAULT

from probe.config.definition import Definition
from probe.config.hints import bare, choices, default_of, is_struct, keys_of
from probe.config.schema import Settings
from probe.config.units import BYTES, SECONDS
from probe.config.values import Bytes, MonthlyBytes, Seconds
from tests.config.files import mistakes

DOCS = Path(__file__).parent.parent.parent / "docs"
MAIN, _, DEFINITIONS = (DOCS / "configuration.md").read_text().partition("\n## Definitions")
# A decoy has the same keys as a swap, and a candidate those of its target's swap and discovery.
SAME = ("targets[].decoy.", "targets[].candidates[].swap.", "targets[].candidates[].discover.")


def keys(kind: Any, prefix: str = "") -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each key below ``kind``: its dotted name, its default as text, the texts it may be."""
    for key, field in keys_of(kind).items():
        below, name = bare(field.type), prefix + key
        members = "[]" if get_origin(below) is tuple else ""
        member = bare(get_args(below)[0]) if members else below
        yield (
            name,
            shown(default_of(field), below),
            choices(get_args(below)[0] if members else field.type),
        )
        if is_struct(member) and name + "." not in SAME:
            yield from keys(member, f"{name}{members}.")


def shown(value: Any, kind: Any) -> str:
    """A default as the documentation writes it."""
    if value is NODEFAULT:
        return "required"
    if value is None:
        return "null"
    if is_struct(kind) or (isinstance(value, tuple) and value and is_struct(type(value[0]))):
        return "below"
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    if kind is Seconds:
        return in_units(value, SECONDS)
    if kind is Bytes:
        return in_units(value, {"KiB": BYTES["KiB"]}) if value else "0"
    if kind is MonthlyBytes:
        return f"{value / BYTES['GB']:g}GB/month"
    if isinstance(value, bool):
        return str(value).lower()
    return '""' if value == "" else str(value)


def in_units(value: float, units: dict[str, int]) -> str:
    unit = max((u for u in units if value % units[u] == 0), key=lambda u: units[u])
    return f"{value / units[unit]:g}{unit}"


def rows(text: str) -> dict[str, tuple[str, str, str]]:
    cells = (
        re.split(r" *\| *", line.strip("| \n")) for line in text.splitlines() if line[:3] == "| `"
    )
    return {
        key.strip("`"): (kind, default.strip("`"), meaning) for key, kind, default, meaning in cells
    }


@pytest.mark.parametrize(("kind", "text"), [(Settings, MAIN), (Definition, DEFINITIONS)])
def test_every_key_is_documented_with_its_default_and_choices(kind: Any, text: str) -> None:
    documented = rows(text)
    in_code = {name: (default, allowed) for name, default, allowed in keys(kind)}
    assert sorted(documented) == sorted(in_code)
    for name, (default, allowed) in in_code.items():
        kind_text, default_text, meaning = documented[name]
        assert default_text == default, name
        assert all(f"`{choice}`" in kind_text + meaning for choice in allowed), name
        assert meaning.endswith("."), name


@pytest.mark.parametrize("page", ["configuration.md", "adding-a-platform.md"])
def test_examples_are_right(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert blocks
    definitions = {f"d{i}": block for i, block in enumerate(blocks) if "\ntargets:" in block}
    assert mistakes(tmp_path, "", None, **definitions) == ()
    for block in blocks:
        if "\ntargets:" not in block:
            (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
            assert mistakes(tmp_path, block) == (), block
