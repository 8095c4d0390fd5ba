"""What commands that read the history share: which file and which time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from probe.commands.moment import shown_moment
from probe.commands.options import CONFIGURED, chosen, platform_called
from probe.commands.output import tell
from probe.config.schema import Config
from probe.model.foreign import one_line
from probe.publish.parcels.archive import is_archive
from probe.publish.parcels.archive_reader import ArchivedHistory
from probe.publish.privacy.configured_names import Named
from probe.store.history import History, HistoryError

_UNITS = {"m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
WEEK_SECONDS = _UNITS["w"]
_FORMS = "2026-01-20, 2026-01-20T13:40, 2026-01-20T18:40+05:00, Unix seconds, 24h, 7d or now"

_Decorated = Callable[..., Any]
Past = History | ArchivedHistory
"""A daemon's own, or what a hub keeps of many vantages."""


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A point in time: a date (its first second; UTC unless it says otherwise), Unix seconds, or
    how long ago. ``end`` says that a date means the end of that day."""

    name = "time"

    def __init__(self, *, end: bool = False, wall: Callable[[], float] = time.time) -> None:
        self._end = end
        self._wall = wall

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """What was written, as Unix seconds; fails with words that click shows."""
        text = str(value).strip()
        try:
            return shown_moment(self._read(text))
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is no time; expected {_FORMS}", param, ctx)

    def _read(self, text: str) -> float:
        if text == "now":
            return self._wall()
        if text[-1:] in _UNITS and text[:-1].replace(".", "", 1).isdecimal():
            return self._wall() - float(text[:-1]) * _UNITS[text[-1]]
        if text.replace(".", "", 1).isdecimal() and len(text.partition(".")[0]) >= 9:
            return float(text)
        at = datetime.fromisoformat(text)
        if self._end and len(text) == len("2026-01-20"):
            at += timedelta(days=1)
        return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


history_option = click.option(
    "--history",
    "file",
    type=click.Path(path_type=Path, readable=False),
    help="Read this file, or this archive of a hub, and not the daemon's own history.",
)


def reading(
    default_from: str | None, shown: str | None = None
) -> Callable[[_Decorated], _Decorated]:
    """The options of every command that reads: ``--from --to --platform --vantage --history``.
    ``shown``: what is done without ``--from``, where that is no time."""

    def decorate(command: _Decorated) -> _Decorated:
        for option in (
            history_option,
            click.option("-v", "--vantage", help="Only this vantage."),
            click.option("-p", "--platform", help="Only this platform."),
            click.option(
                "--to",
                "until",
                type=Moment(end=True),
                default="now",
                show_default=True,
                help="Until when; a date means its last second.",
            ),
            click.option(
                "--from",
                "since",
                type=Moment(),
                default=default_from,
                show_default=shown or default_from is not None,
                help=f"Since when: {_FORMS}.",
            ),
        ):
            command = option(command)
        return command

    return decorate


@contextmanager
def opened(config: Config, file: Path | None) -> Iterator[Past]:
    """The history, for as long as the block lasts; why it cannot be read is said in a sentence."""
    try:
        history: Past
        if file is None:
            history = History.open(config.settings.store, environ=os.environ)
        else:
            history = ArchivedHistory(file) if is_archive(file) else History(file)
        with history:
            yield history
    except HistoryError as error:
        raise click.ClickException(str(error)) from error


def narrowed(
    config: Config, history: Past, platform: str | None, vantage: str | None
) -> tuple[str | None, str | None]:
    """By which names the history has the platform and the vantage that a person calls so; what
    neither it nor the configuration has is said, as nothing would be found of it: no calm."""
    if platform is None and vantage is None:
        return None, None
    slots = history.slots()
    where = f"{CONFIGURED} or the history"
    if platform is not None:
        known = (*(one.name for one in config.platforms), *sorted({name for _, name in slots}))
        platform = platform_called(config, platform, dict.fromkeys(known), where=where)
    if vantage is not None:
        names = (*(v.name for v in config.settings.vantages), *sorted({name for name, _ in slots}))
        vantage = chosen("vantage", vantage, {name: name for name in names}, where=where)
    return platform, vantage


def placed_by(history: Past, config: Config) -> Config:
    """``config``; with an archive's own vantages, of which the hub knows where they are."""
    return history.placed(config) if isinstance(history, ArchivedHistory) else config


def named_by(history: Past, config: Config) -> Named:
    """What of the history's rounds may be written: what ``config`` names; of an archive also what
    else its vantages may have measured."""
    return history.named(config) if isinstance(history, ArchivedHistory) else Named.of(config)


def was_given(name: str) -> bool:
    """Whether whoever called the command said what this parameter is."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not ParameterSource.DEFAULT


def measured_days(history: Past, until: float, *, ends: bool) -> tuple[float, float]:
    """The last days in which something was measured, a week at most. They end at ``until``; unless
    that is where they shall end (``ends``), no later after the last round than they began before
    it: of a history that ended long ago a page to the present day would be nearly empty."""
    first, last = history.bounds() or (until, until)
    seen = min(last, until)
    since = max(first, seen - WEEK_SECONDS)
    if since >= seen:
        return until - WEEK_SECONDS, until
    return since, until if ends else min(until, 2.0 * last - since)


def warn_of_strangers(config: Config, history: Past) -> None:
    """Say which vantages the configuration does not name. Most likely it is not the daemon's: where
    a vantage is, its network and its role are in no round."""
    strangers = history.vantages() - {vantage.name for vantage in config.settings.vantages}
    if strangers:
        names = ", ".join(map(one_line, sorted(strangers)))
        tell(
            f"warning: vantages in the history that the configuration does not name: {names}. What "
            "is said of their country, network and role is the default's; give the daemon's file "
            "with -c."
        )


def ordered(since: float | None, until: float) -> None:
    """Refuse a time that ends before it begins."""
    if since is not None and since >= until:
        raise click.UsageError("--from is not before --to")


def zone_of(name: str) -> tzinfo:
    """A time zone by its name in the tz database."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise click.UsageError(
            f"no time zone {name!r}; expected a name such as Asia/Karachi"
        ) from error
