"""The bases as a table in Markdown: ``python -m tests.verdict.basis_document`` writes it into
docs/method.md; a test compares them."""

from __future__ import annotations

from pathlib import Path

from probe.model.basis import GROUNDS

DOC = Path(__file__).parents[2] / "docs" / "method.md"
BEGIN, END = "<!-- bases -->\n", "<!-- /bases -->"
HEADS = (
    "basis",
    "accuses",
    "what it needs",
    "what it rules out",
    "what it does not",
    "how often it is wrong",
)


def markdown() -> str:
    """The whole table."""
    lines = [HEADS, ("---",) * len(HEADS)]
    lines += [
        (
            f"`{basis}`",
            "yes" if ground.accuses else "no",
            ground.needs,
            ground.rules_out,
            ground.leaves.removeprefix("That ").rstrip("."),
            ground.wrong,
        )
        for basis, ground in GROUNDS.items()
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def held() -> str:
    """What the documentation has."""
    return DOC.read_text().partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    before, _, rest = DOC.read_text().partition(BEGIN)
    DOC.write_text(before + BEGIN + markdown() + END + rest.partition(END)[2])
