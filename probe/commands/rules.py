"""``throttlewatch rules``: the fleet's Prometheus rules from the configuration."""

from __future__ import annotations

from pathlib import Path

import click

from probe.commands.options import config_option, load_config
from probe.commands.output import tell
from probe.config.advice import equal_weights
from probe.config.dump import dump
from probe.config.schema import Config
from probe.publish.rules.rule_file import rule_file
from probe.verdict.about import operators_of


@click.command()
@config_option
@click.option(
    "--docs",
    default="docs",
    show_default=True,
    metavar="URL",
    help="Where the documentation is: alerts link to its runbook.md.",
)
def rules(path: Path | None, docs: str) -> None:
    """Print Prometheus rules for a fleet, from the section `nation` of the configuration.

    They are for Prometheus, VictoriaMetrics' vmalert or Mimir, whichever has the series of every
    vantage: docs/fleet.md says how.
    """
    config = load_config(path)
    if not config.settings.nation.weights:
        tell(f"warning: {equal_weights()}")
    # As bytes: for programs, which read UTF-8 whatever this terminal's encoding is.
    click.echo(rules_text(config, docs).encode(), nl=False)


def rules_text(config: Config, docs: str) -> str:
    """The rule file as text."""
    settings = config.settings
    file = rule_file(
        settings.nation,
        (platform.name for platform in config.platforms),
        operators=operators_of(config),
        titles={platform.name: platform.title for platform in config.platforms},
        docs=docs,
    )
    return (
        "# Rendered by `throttlewatch rules` from the configuration's section `nation`: change it\n"
        "# there. What the series mean: docs/nation.md.\n" + dump(file)
    )
