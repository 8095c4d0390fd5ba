"""The day as a table in the terminal: what the networks do, and what the daemon says of it."""

from __future__ import annotations

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from probe.demo.cast import LINES, PLATFORMS, DemoLine
from probe.demo.script import Act, Scene, Script
from probe.model.finding import Finding, FindingKind, Scope
from probe.model.verdict import State, Verdict
from probe.publish.latest.snapshot import Snapshot

# Below it, it is as fast as ever.
TOLD_FACTOR = 1.5

STYLES: dict[State, str] = {
    State.OK: "green",
    State.THROTTLED: "bold red",
    State.BLOCKED: "bold red",
    State.IMPAIRED: "magenta",
    State.WITHHELD: "magenta",
    State.DEGRADED: "yellow",
    State.DOWN: "yellow",
    State.OFFLINE: "yellow",
    State.UNKNOWN: "dim",
}


SCOPES: dict[Scope, str] = {
    Scope.NONE: "green",
    Scope.INSUFFICIENT: "dim",
    Scope.VANTAGE: "yellow",
    Scope.NETWORK: "yellow",
    Scope.PARTIAL: "yellow",
    Scope.NATION: "bold red",
}


class StageView(Struct, frozen=True, kw_only=True):
    """One moment: where the play is, what the daemon publishes, and at which address."""

    passed_seconds: float
    place: Scene
    snapshot: Snapshot
    address: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is found about platforms in the country just now."""
        return tuple(f for f in self.snapshot.findings if f.kind is FindingKind.RESTRICTED)

    def act(self, script: Script) -> Act:
        """The act that is on."""
        return script.acts[self.place.number]


def render(view: StageView, script: Script) -> RenderableType:
    """The table with what stands above and below it."""
    act = view.act(script)
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
    clock = f"{view.passed_seconds:5.0f} s of about {script.seconds:.0f}"
    said = [Text(finding.sentence, SCOPES[finding.scope]) for finding in view.findings] or [
        Text("No finding about the country yet.", "dim")
    ]
    return Group(
        Text(f"{clock}   {act.title}", "bold"),
        table,
        *said,
        Text(f"Metrics: http://{view.address}/metrics   page: http://{view.address}/", "dim"),
    )


def _cell(snapshot: Snapshot, line: DemoLine, platform: str) -> Text:
    slot = (line.name, platform)
    verdict = snapshot.verdicts.get(slot)
    if verdict is None:
        # What was last said is too old by now, and its next round is late or goes on.
        late = "no round yet" if slot in snapshot.verdicts else "waits for a round"
        return Text("measuring" if slot in snapshot.running else late, "dim")
    return Text(f"{verdict.state.value}{_said(verdict)}", STYLES[verdict.state])


def _said(verdict: Verdict) -> str:
    """How many times slower than normal, and what triggers it, where there is anything to say."""
    if verdict.factor is None or verdict.factor < TOLD_FACTOR:
        return ""
    trigger = f" by {verdict.trigger.value}" if verdict.trigger is not None else ""
    return f" {verdict.factor:.0f}x{trigger}"
