"""Templates and styles of the pages and reports. Everything is escaped unless it is markup."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDER = Path(__file__).parent


@cache
def templates() -> Environment:
    """The environment: autoescaping always, and an unknown name is an error."""
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def style(*names: str) -> str:
    """Style sheets by file name, one after the other; ``report.css`` and ``page.css`` come with the
    colours and strips that they share."""
    return "".join((_FOLDER / name).read_text() for name in ("shared.css", *names))
