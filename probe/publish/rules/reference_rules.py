"""Recording rules: whether a platform is fine at the reference vantages, and when they looked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind
from probe.model.verdict import State
from probe.nation.sight import REFERENCE_FAILING, REFERENCE_FINE, SLOW_ABROAD, VERDICT_KINDS
from probe.publish.metrics import metric_names as names
from probe.publish.rules.rule_parts import Recording, states_text

PLACE = "country, asn, access, role, vantage, platform, drill"
REFERENCE = "platform:throttlewatch_reference_fine:bool"
LOOKED = "platform:throttlewatch_reference_looked_timestamp_seconds:min"


def references(thresholds: NationConfig) -> Iterator[Recording]:
    """Weighed: most of all are fine (and enough of them), or more fail than are fine; else there is
    no series."""
    state = f'{names.VERDICT_STATE.name}{{role="reference", state="{State.OK.value}"}}'
    every = f"count by (platform, drill) (max by ({PLACE}) ({state}))"
    for kind in VERDICT_KINDS:
        fine = _abroad(REFERENCE_FINE[kind])
        failing = _abroad(REFERENCE_FAILING[kind], SLOW_ABROAD[kind])
        yield Recording(
            record=REFERENCE,
            expr=(
                f"(({fine} >= {thresholds.min_references})\n* 2 > {every}) * 0 + 1\n"
                f"or ({fine}\n< {failing}) * 0"
            ),
            labels={"kind": kind.value},
        )
    fine = states_text(REFERENCE_FINE[FindingKind.RESTRICTED])
    selector = f'{{role="reference", state=~"{fine}"}} == 1'
    slot = "vantage, platform, drill"
    looked = f"and on ({slot}) ({names.VERDICT_STATE.name}{selector})"
    yield Recording(
        record=LOOKED,
        expr=(
            "min by (platform, drill) "
            f"{by_servers_clock(f'max by ({slot}) ({names.VERDICT_TIME.name} {looked})')}"
        ),
    )


def by_servers_clock(time: str) -> str:
    """A time that a vantage tells by its own clock, by the server's."""
    clock = names.VANTAGE_TIME.name
    return (
        f"({time}\n+ on (vantage, drill) group_left () "
        f"max by (vantage, drill) (timestamp({clock}) - {clock})\nor {time})"
    )


def _abroad(states: Iterable[State], reasons: Iterable[str] = ()) -> str:
    verdict = names.VERDICT_STATE.name
    selector = f'{verdict}{{role="reference", state=~"{states_text(states)}"}}'
    if found := "|".join(sorted(reasons)):
        unknown = f'{verdict}{{role="reference", state="{State.UNKNOWN.value}"}}'
        info = f'{names.VERDICT_INFO.name}{{reason=~"{found}"}}'
        selector += f"\nor ({unknown} and on (vantage, platform, drill) {info})"
    return f"sum by (platform, drill) (max by ({PLACE}) ({selector}))"
