"""``throttlewatch hub``: who takes part in a fleet, and the gate for what they send."""

from __future__ import annotations

import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from probe.commands.hub_copy import copy
from probe.commands.hub_findings import (
    correct,
    findings,
    hold,
    ledger_option,
    publish,
    release,
)
from probe.commands.hub_health import health
from probe.commands.hub_register import REGISTER, opened_register
from probe.commands.hub_urls import EngineSaid, web_address
from probe.commands.hub_wishes import bundle, set_wishes, test, wishes
from probe.commands.options import load_config
from probe.commands.output import tell
from probe.commands.said import AccessSaid, CountrySaid, NetworkSaid
from probe.config.errors import redact
from probe.config.formats import is_https_url, is_loopback
from probe.config.host_meant import url_meant
from probe.config.readable import home_of
from probe.config.units import parse_bytes
from probe.hub.enrolled import FleetPlace
from probe.model.identity import Role
from probe.publish.parcels.archive import Archive

_DAY_SECONDS = 86_400.0
LEAST_ROOM_BYTES = 1_048_576
MOST_ROOM_BYTES = 2**50


class SizeSaid(click.ParamType):  # type: ignore[type-arg]
    """A size: ``512MiB``, ``2GB``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """In bytes; fails with words that click shows."""
        try:
            found = value if isinstance(value, int) else parse_bytes(str(value))
        except ValueError as error:
            self.fail(f"{error}; expected a size such as 512MiB")
        if found < LEAST_ROOM_BYTES:
            self.fail(f"{value} is less than one parcel of rounds; expected 512MiB, say")
        if found > MOST_ROOM_BYTES:
            self.fail(f"{value} is more than a disk has; expected 512MiB, say")
        return found


@click.group()
def hub() -> None:
    """A fleet's hub: invite vantages, let in what they send, and nothing else.

    docs/hub.md goes from nothing to a fleet that is heard.
    """


@hub.command()
@REGISTER
@click.option("--url", required=True, help="Where probes reach this hub: https://hub.example.org")
@click.option("--country", type=CountrySaid(), required=True, help="Pakistan, or PK.")
@click.option("--asn", type=NetworkSaid(), help="The number of the network: AS17557, or 17557.")
@click.option("--access", type=AccessSaid(), default="fixed", show_default=True)
@click.option(
    "--role", type=click.Choice([one.value for one in Role]), default="inside", show_default=True
)
@click.option("--upstream", help="Whom that network gets its way abroad from.")
@click.option("--count", type=click.IntRange(1, 1_000), default=1, show_default=True)
@click.option("--days", type=click.IntRange(1, 365), default=14, show_default=True)
@click.option(
    "--qr/--no-qr",
    default=None,
    help="Each line as a QR code, too; by default where a terminal shows it.",
)
def invite(
    file: Path,
    url: str,
    country: str,
    asn: int | None,
    access: str,
    role: str,
    upstream: str | None,
    count: int,
    days: int,
    qr: bool | None,
) -> None:
    """Print lines with which vantages may join, one time each.

    Whoever has a line can take part as a vantage of that place: hand each to one person, by a way
    that nobody else reads. Who got which is not kept here.
    """
    home = at_hub(url)
    try:
        place = msgspec.convert(
            {"country": country, "asn": asn, "access": access, "role": role, "upstream": upstream},
            FleetPlace,
        )
    except msgspec.ValidationError as error:
        raise click.ClickException(str(error)) from error
    now = time.time()
    with opened_register(file) as register:
        for _ in range(count):
            secret = register.invite(place, until=now + days * _DAY_SECONDS, now=now)
            line = f"throttlewatch join {home}/#{secret}"
            click.echo(line)
            if qr is not False and (qr or sys.stdout.isatty()):
                # Once for all of them.
                qr = _echo_code(line) and qr


@hub.command("list")
@REGISTER
def list_all(file: Path) -> None:
    """Who takes part: name, country, network, access, role, since when."""
    with opened_register(file, make=False) as register:
        for one in register.everybody():
            place = one.place
            asn = "-" if place.asn is None else f"AS{place.asn}"
            ended = "" if one.revoked is None else f"  revoked {_day(one.revoked)}"
            click.echo(
                f"{one.name}  {place.country}  {asn}  {place.access}  {place.role}  "
                f"joined {_day(one.joined)}{ended}"
            )
        tell(f"{register.open_invitations(time.time())} invitations are open")


@hub.command()
@REGISTER
@click.argument("name")
@click.option(
    "--delete-rounds",
    "archive",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of serve --archive: what it sent there is deleted, too.",
)
def revoke(file: Path, name: str, archive: Path | None) -> None:
    """Take nothing more from NAME, from now on. What it sent stays in the engine, and its rounds in
    the archive until they are old, unless they are deleted: also later, by the same command."""
    with opened_register(file, make=False) as register:
        gone = {one.name for one in register.everybody() if one.revoked is not None}
        if archive is None or name not in gone:
            register.revoke(name, time.time())
    tell(f"{name} takes part no more")
    if archive is None:
        tell("rounds that it sent stay until they are old; --delete-rounds FOLDER deletes them")
        return
    try:
        days = Archive(archive).remove(name)
    except OSError as error:
        raise click.ClickException(f"{archive}: {error.strerror or error}") from error
    tell(f"its rounds of {days} days are deleted")


@hub.command()
@REGISTER
@click.argument("name")
def rotate(file: Path, name: str) -> None:
    """Another credential for NAME: printed once, for the file beside its configuration."""
    with opened_register(file, make=False) as register:
        click.echo(register.rotate(name))


for one in (
    *(wishes, set_wishes, test, bundle, health, copy),
    *(publish, findings, release, hold, correct),
):
    hub.add_command(one)


@hub.command()
@REGISTER
@click.option("--listen", default="127.0.0.1:9890", show_default=True)
@click.option(
    "--engine",
    type=EngineSaid(),
    required=True,
    help="Where the engine takes remote write: http://127.0.0.1:9090/api/v1/write",
)
@click.option(
    "--metrics-listen",
    default="127.0.0.1:9891",
    show_default=True,
    help="Where the hub's own metrics are: they name vantages, so for the engine alone.",
)
@click.option("--cert-file", type=click.Path(path_type=Path), help="A chain in PEM, for TLS.")
@click.option("--key-file", type=click.Path(path_type=Path), help="Its private key in PEM.")
@click.option(
    "--archive",
    type=click.Path(path_type=Path),
    help="A folder for the rounds of probes that send them (hub.send_rounds); else none are taken.",
)
@click.option(
    "--keep-rounds",
    type=click.IntRange(1, 3_650),
    default=90,
    show_default=True,
    help="For so many days.",
)
@click.option(
    "--room",
    type=SizeSaid(),
    default="512MiB",
    show_default=True,
    help="How much room the rounds of each vantage may take in the archive.",
)
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="The fleet's configuration: hosts that it does not name are taken out of rounds.",
)
@ledger_option("ledger")
def serve(
    file: Path,
    listen: str,
    metrics_listen: str,
    engine: str,
    cert_file: Path | None,
    key_file: Path | None,
    archive: Path | None,
    keep_rounds: int,
    room: int,
    path: Path | None,
    ledger: Path,
) -> None:
    """Answer those that join, and let in what vantages send; runs until it is told to end.

    Without a certificate it belongs behind a web server that speaks https: credentials go by it.
    """
    # With a web server in it, so not before it is asked for.
    from probe.hub.hub_server import HubCannotListenError, run
    from probe.hub.rounds_desk import RoundsDesk

    if (cert_file is None) != (key_file is None):
        raise click.ClickException("--cert-file and --key-file belong together")
    rounds = None
    config = None if path is None else load_config(path)
    if archive is not None:
        try:
            rounds = RoundsDesk(
                archive, wall=time.time, keep_days=keep_rounds, room_bytes=room, config=config
            )
        except OSError as error:
            raise click.ClickException(f"{archive}: {error.strerror or error}") from error
    with opened_register(file) as register:
        try:
            run(
                register,
                engine,
                listen,
                metrics_listen,
                cert_file,
                key_file,
                rounds,
                home_of(str(ledger)),
            )
        except HubCannotListenError as error:
            raise click.ClickException(str(error)) from error


def _echo_code(line: str) -> bool:
    """Print it as a QR code; ``False``: it cannot be, and why is said."""
    from probe.publish.terminal.qr_code import NoCodeError, columns, qr_code

    try:
        code = qr_code(line)
        "".join(code).encode(sys.stdout.encoding)
    except NoCodeError as error:
        tell(f"no QR code: {error}")
        return False
    except UnicodeEncodeError:
        tell(f"no QR code: it is drawn with blocks, which {sys.stdout.encoding} does not have")
        return False
    wide = shutil.get_terminal_size().columns
    if sys.stdout.isatty() and columns(code) > wide:
        tell(f"no QR code: it is {columns(code)} letters wide, and the terminal {wide}")
        return False
    # Its colours are what it is made of, also in a pipe.
    click.echo("\n".join(code), color=True)
    return True


def at_hub(url: str) -> str:
    """The hub's URL without an end. https; http where nobody is on the way."""
    parts = web_address(url)
    here = parts is not None and is_loopback(parts.hostname or "")
    meant = url_meant(url.partition("?")[0]).rstrip("/")
    such = meant if is_https_url(meant) else "https://hub.example.org"
    if parts is None or not (parts.scheme == "https" or here):
        raise click.ClickException(
            f"{redact(url)!r} is no address of a hub; expected one such as {such}"
        )
    if parts.query or parts.username is not None:
        raise click.ClickException(
            f"{redact(url)!r} has more in it than the address of a hub; expected {such}"
        )
    if here:
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    if not is_https_url(meant):
        raise click.ClickException(
            f"{url!r} is no address of a hub; expected one such as https://hub.example.org"
        )
    # What is in capital letters, in letters of its own script or has a dot at its end is the same
    # server, and a configuration has one form for it.
    return meant


def _day(time_seconds: float) -> str:
    return datetime.fromtimestamp(time_seconds, UTC).strftime("%Y-%m-%d")
