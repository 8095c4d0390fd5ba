"""``throttlewatch nation``: the present finding, or those of the past, for a person."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from probe.commands.asking import ask, asking, url_of
from probe.commands.moment import shown_moment
from probe.commands.options import config_option, load_config
from probe.commands.output import write
from probe.commands.reading import history_option, opened, placed_by, warn_of_strangers
from probe.config.schema import Config
from probe.config.units import parse_seconds
from probe.model.finding import Finding, FindingKind, Incident, Scope
from probe.model.foreign import printable
from probe.nation.fuse import worst
from probe.nation.past_findings import Step, reach_back, replay
from probe.nation.same_law import same_law_words
from probe.publish.latest.declared import Declared
from probe.publish.metrics.nation_rows import Findings, read_findings
from probe.publish.terminal import console as terminal
from probe.schedule.round_pace import longest_hold

PATH = "/api/v1/findings"


@click.command()
@config_option
@asking
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the daemon's answer as it is; with --from, each change in the same form.",
)
@click.option(
    "--from",
    "since",
    metavar="TIME",
    help="Compute findings anew from the stored rounds since then: 2024-01-20T12:00 (UTC), or 6h "
    "for six hours ago.",
)
@click.option("--to", "until", metavar="TIME", help="With --from: until then; by default, now.")
@history_option
def nation(
    path: Path | None,
    url: str | None,
    user: str | None,
    as_json: bool,
    since: str | None,
    until: str | None,
    file: Path | None,
) -> None:
    """Say what this daemon's vantages find together about the country, in one sentence.

    Asks the running daemon, or with --from computes what was to be found in the past, with the
    thresholds and vantages of the present configuration. docs/nation.md explains the words and the
    numbers.
    """
    config = load_config(path)
    if since is not None:
        if url is not None or user is not None:
            raise click.UsageError("--from reads the history on this machine and asks nobody")
        _past(config, since, until, file, as_json=as_json)
        return
    if file is not None:
        raise click.UsageError("--history needs --from")
    if until is not None:
        raise click.UsageError("--to needs --from")
    base = url or url_of(config)
    body = ask(base, PATH, user=user)
    found = findings_of(base, body)
    if as_json:
        click.echo(printable(body.decode(errors="replace")))
    else:
        show(terminal.console(), found)


def _past(
    config: Config, since: str, until: str | None, file: Path | None, *, as_json: bool
) -> None:
    now = time.time()
    try:
        first = parse_time(since, now)
        last = now if until is None else parse_time(until, now)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if first >= last:
        raise click.UsageError("--from must be before --to")
    settings = config.settings
    reach = first - reach_back(settings.nation, longest_hold(settings.schedule))
    with opened(config, file) as history:
        config = placed_by(history, config)
        warn_of_strangers(config, history)
        steps = replay(
            history.rounds(since=reach, until=last),
            Declared(config).vantages,
            settings.nation,
            since=first,
            until=last,
            titles={platform.name: platform.title for platform in config.platforms},
        )
        if as_json:
            write([msgspec.json.encode(past_findings(steps)), b"\n"], None)
        else:
            show_past(terminal.console(), steps)


def parse_time(text: str, now: float) -> float:
    """Unix seconds of a date and time (UTC unless it says otherwise), or of so long before ``now``.
    Raises ``ValueError`` with words for a person."""
    try:
        return shown_moment(_moment(text, now))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no time: expected 2024-01-20T12:00 (UTC) or 6h (six hours ago)"
        ) from None


def _moment(text: str, now: float) -> float:
    try:
        return now - parse_seconds(text)
    except ValueError:
        when = datetime.fromisoformat(text)
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def findings_of(url: str, body: bytes) -> Findings:
    """What the daemon at ``url`` found. Raises ``click.ClickException``."""
    try:
        return read_findings(body)
    except ValueError as error:
        raise click.ClickException(f"{url} answers, but not with findings: {error}") from error


def show(console: Console, found: Findings) -> None:
    """Print the finding that matters most as a sentence, then the numbers of all."""
    head = worst(found.findings)
    if head is None:
        console.print("Nothing is known yet: no vantage inside has made a round.")
        return
    console.print(head.sentence)
    if said := same_law_words(head):
        console.print(said)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, right in _COLUMNS:
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for finding in found.findings:
        if finding is head or finding.kind is head.kind or finding.affected_asns:
            table.add_row(*_row(finding))
    console.print()
    console.print(table)
    show_incidents(console, found.incidents)


def show_past(console: Console, steps: Iterable[Step]) -> None:
    """Print each change of a scope with its time, then the incidents."""
    last: dict[tuple[str, ...], Scope] = {}
    incidents: dict[str, Incident] = {}
    heard = False
    for step in steps:
        heard = heard or bool(step.findings)
        incidents.update((incident.id, incident) for incident in step.changed)
        when = datetime.fromtimestamp(step.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        for finding in changes(step.findings, last):
            console.print(f"{when}  {finding.scope.value:<12}  {finding.sentence}")
    if not heard:
        console.print("Nothing was measured in that time.")
    elif not last or all(scope is Scope.NONE for scope in last.values()):
        console.print("Nothing is affected at the end of that time.")
    show_incidents(console, incidents.values())


def past_findings(steps: Iterable[Step]) -> Findings:
    """What ``show_past`` prints, in the form in which a daemon answers: each change of a scope as a
    finding, ``at`` when it came, and every incident as it was last seen, those that ended too."""
    last: dict[tuple[str, ...], Scope] = {}
    incidents: dict[str, Incident] = {}
    found: list[Finding] = []
    for step in steps:
        incidents.update((incident.id, incident) for incident in step.changed)
        found.extend(changes(step.findings, last))
    return Findings(findings=tuple(found), incidents=tuple(incidents.values()))


def show_incidents(console: Console, incidents: Iterable[Incident]) -> None:
    """Print incidents, one a line, with what they added up to, and what that is."""
    incidents = list(incidents)
    for incident in incidents:
        ended = "open" if incident.ending is None else incident.ending.value.replace("_", " ")
        console.print(
            f"incident {incident.id} ({ended}): {incident.scope.value}, peak share "
            f"{incident.peak_share:.0%}, severity {incident.severity:,.0f}"
        )
    if incidents:
        console.print(
            "(Peak share: of the networks that were judged, the largest part that was affected at "
            "one time, by their weight. Severity: times slower x share x minutes; 600 is a whole "
            "country slowed to a tenth for an hour.)"
        )


def changes(findings: Iterable[Finding], last: dict[tuple[str, ...], Scope]) -> Iterator[Finding]:
    """Those whose scope is another than in ``last``, which is brought up to date. What begins with
    nothing to say is no change; nor is it one, but for restrictions, how much of that was heard."""
    for finding in findings:
        key = (finding.country, finding.platform, finding.kind.value, finding.transport)
        before = last.get(key)
        last[key] = finding.scope
        quiet = finding.scope in _QUIET
        if before is None or (before in _QUIET and finding.kind is not FindingKind.RESTRICTED):
            changed = not quiet
        else:
            changed = finding.scope is not before
        if changed:
            yield finding


_QUIET = (Scope.NONE, Scope.INSUFFICIENT)


_COLUMNS = (
    ("country", False),
    ("platform", False),
    ("kind", False),
    ("scope", False),
    ("networks", True),
    ("share", True),
    ("heard", True),
    ("abroad", False),
    ("together", False),
)


def _row(f: Finding) -> tuple[str, ...]:
    return (
        f.country,
        f"{f.platform} over {f.transport}" if f.transport else f.platform,
        f.kind.value,
        f.scope.value,
        f"{len(f.affected_asns)}/{len(f.covered_asns)}",
        "" if f.affected_share is None else f"{f.affected_share:.0%}",
        "" if f.coverage is None else f"{f.coverage:.0%}",
        f.reference.value,
        "yes" if f.systematic else "",
    )
