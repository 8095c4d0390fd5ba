"""What several commands take: the configuration file, and its mistakes shown for a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import click

from probe.commands.output import tell
from probe.config import ConfigErrors, load, warnings
from probe.config.calling import called
from probe.config.definition import Definition
from probe.config.hints import near
from probe.config.schema import Config
from probe.publish.languages.offered import ENGLISH, OFFERED

T = TypeVar("T")

CONFIG_ERROR = 2

config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="THROTTLEWATCH_CONFIG",
    help="Configuration file; without one, the embedded default is used.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")

# Few terminals lay out lines that run from right to left, so the configuration does not choose.
language_option = click.option(
    "--language",
    type=click.Choice(list(OFFERED)),
    default=ENGLISH,
    show_default=True,
    help="Of sentences for people.",
)


def load_config(path: Path | None) -> Config:
    """The configuration, or all its mistakes and the exit status 2."""
    try:
        return load(path, os.environ)
    except ConfigErrors as errors:
        tell(str(errors))
        sys.exit(CONFIG_ERROR)


def warn(config: Config) -> None:
    """Say what a right configuration should be warned of."""
    for warning in warnings(config):
        tell(f"warning: {warning}")


def chosen(what: str, name: str, known: Mapping[str, T]) -> T:
    """What is called ``name``, however that is written; or a sentence that says what there is."""
    found = known.get(name, known.get(name.strip().lower()))
    if found is None:
        meant = near(name.strip().lower(), known)
        hint = f"did you mean {meant}? There is: " if meant else "there is: "
        raise click.UsageError(f"no {what} {name!r} in the configuration; {hint}{', '.join(known)}")
    return found


def platform_of(config: Config, name: str) -> Definition:
    """The platform that a person calls ``name``: by its name or its title (``twitter``, ``X``)."""
    known = {platform.name: platform for platform in config.platforms}
    titles = {platform.name: platform.title for platform in config.platforms}
    return chosen("platform", called(name, titles) or name, known)
