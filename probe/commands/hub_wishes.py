"""``throttlewatch hub set``, ``test``, ``bundle``, ``wishes``: what a hub wishes of its probes."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import click
import msgspec

from probe.commands.hub_findings import DurationSaid
from probe.commands.hub_register import REGISTER, opened_register
from probe.commands.output import tell
from probe.commands.said import CountrySaid
from probe.config.bundle import BundleRefusedError, Signers, opened
from probe.config.hub_wishes import MOST_ROUNDS, ExtraRounds, WishedSettings
from probe.config.readable import Unreadable, read_text
from probe.hub.enrolled import Enrolled
from probe.hub.register import NoSuchVantageError, Register
from probe.hub.wish_list import EVERYBODY, AskedRounds

_COUNTRY = click.option("--country", type=CountrySaid(), help="For the vantages of a country.")
_HONEST = "Each probe takes up what its own file lets the hub set (`hub.may_set`), and no more."


@click.command("set", epilog=_HONEST)
@REGISTER
@_COUNTRY
@click.option("--vantage", "name", help="For one vantage. Without both, for all.")
@click.option("--light", type=DurationSaid(), help="From one round to the next: 60s to 1h.")
@click.option("--transfer", type=DurationSaid(), help="Between rounds that read: 5m to 6h.")
@click.option("--long", type=DurationSaid(), help="Between long rounds: 4h to 7d.")
@click.option("--platforms", help="Measure these alone, of those that a probe has: x,youtube")
@click.option("--clear", is_flag=True, help="Set nothing any more for these.")
def set_wishes(
    file: Path,
    country: str | None,
    name: str | None,
    light: float | None,
    transfer: float | None,
    long: float | None,
    platforms: str | None,
    clear: bool,
) -> None:
    """Set how often probes measure, and which of their platforms.

    In place of what was set for the same before. Probes ask every few minutes.
    """
    schedule = {"light": light, "transfer": transfer, "long": long}
    schedule = {key: value for key, value in schedule.items() if value is not None}
    asked: dict[str, object] = {"schedule": schedule} if schedule else {}
    if platforms is not None:
        asked["platforms"] = [one.strip() for one in platforms.split(",") if one.strip()]
    if country is not None and name is not None:
        raise click.UsageError("--country and --vantage: one of them")
    if clear is bool(asked):
        raise click.UsageError("say what is to be set, or --clear")
    try:
        settings = None if clear else msgspec.convert(asked, WishedSettings)
    except msgspec.ValidationError as error:
        raise click.ClickException(str(error)) from error
    with opened_register(file) as register:
        if name is not None:
            _chosen(register, (name,), None)
        register.wish(name or country or EVERYBODY, settings)
    tell("set; probes ask every few minutes")


@click.command(epilog=_HONEST)
@REGISTER
@_COUNTRY
@click.option("--rounds", type=click.IntRange(1, MOST_ROUNDS), default=3, show_default=True)
@click.option("--within", type=DurationSaid(), default="30m", show_default=True)
@click.argument("platform")
@click.argument("names", nargs=-1, metavar="[VANTAGE]...")
def test(
    file: Path,
    country: str | None,
    rounds: int,
    within: float,
    platform: str,
    names: tuple[str, ...],
) -> None:
    """Ask vantages for some rounds of PLATFORM now, within their budgets.

    Those that are named, those of a country, or all. They ask every few minutes; what they find
    comes as everything else does.
    """
    now = time.time()
    try:
        extra = msgspec.convert(
            {
                "id": secrets.token_hex(8),
                "platform": platform,
                "rounds": rounds,
                "until": now + within,
            },
            ExtraRounds,
        )
    except msgspec.ValidationError as error:
        raise click.ClickException(str(error)) from error
    with opened_register(file) as register:
        who = _chosen(register, names, country)
        register.ask(AskedRounds(extra=extra, names=tuple(one.name for one in who)), now)
    tell(f"{len(who)} vantages are asked for {rounds} rounds of {platform}")


@click.command()
@REGISTER
@click.option("--key", "keys", multiple=True, required=True, help="Whose signatures count.")
@click.option("--threshold", type=click.IntRange(1, 16), default=1, show_default=True)
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE")
def bundle(file: Path, keys: tuple[str, ...], threshold: int, source: Path) -> None:
    """Give probes the bundle of definitions in FILE (docs/lists.md).

    Those that join from now on trust these keys, and see which hosts a newer bundle adds before
    it is used. The hub itself can sign nothing.
    """
    try:
        signers = msgspec.convert({"keys": keys, "threshold": threshold}, Signers)
        body = read_text(source).encode()
        made = opened(body, signers)
    except (msgspec.ValidationError, BundleRefusedError, Unreadable) as error:
        raise click.ClickException(f"{source}: {error}") from error
    with opened_register(file) as register:
        register.put_bundle(body, signers)
    tell(f"version {made.version} is given to probes, with {len(made.files)} definitions")


@click.command()
@REGISTER
def wishes(file: Path) -> None:
    """What is set for whom, and which rounds are asked for."""
    with opened_register(file) as register:
        for whom, settings in sorted(register.wishes().items()):
            click.echo(f"{whom or 'all'}: {msgspec.json.encode(settings).decode()}")
        for one in register.asked(time.time()):
            click.echo(f"{one.extra.rounds} rounds of {one.extra.platform}: {', '.join(one.names)}")
        kept = register.bundle()
        if kept is not None:
            click.echo(f"bundle: version {opened(*kept).version}")


def _chosen(register: Register, names: tuple[str, ...], country: str | None) -> list[Enrolled]:
    """Who takes part and is meant. Raises ``NoSuchVantageError``."""
    there = {one.name: one for one in register.everybody() if one.revoked is None}
    for name in names:
        if name not in there:
            raise NoSuchVantageError(f"nobody who takes part is called {name!r}")
    chosen = [there[name] for name in names] or list(there.values())
    chosen = [one for one in chosen if country is None or one.place.country == country]
    if not chosen:
        raise NoSuchVantageError("nobody takes part there")
    return chosen
