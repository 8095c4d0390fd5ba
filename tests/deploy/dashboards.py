"""The shipped dashboards, and their queries as Grafana would send them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "config" / "grafana" / "dashboards"


def dashboards() -> dict[str, dict[str, Any]]:
    """By the names of their files."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def queries(chosen: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Where each query stands, and its text with the variables' values in it."""
    for name, board in dashboards().items():
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                expr = target["expr"]
                for variable, value in chosen.items():
                    expr = expr.replace(f"${variable}", value)
                assert "$" not in expr, expr
                yield f"{name}: {panel['title']}", expr
