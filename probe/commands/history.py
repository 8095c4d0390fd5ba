"""``throttlewatch history`` and ``incidents``: what was said, as tables for people or JSON."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace
from rich.padding import Padding
from rich.text import Text

from probe.commands.options import config_option, json_option, language_option, load_config
from probe.commands.output import write
from probe.commands.reading import narrowed, opened, ordered, reading, zone_of
from probe.model.finding import Ending, Incident, Scope
from probe.model.foreign import one_line
from probe.model.stored import JudgedSpan, judged, looked_back
from probe.model.verdict import AILING, State
from probe.nation.finding_words import when_over
from probe.publish.languages.tongue import Tongue
from probe.publish.plain_words import rate_words
from probe.publish.report.times import TimeWriter, duration
from probe.publish.terminal import console as terminal
from probe.publish.terminal.round_table import STATE_STYLES
from probe.verdict.normal.relief import SAID_SECONDS

_NOT_JUDGED = frozenset({State.UNKNOWN, State.OFFLINE})
_NOTHING = "nothing was measured in this time"

zone_option = click.option(
    "--timezone", default="UTC", show_default=True, help="Such as Asia/Karachi."
)


@click.command()
@reading("7d")
@json_option
@language_option
@zone_option
@config_option
def history(
    since: float,
    until: float,
    platform: str | None,
    vantage: str | None,
    file: Path | None,
    as_json: bool,
    language: str,
    timezone: str,
    path: Path | None,
) -> None:
    """Print what was said of each platform, from when to when.

    Works while the daemon runs. A line is a time through which the verdict did not change.
    """
    ordered(since, until)
    config, clock = load_config(path), TimeWriter(zone_of(timezone))
    with opened(config, file) as stored:
        platform, vantage = narrowed(config, stored, platform, vantage)
        # An end that came later may say something of this time.
        known = list(
            stored.verdict_spans(
                since=since, until=until + SAID_SECONDS, platform=platform, vantage=vantage
            )
        )
    spans = judged((one for one in known if one.started_at < until), looked_back(known))
    if as_json:
        _json([_dated(span, clock) for span in spans])
    elif not spans:
        click.echo(_NOTHING)
    else:
        _print(("from", "to", "for", "vantage", "platform", "state"),
               (_of_judged(span, clock) for span in spans), Tongue(language), clock)  # fmt: skip


@click.command()
@reading("30d")
@json_option
@language_option
@zone_option
@config_option
def incidents(
    since: float,
    until: float,
    platform: str | None,
    vantage: str | None,
    file: Path | None,
    as_json: bool,
    language: str,
    timezone: str,
    path: Path | None,
) -> None:
    """Print when a platform was throttled, blocked, impaired or withheld, here and in the country.

    Lines of a vantage are what it saw itself; lines of a country are findings over the networks
    that this daemon measures from.
    """
    ordered(since, until)
    config, clock = load_config(path), TimeWriter(zone_of(timezone))
    with opened(config, file) as stored:
        platform, vantage = narrowed(config, stored, platform, vantage)
        known = list(
            stored.verdict_spans(since=since, until=until, platform=platform, vantage=vantage)
        )
        spans = [span for span in judged(known) if span.state in AILING]
        national = (
            []
            if vantage is not None
            else list(stored.incidents(since=since, until=until, platform=platform))
        )
    if as_json:
        _json(
            {
                "country": [_dated_incident(incident, clock) for incident in national],
                "vantages": [_dated(span, clock) for span in spans],
            }
        )
        return
    # What is found in too few networks is no more than the lines of the vantages beside it.
    told = [one for one in national if one.scope is not Scope.INSUFFICIENT]
    if not known and not national:
        click.echo(_NOTHING)
    elif not spans and not told and all(span.state in _NOT_JUDGED for span in judged(known)):
        click.echo("nothing could be judged in this time: see `throttlewatch history`")
    elif not spans and not told:
        click.echo("no platform was found throttled, blocked, impaired or withheld in this time")
    else:
        close = config.settings.nation.close
        rows = [(i.since, _of_incident(i, until, close, clock)) for i in told]
        rows += [(span.since, _of_span(span, clock)) for span in spans]
        _print(("from", "to", "for", "where", "platform", "what"),
               (row for _, row in sorted(rows, key=lambda pair: pair[0])),
               Tongue(language), clock)  # fmt: skip


class _Row(Struct, frozen=True, kw_only=True):
    """What is printed of a time: ``times`` are from when to when and for how long, ``names`` whose,
    ``state`` what was found, a word with its ``style`` and more (``beside``); then sentences."""

    times: tuple[str, str, str]
    names: tuple[str, str]
    state: str
    style: str = ""
    beside: str = ""
    sentences: tuple[str, ...]


def _of_span(span: JudgedSpan, clock: TimeWriter) -> _Row:
    return _Row(
        times=(
            clock.brief(span.since),
            clock.brief(span.until),
            duration(span.until - span.since),
        ),
        names=(span.vantage, span.platform),
        state=span.state.value,
        style=STATE_STYLES[span.state],
        beside=f" ({span.reason})" if span.reason else "",
        sentences=(clock.retold(span.last.sentence),),
    )


def _of_judged(span: JudgedSpan, clock: TimeWriter) -> _Row:
    """A span, and what is known of it by now."""
    row, found = _of_span(span, clock), span.judged_back
    if found is None:
        return row
    told = (
        f"Judged back: {found.target} read {found.times:.1f} times slower than since "
        f"{clock.moment(found.until)} ({rate_words(found.before)}, then "
        f"{rate_words(found.after)}), while other sites did not change; whether it was "
        "restricted or its server was slow is not known."
    )
    return replace(row, sentences=(*row.sentences, told))


def _of_incident(incident: Incident, until: float, close: float, clock: TimeWriter) -> _Row:
    drill = "DRILL: " if incident.drill else ""
    return _Row(
        times=(
            clock.brief(incident.since),
            _end_of(incident, until, close, clock),
            duration(incident.updated_at - incident.since),
        ),
        names=(f"country {incident.country}", incident.platform),
        state=f"{drill}{incident.kind.value}, {incident.scope.value}",
        sentences=(
            clock.retold(
                incident.sentence
                if incident.closed_at is None
                else when_over(incident, clock.moment)
            ),
        ),
    )


def _end_of(incident: Incident, until: float, close: float, clock: TimeWriter) -> str:
    """When it was last seen, for it is closed only ``close`` seconds later, or, where nothing was
    heard any more, much later. One that a daemon left open when it stopped goes on nowhere."""
    seen = clock.brief(incident.updated_at)
    if incident.closed_at is None and until - incident.updated_at <= close:
        return "going on"
    if incident.closed_at is None or incident.ending is Ending.NO_DATA:
        return f"not known; last seen {seen}"
    return seen


def _print(
    headings: Iterable[str], rows: Iterable[_Row], tongue: Tongue, clock: TimeWriter
) -> None:
    """In which zone the times of the columns are; then each row in columns, and below it its
    sentences, which need the whole width."""
    console = terminal.console()
    console.print(tongue.plain(f"Times are in {clock.zone}."), style="dim")
    lines = [[Text.styled(tongue.plain(heading), "dim") for heading in headings]]
    below = [""]
    for row in rows:
        state = Text(one_line(tongue.plain(row.state)), row.style).append(one_line(row.beside))
        names = (Text(one_line(name)) for name in row.names)
        lines.append([*(Text(tongue.plain(at)) for at in row.times), *names, state])
        below.append(one_line(" ".join(map(tongue.plain, row.sentences))))
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    if terminal.is_plain(console):
        # Laying out thousands of lines that nothing wraps or colours takes seconds.
        for line_cells, said in zip(lines, below, strict=True):
            columns = zip(line_cells, widths, strict=True)
            told = "  ".join(f"{c.plain}{' ' * (width - c.cell_len)}" for c, width in columns)
            console.file.write(f"{told.rstrip()}\n" + (f"    {Text(said).plain}\n" if said else ""))
        return
    for line_cells, said in zip(lines, below, strict=True):
        for cell, width in zip(line_cells, widths, strict=True):
            cell.pad_right(width - cell.cell_len)
        line = Text("  ").join(line_cells)
        line.rstrip()
        console.print(line, soft_wrap=True)
        if said:
            console.print(Padding(said, (0, 0, 0, 4), expand=False))


def _dated(span: JudgedSpan, clock: TimeWriter) -> dict[str, object]:
    """A span, first of all from when to when it is told as dates."""
    times = {"from": clock.iso(span.since), "to": clock.iso(span.until)}
    return times | asdict(span)


def _dated_incident(incident: Incident, clock: TimeWriter) -> dict[str, object]:
    """An incident likewise, to when it was last seen; one that is open, or that nobody has seen the
    end of, has no end."""
    known = incident.closed_at is not None and incident.ending is not Ending.NO_DATA
    end = clock.iso(incident.updated_at) if known else None
    return {"from": clock.iso(incident.since), "to": end} | asdict(incident)


def _json(value: object) -> None:
    write([msgspec.json.encode(value), b"\n"], None)
