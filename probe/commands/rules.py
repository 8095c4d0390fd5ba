"""``throttlewatch rules``: the fleet's Prometheus rules from the configuration."""

from __future__ import annotations

from probe.config.dump import dump
from probe.config.schema import Config
from probe.publish.rules.render import rule_file


def rules_text(config: Config, docs: str) -> str:
    """The rule file as text."""
    settings = config.settings
    file = rule_file(settings.nation, (p.name for p in config.platforms), docs=docs)
    return (
        "# Rendered by `throttlewatch rules` from the configuration's section `nation`: change it\n"
        "# there. What the series mean: docs/nation.md.\n" + dump(file)
    )
