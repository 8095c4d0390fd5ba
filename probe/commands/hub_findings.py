"""``throttlewatch hub publish`` and what people decide of its findings: ``findings``, ``release``,
``hold``, ``correct``."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probe.commands.drawing import NO_LETTERS, NoPencilError, pencil_of
from probe.commands.hub_urls import EngineSaid, web_address
from probe.commands.options import config_option, load_config
from probe.commands.output import tell
from probe.config.readable import home_of
from probe.config.units import parse_seconds
from probe.config.values import ONE_LINE
from probe.publish.languages.offered import OFFERED

if TYPE_CHECKING:
    from probe.hub.ledger import FindingsLedger
    from probe.publish.picture.drawn_card import Pencil


def ledger_option(parameter: str) -> Callable[[Any], Any]:
    """``--ledger``, given to the command as ``parameter``."""
    return click.option(
        "--ledger",
        parameter,
        type=click.Path(path_type=Path),
        default="/var/lib/throttlewatch/hub-findings.sqlite3",
        show_default=True,
        help="The file that keeps findings, and what was decided of them.",
    )


_LEDGER = ledger_option("file")
MOST_CORRECTION_LETTERS = 2_000


class DurationSaid(click.ParamType):  # type: ignore[type-arg]
    """A time such as 30m."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds; fails with words that click shows."""
        if isinstance(value, float):
            return value
        try:
            return float(parse_seconds(str(value)))
        except ValueError:
            self.fail(f"{value!r} is no duration; expected one such as 30m or 2h")


