"""Templates and styles of the pages and reports. Everything is escaped unless it is markup."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from probe.model.foreign import on_a_page
from probe.publish.languages.offered import OFFERED
from probe.publish.languages.tongue import ENGLISH_TONGUE, Tongue
from probe.publish.report.axis_labels import ROOMS, axis_labels, plot_labels

_FOLDER = Path(__file__).parent


@cache
def templates(tongue: Tongue = ENGLISH_TONGUE) -> Environment:
    """The environment: autoescaping always, and an unknown name is an error. In templates
    ``tongue`` is the language, ``|said`` says English text in it, and ``|plain`` does where there
    can be no markup: in titles and attributes."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=on_a_page,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["tongue"] = tongue
    environment.globals["tongues"] = tuple(map(Tongue, OFFERED))
    environment.globals["ROOMS"] = ROOMS
    environment.globals["axis_labels"] = partial(axis_labels, said=tongue.plain)
    environment.globals["plot_labels"] = partial(plot_labels, said=tongue.plain)
    environment.filters["said"] = tongue.said
    environment.filters["plain"] = tongue.plain
    return environment


@cache
def style(*names: str) -> str:
    """Style sheets by file name, one after the other; ``report.css`` and ``page.css`` come with the
    colours and strips that they share."""
    return "".join((_FOLDER / name).read_text() for name in ("shared.css", *names))
