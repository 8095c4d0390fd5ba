"""What a daemon leaves out of the modules that it loads: nothing that they do."""

from __future__ import annotations

import dis
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import CodeType

import pytest

from probe.daemon.left_out import LATER, without

ROOT = Path(__file__).parent.parent.parent
SOURCE = '''
"""A module."""

def said():
    """For who reads it."""
    return 1

def meant():
    """It is the answer, too."""
    return "It is the answer, too."

def handed_on(words=("a", "b")):
    """Not in the way of other constants."""
    def inner():
        """Of one within."""
        return words, None
    return inner()

class One:
    """A class."""
    def method(self):
        """Of a method."""
        return [letter for letter in "ab"], {"c" for _ in range(1)}

    text = lambda self: "no docstring"
'''
ODD = ("dataclasses", "typing", "enum", "asyncio.base_events", "httpx._models", "dns.message")
OURS = tuple(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "probe" / "verdict").rglob("[a-z]*.py"))
)


def made(code: CodeType) -> dict[str, object]:
    names: dict[str, object] = {"__name__": "made"}
    exec(code, names)
    return names


def test_functions_do_what_they_did_and_have_no_docstring() -> None:
    code = compile(SOURCE, "made.py", "exec")
    before, after = made(code), made(without(code))
    for name in ("said", "meant", "handed_on"):
        assert after[name]() == before[name]()  # type: ignore[operator]
    ours, theirs = before["One"](), after["One"]()  # type: ignore[operator]
    assert theirs.method() == ours.method()
    assert theirs.text() == ours.text()
    assert before["said"].__doc__
    assert after["said"].__doc__ is None
    assert before["handed_on"].__doc__
    assert after["handed_on"].__doc__ is None
    assert ours.method.__doc__
    assert theirs.method.__doc__ is None
    assert after["meant"].__doc__ == before["meant"].__doc__, "it is returned as well"


def all_within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from all_within(one)


@pytest.mark.parametrize("name", [*ODD, *OURS])
def test_no_constant_goes_that_an_instruction_loads(name: str) -> None:
    spec = find_spec(name)
    assert spec is not None
    assert isinstance(spec.loader, SourceFileLoader)
    code = spec.loader.get_code(name)
    assert code is not None
    pairs = list(zip(all_within(code), all_within(without(code)), strict=True))
    gone = 0
    for before, after in pairs:
        assert after.co_code == before.co_code
        assert after.co_names == before.co_names
        assert len(after.co_consts) == len(before.co_consts)
        for place, (old, new) in enumerate(zip(before.co_consts, after.co_consts, strict=True)):
            if isinstance(old, str) and new is None:
                gone += 1
                loaded = {i.arg for i in dis.get_instructions(before) if i.opcode in dis.hasconst}
                assert place == 0
                assert place not in loaded
            else:
                assert isinstance(old, CodeType) or new is old
    assert gone or len(pairs) < 20


def run(program: str) -> str:
    first = "import sys; sys.argv = ['throttlewatch', 'run']\n"
    first += "from probe.daemon.left_out import leave_out_of_modules; leave_out_of_modules()\n"
    done = subprocess.run(
        [sys.executable, "-c", first + program], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_what_is_loaded_later_is_there_for_who_asks() -> None:
    names = sorted(name for name in LATER if find_spec(name.split(".")[0]) is not None)
    program = (
        "import importlib, json, sys\n"
        f"modules = {{name: importlib.import_module(name) for name in {names!r}}}\n"
        "lazy = [type(one).__name__ for one in modules.values()]\n"
        "asked = [one.__file__ and type(one).__name__ for one in modules.values()]\n"
        "print(json.dumps([lazy, asked]))\n"
        "import csv, io\n"
        "assert list(csv.reader(io.StringIO('a,b'))) == [['a', 'b']]\n"
    )
    lazy, asked = json.loads(run(program))
    assert set(asked) == {"module"}
    assert "_LazyModule" in lazy


def test_texts_and_annotations_are_left_out_and_those_of_classes_stay() -> None:
    program = (
        "import h11, probe.config.schema as schema\n"
        "from probe.measure.one_leg import attempt\n"
        "functions = [one for one in vars(attempt).values() if type(one).__name__ == 'function'\n"
        "             and one.__module__ == attempt.__name__]\n"
        "assert functions\n"
        "functions.append(h11.Connection.send)\n"
        "print([bool(one.__doc__ or one.__annotations__) for one in functions]\n"
        "      + [bool(h11.__doc__), bool(h11.Connection.__doc__), bool(attempt.__doc__)])\n"
        "print(bool(schema.Settings.__annotations__))\n"
    )
    texts, annotations = run(program).splitlines()
    assert "True" not in texts
    assert annotations == "True"


def test_help_says_what_it_said() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "probe", "run", "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    assert "Measure on schedule until stopped" in said