@click.command()
@config_option
@_LEDGER
@click.option(
    "--engine",
    type=EngineSaid(),
    required=True,
    help="The engine's API, which has what `throttlewatch rules` records: http://127.0.0.1:9090",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The site's folder.")
@click.option("--name", default="throttlewatch", show_default=True, help="Who publishes.")
@click.option("--url", default="", help="Where the site will be, for its feeds.")
@click.option(
    "--networks",
    type=click.Path(path_type=Path),
    help="Names of networks: lines such as `17557 PTCL`.",
)
@click.option(
    "--release-after",
    type=DurationSaid(),
    help="Release what has lasted so long without a hand. Without it, nothing is.",
)
@click.option(
    "--behind",
    type=DurationSaid(),
    default="1m",
    show_default=True,
    help="Leave out what is newer: the engine's rules are so late.",
)
@click.option(
    "--language",
    type=click.Choice(tuple(OFFERED)),
    help="Of the pages at the addresses that are given out; by default that of the configuration. "
    "All others are beside them.",
)
@click.option(
    "--fonts",
    type=click.Path(path_type=Path),
    help="A folder with fonts for pictures, looked at before the system's.",
)
@click.option(
    "--pictures/--no-pictures", default=True, show_default=True, help="Pictures for sharing."
)
@click.option("--every", type=DurationSaid(), help="Publish again and again, in such times.")
def publish(
    path: Path | None,
    file: Path,
    engine: str,
    out: Path,
    name: str,
    url: str,
    networks: Path | None,
    release_after: float | None,
    behind: float,
    language: str | None,
    fonts: Path | None,
    pictures: bool,
    every: float | None,
) -> None:
    """Write the public page of a fleet to a folder: any web space can have it.

    Findings are drafts, shown to nobody, until they are released: by `throttlewatch hub release`,
    or by --release-after. The configuration is the one that the rules were made of. docs/hub.md.
    """
    from probe.hub.engine_query import EngineQuery, EngineQueryError
    from probe.hub.publishing import Publishing, turn

    if not re.match(ONE_LINE, name):
        raise click.ClickException(
            "--name is one line of at most 80 letters, without control characters"
        )
    config = load_config(path)
    how = Publishing(
        name=name,
        home=_home(url),
        networks={} if networks is None else _names(networks),
        release_after_seconds=release_after,
        behind_seconds=behind,
        language=language or config.settings.language,
        pencil=_pencil(fonts) if pictures else None,
    )
    with _opened(file, new=True) as ledger, closing(EngineQuery(engine)) as query:
        while True:
            try:
                done = turn(ledger, query, config, how, out, time.time())
                for released in done.released:
                    tell(f"{released} was released, as it has lasted for so long")
                for untold in done.untold:
                    tell(untold)
                if done.pictures_waiting:
                    tell(f"{done.pictures_waiting} pictures for sharing are made in the next turns")
            except (EngineQueryError, OSError) as error:
                if every is None:
                    raise click.ClickException(str(error)) from error
                tell(f"not published: {error}")
            if every is None:
                break
            time.sleep(max(1.0, every))
    tell(f"published in {out}")


@click.command()
@_LEDGER
@click.option("--all", "everything", is_flag=True, help="Also those that were released.")
def findings(file: Path, everything: bool) -> None:
    """What was found: drafts, which nobody sees, with their sentences."""
    from probe.hub.ledger import ReleaseState

    with _opened(file) as ledger:
        shown = [
            one for one in ledger.all() if everything or one.standing is not ReleaseState.RELEASED
        ]
        if not shown:
            tell(
                "nothing was found that is not released" if not everything else "nothing was found"
            )
        for one in shown:
            incident = one.incident
            end = "now" if incident.closed_at is None else _when(incident.updated_at)
            click.echo(f"{incident.id}  {one.standing}  {_when(incident.since)} to {end}")
            click.echo(f"  {incident.sentence}")
            for correction in one.corrections:
                click.echo(f"  correction of {_when(correction.at)}: {correction.text}")


@click.command()
@_LEDGER
@click.argument("names", nargs=-1, required=True, metavar="ID...")
def release(file: Path, names: tuple[str, ...]) -> None:
    """Show the incident ID to everybody, from the next `hub publish` on."""
    _decided(file, names, lambda ledger, name: ledger.release(name, time.time()), "is released")


@click.command()
@_LEDGER
@click.argument("names", nargs=-1, required=True, metavar="ID...")
def hold(file: Path, names: tuple[str, ...]) -> None:
    """Keep the draft ID back: no rule releases it."""
    _decided(file, names, lambda ledger, name: ledger.hold(name), "is held back")


@click.command()
@_LEDGER
@click.argument("name", metavar="ID")
@click.argument("text")
def correct(file: Path, name: str, text: str) -> None:
    """Say TEXT on the page of the incident ID, as a correction of today. It stays there."""
    text = " ".join(text.split())
    if not text or not text.isprintable() or len(text) > MOST_CORRECTION_LETTERS:
        raise click.ClickException(
            f"a correction is a text of at most {MOST_CORRECTION_LETTERS} letters"
        )
    _decided(
        file, (name,), lambda ledger, one: ledger.correct(one, text, time.time()), "is corrected"
    )


def _decided(
    file: Path, names: tuple[str, ...], decide: Callable[[FindingsLedger, str], object], done: str
) -> None:
    with _opened(file) as ledger:
        for name in names:
            decide(ledger, name)
            tell(f"{name} {done}; `throttlewatch hub publish` shows it")


@contextmanager
def _opened(file: Path, *, new: bool = False) -> Iterator[FindingsLedger]:
    """``new``: it is made where there is none, by whoever publishes, so that it is theirs."""
    from probe.hub.ledger import FindingsLedger, NoLedgerError, NoSuchIncidentError

    if not new and not home_of(str(file)).exists():
        raise click.ClickException(
            f"{file}: there is no such ledger; `throttlewatch hub publish` makes it"
        )
    try:
        ledger = FindingsLedger(home_of(str(file)))
    except NoLedgerError as error:
        raise click.ClickException(str(error)) from error
    try:
        yield ledger
    except (NoSuchIncidentError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except sqlite3.Error as error:
        raise click.ClickException(f"{file}: {error}") from error
    finally:
        with suppress(sqlite3.Error):
            ledger.close()


def _pencil(fonts: Path | None) -> Pencil | None:
    """What draws pictures for sharing; says for which languages there are none, and why."""
    if fonts is not None and not fonts.is_dir():
        raise click.ClickException(f"{fonts}: there is no such folder")
    try:
        pencil = pencil_of(fonts)
    except NoPencilError as error:
        tell(f"no pictures for sharing: {error}")
        return None
    lacking = [one.name for code, one in OFFERED.items() if code not in pencil.languages()]
    if lacking:
        tell(f"no pictures for sharing in {', '.join(lacking)}: {NO_LETTERS}")
    return pencil


def _home(url: str) -> str:
    """With one slash at its end; empty: nobody said where."""
    if not url:
        return ""
    parts = web_address(url)
    if parts is None or parts.query or parts.fragment:
        raise click.ClickException(
            f"{url!r} is no address of a site; expected one such as https://watch.example.org/"
        )
    return url.rstrip("/") + "/"


def _names(file: Path) -> dict[int, str]:
    found: dict[int, str] = {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        asn, _, name = line.strip().partition(" ")
        asn = asn.upper().removeprefix("AS")
        if not (asn.isascii() and asn.isdigit() and len(asn) <= 10 and name.strip().isprintable()):
            raise click.ClickException(
                f"{file}:{number}: expected the number of a network and its name, such as "
                "17557 PTCL"
            )
        found[int(asn)] = name.strip()
    return found


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
