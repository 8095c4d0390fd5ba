"""``throttlewatch beacon``: a group's own neutral server, to be measured against."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from probe.commands.output import tell
from probe.config.readable import Unreadable, home_of, read_text

_MEBIBYTE = 1_048_576
_GIBIBYTE = 1_073_741_824


@click.command()
@click.option("--listen", default=":443", show_default=True, help="Where; both TCP and UDP.")
@click.option("--cert-file", type=click.Path(path_type=Path), help="A chain in PEM, for TLS.")
@click.option("--key-file", type=click.Path(path_type=Path), help="Its private key in PEM.")
@click.option(
    "--name",
    "names",
    multiple=True,
    help="Without a certificate: the names or addresses of the one that it makes for itself.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    default="/var/lib/throttlewatch-beacon",
    show_default=True,
    help="Where that one and its key are kept.",
)
@click.option(
    "--access-key-file",
    type=click.Path(path_type=Path),
    help="A file with a word that every path has to begin with: /KEY/65536",
)
@click.option(
    "--largest",
    type=click.IntRange(1, 1_024),
    default=64,
    show_default=True,
    help="MiB of an object, and of an upload.",
)
@click.option(
    "--each",
    type=click.IntRange(8, 1_048_576),
    default=1_024,
    show_default=True,
    help="MiB a day for each address; an eighth of it at once.",
)
@click.option(
    "--all",
    "everybody",
    type=click.IntRange(1, 1_048_576),
    default=64,
    show_default=True,
    help="GiB a day for all of them.",
)
@click.option("--quic/--no-quic", default=None, help="Over UDP as well; by default where it can.")
def beacon(
    listen: str,
    cert_file: Path | None,
    key_file: Path | None,
    names: tuple[str, ...],
    home: Path,
    access_key_file: Path | None,
    largest: int,
    each: int,
    everybody: int,
    quic: bool | None,
) -> None:
    """Run a neutral server that probes are pointed at: gives bytes, and takes bytes.

    It answers to every name and path, keeps nothing that it is sent, and writes down nobody's
    address. Runs until it is told to end. docs/beacon.md says what for, and what it risks.
    """
    # With a web server in it, so not before it is asked for.
    from probe.beacon.beacon_server import BeaconCannotBeginError, Plan, run
    from probe.beacon.own_certificate import own_certificate, pin_of
    from probe.beacon.wishes import Offer

    if (cert_file is None) != (key_file is None):
        raise click.ClickException("--cert-file and --key-file belong together")
    if names and cert_file is not None:
        raise click.ClickException("--name is for a certificate of its own; the file has its names")
    key = "" if access_key_file is None else _access_key(access_key_file)
    try:
        if cert_file is None or key_file is None:
            home = home_of(str(home))
            cert_file, key_file = own_certificate(home, names, datetime.now(UTC))
            said = f"a certificate of its own for {', '.join(names) or 'no name'}"
        else:
            said = f"the certificate in {cert_file}"
        pin = pin_of(cert_file)
    except OSError as error:
        raise click.ClickException(f"{error.filename or home}: {error.strerror}") from error
    except ValueError as error:
        raise click.ClickException(
            f"{cert_file or home}: no certificate or key ({error})"
        ) from error
    plan = Plan(
        listen=listen,
        cert_file=cert_file,
        key_file=key_file,
        offer=Offer(largest_bytes=largest * _MEBIBYTE, key=key),
        each_bytes=each * _MEBIBYTE,
        all_bytes=everybody * _GIBIBYTE,
        quic=quic,
    )

    def begun(over: str) -> None:
        if os.geteuid() == 0:
            tell("it runs as root; the unit in config/systemd gives it port 443 and nothing else")
        tell(f"answers on {over}, with {said}")
        # The one line for programs.
        click.echo(pin)

    try:
        run(plan, begun)
    except BeaconCannotBeginError as error:
        raise click.ClickException(str(error)) from error


def _access_key(file: Path) -> str:
    from probe.beacon.wishes import LEAST_KEY_LETTERS, is_key

    try:
        key = read_text(home_of(str(file))).strip()
    except Unreadable as error:
        raise click.ClickException(f"{file}: {error}") from error
    if not is_key(key):
        raise click.ClickException(
            f"{file}: expected {LEAST_KEY_LETTERS} to 128 letters, digits, - and _"
        )
    return key
