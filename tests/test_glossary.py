"""docs/glossary.md holds: one meaning for a noun, a type and a file; all modules are named."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROBE = ROOT / "probe"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
# Every package has them.
FACES = {"__init__", "__main__", "conftest"}
PLAIN = re.compile(r"`([^`]+)`")


def modules() -> list[Path]:
    return sorted(PROBE.rglob("*.py"))


def cells(title: str, text: str = GLOSSARY) -> list[list[str]]:
    """The rows of all tables below a heading, without the tables' heads."""
    part = re.split(r"^## ", text.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]
    rows = []
    for table in re.split(r"\n\n+", part):
        lines = [line for line in table.splitlines() if line.startswith("| ")]
        rows += [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return rows


def nouns() -> list[list[str]]:
    titles = re.findall(r"^## (.*)$", GLOSSARY, flags=re.MULTILINE)
    return [
        row for title in titles if title not in ("Not said", "Families") for row in cells(title)
    ]


def public_types() -> dict[str, list[str]]:
    """Public classes and aliases, and the modules that give each a meaning."""
    found = defaultdict(list)
    for path in modules():
        where = str(path.relative_to(PROBE))
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(where)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name) and re.fullmatch(
                        r"[A-Z]\w*[a-z]\w*", target.id
                    ):
                        found[target.id].append(where)
    return {name: where for name, where in found.items() if not name.startswith("_")}


def test_a_noun_has_one_meaning() -> None:
    names = [row[0] for row in nouns()]
    assert len(names) >= 40
    assert sorted(names) == sorted(set(names))
    assert not set(names) & {row[0] for row in cells("Not said")}


def test_what_the_glossary_calls_a_type_is_one() -> None:
    known = public_types()
    for row in nouns():
        for name in PLAIN.findall(row[2]):
            assert name.partition(".")[0] in known, f"{row[0]}: {name}"


def test_a_public_type_has_one_meaning() -> None:
    families = {name for row in cells("Families") for name in PLAIN.findall(row[0])}
    twice = {name: where for name, where in public_types().items() if len(where) > 1}
    assert not {name: where for name, where in twice.items() if name not in families}
    assert not {name for name in families if name.isidentifier()} - twice.keys(), "shorten the list"


def test_a_files_name_has_one_meaning() -> None:
    found = defaultdict(list)
    for path in modules():
        if path.stem not in FACES and path.parent.name != "commands":
            found[path.stem].append(str(path.relative_to(PROBE)))
    assert not {stem: where for stem, where in found.items() if len(where) > 1}


def test_words_that_are_not_said_are_not() -> None:
    (word, *_), *_ = cells("Not said")
    said = [
        str(path.relative_to(ROOT))
        for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *modules()]
        if path.name != "glossary.md" and re.search(rf"\b{word}\b", path.read_text())
    ]
    assert not said, word


def named() -> Iterator[str]:
    for line in ARCHITECTURE.partition("## Every module")[2].splitlines():
        yield from re.findall(r"^\| `(probe/[\w/]+\.py)`", line)


def test_the_architecture_names_each_module_and_no_other() -> None:
    """``python tools/modules.py`` writes the list."""
    there = {str(path.relative_to(ROOT)) for path in modules() if path.stem not in FACES}
    assert not there - set(named()), "not named: run `python tools/modules.py`"
    assert not set(named()) - there, "named and gone: run `python tools/modules.py`"


def test_the_quick_profile_names_tests_that_exist() -> None:
    lines = (ROOT / "tests" / "quick.txt").read_text().splitlines()
    paths = [line for line in lines if not line.startswith("#")]
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]
