"""Write the pictures of docs/ that are made from tables of the code: ``python tools/pictures.py``.

A test holds that the page is what this writes.
"""

from __future__ import annotations

from pathlib import Path

from probe.verdict.suspected.suspicion import picture

PAGE = Path(__file__).parent.parent / "docs" / "suspicion.md"
BEGIN, END = "<!-- made by tools/pictures.py: begin -->\n", "<!-- end -->\n"


def page(before: str) -> str:
    """The page with the picture as the table is now."""
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{picture()}{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
