"""What several commands take: the configuration file, and its mistakes shown for a person."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from probe.commands.output import tell
from probe.config import ConfigErrors, load
from probe.config.schema import Config

CONFIG_ERROR = 2

config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="THROTTLEWATCH_CONFIG",
    help="Configuration file; without one, the embedded default is used.",
)


def load_config(path: Path | None) -> Config:
    """The configuration, or all its mistakes and the exit status 2."""
    try:
        return load(path, os.environ)
    except ConfigErrors as errors:
        tell(str(errors))
        sys.exit(CONFIG_ERROR)
