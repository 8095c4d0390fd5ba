"""The shipped dashboards, and their queries as Grafana would send them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "config" / "grafana" / "dashboards"


def dashboards() -> dict[str, dict[str, Any]]:
    """By the names of their files."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def read_as_grafana(query: str) -> list[tuple[str, str]]:
    """The choices of a variable of type ``custom``: parts between commas, each ``text : value`` if
    there is something on both sides, else its own value (Grafana 10 to 12: the part must fit
    ``/^\\s*(.+)\\s:\\s(.+)$/``)."""
    choices = []
    for part in re.findall(r"(?:\\,|[^,])+", query):
        text = part.replace("\\,", ",")
        pair = re.match(r"^\s*(.+)\s:\s(.+)$", text)
        choices.append((pair[1].strip(), pair[2].strip()) if pair else (text.strip(),) * 2)
    return choices


def custom_variables(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those whose choices stand in the file."""
    return (one for one in board["templating"]["list"] if one["type"] == "custom")


def queries(chosen: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Where each query stands, and its text with the variables' values in it: what is ``chosen``,
    and of a variable whose choices stand in the file what Grafana begins with."""
    for name, board in dashboards().items():
        first = {v["name"]: read_as_grafana(v["query"])[0][1] for v in custom_variables(board)}
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                expr = target["expr"]
                for variable, value in (first | chosen).items():
                    expr = expr.replace(f"${variable}", value)
                assert "$" not in expr, expr
                yield f"{name}: {panel['title']}", expr
