"""Write the list of modules at the end of docs/architecture.md: ``python tools/modules.py``.

A module's line is the first sentence of its docstring, which says which question it answers.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROBE = ROOT / "probe"
PAGE = ROOT / "docs" / "architecture.md"
HEAD = "## Every module\n"


def sentence(path: Path) -> str:
    """The first sentence of a module's docstring, in one line."""
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    first = " ".join(doc.split("\n\n")[0].split()).replace("|", "/")
    found = re.match(r"(.+?[.?])(?= [A-Z]|$)", first)
    return (found[1] if found else first).replace("``", "`")


def listing() -> str:
    """A table for each room, in the order of their paths."""
    lines, room = [HEAD], None
    for path in sorted(PROBE.rglob("*.py"), key=lambda each: (str(each.parent), each.name)):
        if path.stem in ("__init__", "__main__"):
            continue
        if path.parent != room:
            room = path.parent
            lines.append(
                f"\n**`{room.relative_to(ROOT)}/`**\n\n| file | what it knows |\n| --- | --- |\n"
            )
        lines.append(f"| `{path.relative_to(ROOT)}` | {sentence(path)} |\n")
    return "".join(lines)


if __name__ == "__main__":
    text = PAGE.read_text()
    before, _, after = text.partition(HEAD)
    rest = re.search(r"^## ", after, flags=re.MULTILINE)
    tail = "\n" + after[rest.start() :] if rest else ""
    PAGE.write_text(before.rstrip("\n") + "\n\n" + listing() + tail)
