"""``throttlewatch drill``: an exercise on a running daemon, so that people see an alert come."""

from __future__ import annotations

import base64
import os
import urllib.error
import urllib.request
from pathlib import Path

import click

from probe.commands.nation import url_of
from probe.commands.options import config_option, load_config

SECONDS = 10.0
PATH = "/-/drill"
PASSWORD = "THROTTLEWATCH_PASSWORD"  # noqa: S105  the variable's name


@click.command()
@config_option
@click.option(
    "--minutes",
    type=click.IntRange(1, 240),
    default=15,
    show_default=True,
    help="How long. A finding must hold for `nation.hold` before it is called national, and the "
    "alert waits a minute more.",
)
@click.option("--stop", is_flag=True, help="End the drill that goes on.")
@click.option("--url", metavar="URL", help="The daemon there; by default the one at `listen`.")
@click.option("--user", metavar="NAME", help=f"With a password, which is taken from {PASSWORD}.")
def drill(path: Path | None, minutes: int, stop: bool, url: str | None, user: str | None) -> None:
    """Make a running daemon publish a made-up national event, marked as a drill.

    Six made-up vantages (drill-1 to drill-5, drill-abroad) say that every platform is throttled.
    Each series carries drill="true", each alert's name begins with DRILL_, and nothing of it enters
    what is really found. It ends by itself.
    """
    config = load_config(path)
    if not stop and minutes * 60.0 < float(config.settings.nation.hold) + 180.0:
        hold = float(config.settings.nation.hold) / 60.0
        click.echo(
            f"warning: with nation.hold of {hold:g} minutes no alert arrives within {minutes}",
            err=True,
        )
    tls = config.web.tls_server_config is not None
    base = url or url_of(config.settings.listen, tls=tls)
    click.echo(post(f"{base.rstrip('/')}{PATH}?minutes={0 if stop else minutes}", user))


def post(url: str, user: str | None) -> str:
    """What the daemon answers. Raises ``click.ClickException`` with words for a person."""
    if not url.startswith(("http://", "https://")):
        raise click.ClickException(f"{url!r} is no http:// or https:// address")
    request = urllib.request.Request(url, method="POST", data=b"")  # noqa: S310  checked above
    if user is not None:
        whole = f"{user}:{os.environ.get(PASSWORD, '')}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(whole).decode()}")
    # A daemon on this machine is never asked through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return str(answer.read(4_096).decode(errors="replace").strip())
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(4_096).decode(errors="replace").strip()
        raise click.ClickException(f"the daemon refused ({error.code}): {said}") from error
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise click.ClickException(
            f"no daemon answers ({reason}); is `throttlewatch run` running?"
        ) from error
