"""What several commands take: the configuration file, and its mistakes shown for a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import click

from probe.commands.output import tell
from probe.config import ConfigErrors, embedded, load, warnings
from probe.config.bundle import Bundle
from probe.config.calling import called, called_near
from probe.config.definition import Definition
from probe.config.hints import near
from probe.config.installed import is_installed
from probe.config.schema import Config
from probe.config.shipped import all_shipped
from probe.publish.languages.offered import ENGLISH, OFFERED

T = TypeVar("T")

CONFIG_ERROR = 2
CONFIGURED = "the configuration"

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
    """The configuration, or all its mistakes and the exit status 2: for commands that read what was
    stored, on whatever machine."""
    return _loaded(lambda: load(path, os.environ))


def load_for_here(path: Path | None) -> Config:
    """The same for commands that measure with it, or say what that would be: what is installed on
    this machine has decided."""
    return _loaded(lambda: read_for_here(path))


def read_for_here(path: Path | None, *, bundle: Bundle | None = None) -> Config:
    """The same, with a bundle on trial. Raises ``ConfigErrors``."""
    return load(path, os.environ, bundle=bundle, has=is_installed)


def _loaded(read: Callable[[], Config]) -> Config:
    try:
        return read()
    except ConfigErrors as errors:
        tell(str(errors))
        sys.exit(CONFIG_ERROR)


def warn(config: Config) -> None:
    """Say what a right configuration should be warned of."""
    for warning in warnings(config):
        tell(f"warning: {warning}")


def chosen(
    what: str, name: str, known: Mapping[str, T], *, where: str = CONFIGURED, meant: str = ""
) -> T:
    """What is called ``name``, however that is written; or a sentence that says what there is
    ``where``. ``meant``: what was probably meant, if that is known better than by the letters."""
    found = known.get(name, known.get(name.strip().lower()))
    if found is None:
        meant = meant or near(name.strip().lower(), known)
        hint = f"did you mean {meant}? There is: " if meant else "there is: "
        raise click.UsageError(f"no {what} {name!r} in {where}; {hint}{', '.join(known)}")
    return found


def platform_of(config: Config, name: str) -> Definition:
    """The platform that a person calls ``name``: by its name or its title (``twitter``, ``X``)."""
    known = {platform.name: platform for platform in config.platforms}
    return known[platform_called(config, name, known)]


def platforms_of(config: Config, names: Iterable[str]) -> list[Definition]:
    """Those that a person calls so, in one word each or with commas between; all of them where
    nobody says which, or ``all``."""
    said = [name for several in names for name in several.split(",") if name.strip()]
    if not said or "all" in (name.strip().lower() for name in said):
        return list(config.platforms)
    found = {one.name: one for one in (platform_of(config, name) for name in said)}
    return list(found.values())


def platform_called(
    config: Config, name: str, known: Iterable[str], *, where: str = CONFIGURED
) -> str:
    """The name among ``known`` that a person calls ``name``; or a sentence that says what there is
    ``where``, and what it takes to measure one that ships and is not measured."""
    shipped = {
        one.name: one.title
        for one in (*all_shipped(embedded.folder()), *config.platforms)
        if one.kind == "platform"
    }
    titles = {one: shipped.get(one, one) for one in known}
    found = called(name, titles)
    ours = called(name, {one: title for one, title in shipped.items() if one not in titles})
    if not found and ours:
        raise click.UsageError(
            f"{shipped[ours]} is not measured: add {ours} to `platforms` in the configuration; "
            f"there is: {', '.join(titles)}"
        )
    names = {one: one for one in titles}
    return chosen("platform", found or name, names, where=where, meant=called_near(name, titles))
