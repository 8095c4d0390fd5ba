"""Recording rules: whether a platform is fine at the reference vantages, and what of it they vouch
for, since when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from probe.config.schema import NationConfig
from probe.model.finding import FindingKind
from probe.model.verdict import State
from probe.nation.sight import (
    BESIDE_KINDS,
    REFERENCE_FAILING,
    REFERENCE_FINE,
    SETTLE_SECONDS,
    SLOW_ABROAD,
    VERDICT_KINDS,
)
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_vouch as names_vouch
from probe.publish.rules.rule_parts import SAID, TCP, Recording, states_text, with_reason

PLACE = "country, asn, access, role, vantage, platform, transport, drill"
_WHAT = "platform, transport, drill"
REFERENCE = "platform:throttlewatch_reference_fine:bool"
_RESTRICTED = FindingKind.RESTRICTED
LOOKED = "platform:throttlewatch_vouched_timestamp_seconds:min"
# Of one vantage, by the server's clock. Nobody looked later than now: whose clock is not known says
# nothing of when it looked.
LOOKED_VANTAGE = "vantage:throttlewatch_vouched_timestamp_seconds:max"
BEHIND = "vantage:throttlewatch_clock_behind_seconds:max"


def references(thresholds: NationConfig) -> Iterator[Recording]:
    """Weighed: most of all are fine (and enough of them), or more fail than are fine; else there is
    no series."""
    clock = names.VANTAGE_TIME.name
    yield Recording(record=BEHIND, expr=f"max by (vantage, drill) (timestamp({clock}) - {clock})")
    for kind in VERDICT_KINDS:
        of = 'role="reference"' if kind in BESIDE_KINDS else f'role="reference", {TCP}'
        every = _heard(of)
        well = _abroad(of, REFERENCE_FINE[kind])
        bad = _abroad(of, REFERENCE_FAILING[kind], SLOW_ABROAD[kind])
        fine, failing = _number(well, bad, every), _number(bad, well, every)
        yield Recording(
            record=REFERENCE,
            expr=(
                f"(({fine} >= {thresholds.min_references})\n* 2 > {every}) * 0 + 1\n"
                f"or ({fine}\n< {failing}) * 0"
            ),
            labels={"kind": kind.value},
        )
    fine = states_text(REFERENCE_FINE[_RESTRICTED])
    slot = f"vantage, {_WHAT}"
    of = 'role="reference"'
    bad = _abroad(of, REFERENCE_FAILING[_RESTRICTED], SLOW_ABROAD[_RESTRICTED])
    looked = (
        f"max by ({slot}, target, measure) ({names_vouch.LOOKED.name}\n"
        f'and on ({slot}) {SAID}{{{of}, state=~"{fine}"}}\n'
        f"unless on ({slot}) ({bad}))"
    )
    by_our_clock = f"{looked}\n+ on (vantage, drill) group_left () {BEHIND}"
    yield Recording(record=LOOKED_VANTAGE, expr=f"{by_our_clock} <= time()")
    single = f"{_WHAT}, target, measure"
    number = f"count by ({single}) ({LOOKED_VANTAGE})"
    yield Recording(
        record=LOOKED,
        expr=(
            f"min by ({single}) ({LOOKED_VANTAGE})\n"
            f"and on ({single}) ({number} >= {thresholds.min_references})\n"
            f"and on ({single}) ({number} * 2 > on ({_WHAT}) group_left () {_heard(of)})"
        ),
    )


def well_abroad(onset: str) -> str:
    """Of what is impaired, a condition: references are fine, and vouch for the same target in the
    same measure by a look after ``onset`` (the name of a series). By clocks that are known, here
    and there: else one that is an hour behind began an hour before whatever it is compared with."""
    slot, single = f"vantage, {_WHAT}", "target, measure"
    begun = (
        f"(max by ({slot}, {single}) ({names_vouch.IMPAIRED.name}\n"
        f"and on (vantage, drill) {names.VANTAGE_TIME.name}) * 0\n"
        f"+ on ({slot}) group_left () {onset})"
    )
    return (
        f'and on ({_WHAT}) ({REFERENCE}{{kind="{_RESTRICTED.value}"}} == 1)\n'
        f"and on ({slot}) ({begun} + {SETTLE_SECONDS:.0f}\n"
        f"<= on ({_WHAT}, {single}) group_left () {LOOKED})"
    )


def by_servers_clock(time: str) -> str:
    """A time that a vantage tells by its own clock, by the server's; as it is, where the vantage's
    clock is not known. ``time`` is read once so."""
    unknown = f"max by (vantage, drill) ({names.VANTAGE_INFO.name}) * 0"
    return f"{time}\n+ on (vantage, drill) group_left () ({BEHIND} or {unknown})"


def _heard(of: str) -> str:
    """How many vantages abroad are heard of a platform."""
    return f"count by ({_WHAT}) (max by ({PLACE}) ({SAID}{{{of}}}))"


def _abroad(of: str, states: Iterable[State], reasons: Iterable[str] = ()) -> str:
    """Which vantages abroad say one of ``states``, or do not know for one of ``reasons``."""
    selector = f'{SAID}{{{of}, state=~"{states_text(states)}"}}'
    if reasons:
        unknown = f'{SAID}{{{of}, state="{State.UNKNOWN.value}"}}'
        selector += f"\nor ({unknown} and on (vantage, {_WHAT}) ({with_reason(reasons)}))"
    return f"max by ({PLACE}) ({selector})"


def _number(some: str, others: str, every: str) -> str:
    """How many say ``some``, and not ``others`` as well, by another server."""
    return f"(count by ({_WHAT}) ({some}\nunless on ({PLACE}) ({others}))\nor {every} * 0)"
