"""Programs that were written for the laboratory of 0.1 find it."""

from __future__ import annotations

from importlib import import_module

import pytest

import lab


@pytest.mark.parametrize(
    ("module", "name"),
    [("lab", "Lab"), ("daemon", "read"), ("world.build", "world_for"), ("box.rules", "Rule")],
)
def test_the_laboratory_is_found_by_its_earlier_name(module: str, name: str) -> None:
    earlier = import_module(f"tests.lab.{module}")
    assert hasattr(earlier, name)
    assert earlier.__file__ is not None
    assert earlier.__file__.startswith(lab.__path__[0])
