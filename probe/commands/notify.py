"""``throttlewatch notify``: a message to each receiver, to see that it arrives."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from probe.commands.options import chosen, config_option, load_for_here, warn
from probe.config.schema import NotifyReceiver
from probe.publish.notify.delivery import WORDS, Delivered, deliver
from probe.publish.notify.mailbag import Letter

TRIAL = Letter(
    title="throttlewatch: a test of notifications",
    body="This is how a finding would reach you. Nothing has been found.",
)


@click.command()
@click.argument("receivers", nargs=-1, metavar="[RECEIVER]...")
@config_option
def notify(receivers: tuple[str, ...], path: Path | None) -> None:
    """Send a test message to RECEIVER, or to every receiver of the section `notify`.

    It goes the way of every notification, to the hosts that `throttlewatch platforms` lists. The
    exit status is 1 if one was not delivered. docs/notifications.md says how to set one up.
    """
    config = load_for_here(path)
    warn(config)
    known = {one.name: one for one in config.settings.notify.receivers}
    if not known:
        raise click.ClickException(
            "nobody is notified: the configuration has no `notify.receivers` "
            "(docs/notifications.md)"
        )
    wanted = [chosen("receiver", name, known) for name in receivers] or list(known.values())
    results = asyncio.run(_sent(wanted))
    for one, result in zip(wanted, results, strict=True):
        click.echo(f"{one.name}: {WORDS[result]}")
    if any(result is not Delivered.WELL for result in results):
        sys.exit(1)


async def _sent(receivers: list[NotifyReceiver]) -> list[Delivered]:
    return [await deliver(one, TRIAL) for one in receivers]
