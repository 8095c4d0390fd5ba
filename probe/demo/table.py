"""The day as a table in the terminal: what the networks do, and what the daemon says of it."""

from __future__ import annotations

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from probe.demo.cast import LINES, PLATFORMS, Line
from probe.demo.script import Script
from probe.model.identity import Family, LegRole
from probe.model.verdict import State, Verdict
from probe.publish.snapshot import RatioKey, Snapshot

STYLES: dict[State, str] = {
    State.OK: "green",
    State.THROTTLED: "bold red",
    State.BLOCKED: "bold red",
    State.DEGRADED: "yellow",
    State.DOWN: "yellow",
    State.OFFLINE: "yellow",
    State.UNKNOWN: "dim",
}


class View(Struct, frozen=True, kw_only=True):
    """One moment: ``sentences`` are the present findings', ``address`` is where /metrics is."""

    passed_seconds: float
    snapshot: Snapshot
    sentences: tuple[str, ...]
    address: str


def render(view: View, script: Script) -> RenderableType:
    """The table with what stands above and below it."""
    act = script.act_at(view.passed_seconds)
    table = Table(expand=False)
    table.add_column("vantage")
    table.add_column("network")
    table.add_column("really slowed")
    for site in PLATFORMS:
        table.add_column(site.title)
    for line in LINES:
        slowed = sum(act.restricts(line.asn, site.name) for site in PLATFORMS)
        table.add_row(
            line.name,
            f"AS{line.asn} {line.access.value}",
            Text(f"{slowed} platforms", "red") if slowed else Text("none", "dim"),
            *(_cell(view.snapshot, line, site.name) for site in PLATFORMS),
        )
    clock = f"{view.passed_seconds:5.0f} s of {script.seconds:.0f}"
    said = [Text(sentence) for sentence in view.sentences] or [
        Text("No finding about the country yet.", "dim")
    ]
    return Group(
        Text(f"{clock}   {act.title}", "bold"),
        table,
        *said,
        Text(f"Metrics: http://{view.address}/metrics   page: http://{view.address}/", "dim"),
    )


def _cell(snapshot: Snapshot, line: Line, platform: str) -> Text:
    verdict = snapshot.verdicts.get((line.name, platform))
    if verdict is None:
        return Text("no round yet", "dim")
    return Text(f"{verdict.state.value}{_said(snapshot, line, verdict)}", STYLES[verdict.state])


def _said(snapshot: Snapshot, line: Line, verdict: Verdict) -> str:
    """How slow: the verdict's own factor, else the last round's ratio."""
    if verdict.factor is not None:
        trigger = f" by {verdict.trigger.value}" if verdict.trigger is not None else ""
        return f" {verdict.factor:.0f}x{trigger}"
    ratio = snapshot.ratios.get(
        RatioKey(
            vantage=line.name,
            platform=verdict.platform,
            family=Family.IPV4,
            target="object",
            versus=LegRole.CONTROL,
            measure="goodput",
        )
    )
    return "" if ratio is None else f" {ratio.value:.2f}"
