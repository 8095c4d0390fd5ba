"""``throttlewatch nation``: the present finding, or those of the past, for a person."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from probe.commands.options import config_option, load_config
from probe.model.finding import Finding, Incident, Scope
from probe.nation.fuse import worst
from probe.publish.nation_rows import Findings, read_findings

SECONDS = 10.0
PATH = "/api/v1/findings"


@click.command()
@config_option
@click.option("--url", metavar="URL", help="Ask the daemon there; by default the one at `listen`.")
@click.option("--json", "as_json", is_flag=True, help="Print the daemon's answer as it is.")
def nation(path: Path | None, url: str | None, as_json: bool) -> None:
    """Say what this daemon's vantages find together about the country, in one sentence.

    Asks the running daemon. docs/nation.md explains the words and the numbers.
    """
    config = load_config(path)
    tls = config.web.tls_server_config is not None
    try:
        found, body = ask(url or url_of(config.settings.listen, tls=tls))
    except NoAnswerError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(body.decode())
    else:
        show(Console(), found)


class NoAnswerError(Exception):
    """The daemon could not be asked; the text says why, for a person."""


def ask(url: str) -> tuple[Findings, bytes]:
    """What the daemon at ``url`` finds just now, and as it was sent. Raises ``NoAnswerError``."""
    if not url.startswith(("http://", "https://")):
        raise NoAnswerError(f"{url!r} is no http:// or https:// address")
    # A daemon on this machine is never asked through a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url.rstrip("/") + PATH, timeout=SECONDS) as answer:
            body: bytes = answer.read()
        return read_findings(body), body
    except urllib.error.HTTPError as error:
        raise NoAnswerError(f"{url} answered {error.code} {error.reason}") from error
    except (urllib.error.URLError, ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        reason = getattr(reason, "strerror", None) or reason
        raise NoAnswerError(
            f"no daemon answers at {url} ({reason}); is `throttlewatch run` running?"
        ) from error
    except ValueError as error:
        raise NoAnswerError(f"{url} answers, but not with findings: {error}") from error


def url_of(listen: str, *, tls: bool = False) -> str:
    """Where a daemon that listens on ``listen`` can be asked from this machine."""
    host, _, port = listen.rpartition(":")
    if host in ("", "0.0.0.0", "[::]"):  # noqa: S104  every address: it is here as well
        host = "127.0.0.1"
    return f"{'https' if tls else 'http'}://{host}:{port}"


def show(console: Console, found: Findings) -> None:
    """Print the finding that matters most as a sentence, then the numbers of all."""
    head = worst(found.findings)
    if head is None:
        console.print("Nothing is known yet: no vantage inside has made a round.")
        return
    console.print(head.sentence, highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for heading, right in _COLUMNS:
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for finding in found.findings:
        if finding is head or finding.kind is head.kind or finding.affected_asns:
            table.add_row(*_row(finding))
    console.print()
    console.print(table, highlight=False)
    show_incidents(console, found.incidents)


def show_incidents(console: Console, incidents: Iterable[Incident]) -> None:
    """Print incidents, one a line, with what they added up to."""
    for incident in incidents:
        ended = "open" if incident.ending is None else incident.ending.value.replace("_", " ")
        console.print(
            f"incident {incident.id} ({ended}): {incident.scope.value}, peak share "
            f"{incident.peak_share:.0%}, severity {incident.severity:.0f}",
            highlight=False,
            soft_wrap=True,
        )


def changes(findings: Iterable[Finding], last: dict[tuple[str, ...], Scope]) -> Iterator[Finding]:
    """Those whose scope is another than in ``last``, which is brought up to date. What begins with
    nothing to say is no change."""
    for finding in findings:
        key = (finding.country, finding.platform, finding.kind.value)
        before = last.get(key, Scope.NONE)
        last[key] = finding.scope
        if finding.scope is not before:
            yield finding


_COLUMNS = (
    ("country", False),
    ("platform", False),
    ("kind", False),
    ("scope", False),
    ("networks", True),
    ("share", True),
    ("coverage", True),
    ("abroad", False),
    ("together", False),
)


def _row(f: Finding) -> tuple[str, ...]:
    return (
        f.country,
        f.platform,
        f.kind.value,
        f.scope.value,
        f"{len(f.affected_asns)}/{len(f.covered_asns)}",
        "" if f.affected_share is None else f"{f.affected_share:.0%}",
        "" if f.coverage is None else f"{f.coverage:.0%}",
        f.reference.value,
        "yes" if f.systematic else "",
    )
