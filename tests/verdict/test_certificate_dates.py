"""Whose dates are wrong: ours or the certificate's, and what is said of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.burst import Burst
from probe.model.identity import Compares, Dates, Family, LegRole, RoundKind
from probe.model.verdict import State
from probe.verdict.about import about
from probe.verdict.basis.certificate_dates import Fault, dates_found
from probe.verdict.decide import decide
from probe.verdict.remembered.memory import Memory
from tests.verdict.dated import BEGIN, CONFIG, DAY, X, a_round

BOTH = (LegRole.TARGET, LegRole.CONTROL)


@pytest.mark.parametrize(
    ("dates", "days", "off", "roles", "fault", "state"),
    [
        (Dates.NOT_YET_VALID, 3, None, (LegRole.TARGET,), Fault.BEHIND, State.UNKNOWN),
        (Dates.NOT_YET_VALID, 3, 5 * DAY, (LegRole.TARGET,), Fault.BEHIND, State.UNKNOWN),
        (Dates.NOT_YET_VALID, 3, None, BOTH, Fault.BEHIND, State.UNKNOWN),
        (Dates.NOT_YET_VALID, 3, 2.0, (LegRole.TARGET,), Fault.NOT_YET_VALID, State.DOWN),
        (Dates.EXPIRED, -3, None, (LegRole.TARGET,), Fault.EXPIRED, State.DOWN),
        (Dates.EXPIRED, -3, 2.0, (LegRole.TARGET,), Fault.EXPIRED, State.DOWN),
        (Dates.EXPIRED, -3, -5 * DAY, (LegRole.TARGET,), Fault.AHEAD, State.UNKNOWN),
        (Dates.EXPIRED, -3, None, BOTH, Fault.AHEAD, State.UNKNOWN),
    ],
)
def test_who_is_wrong_follows_from_what_other_sites_say(
    dates: Dates,
    days: float,
    off: float | None,
    roles: tuple[LegRole, ...],
    fault: Fault,
    state: State,
) -> None:
    observed = a_round(dates, BEGIN + days * DAY, off=off, roles=roles)
    found = dates_found(observed)
    assert found is not None
    assert found.fault is fault
    memory = Memory()
    for _ in range(4):
        decision = decide(memory, observed, about(CONFIG, X))
        memory, verdict = decision.memory, decision.verdict
        assert decision.plan is None
        assert (verdict.state, verdict.reason) == (state, fault.value)
        for word in ("cut", "blocked", "throttled", "interference here"):
            assert word not in verdict.sentence


def test_a_burst_of_another_target_does_not_make_it_well() -> None:
    observed = a_round(Dates.EXPIRED, BEGIN - DAY)
    memory = decide(Memory(), observed, about(CONFIG, X)).memory
    well = [leg for leg in observed.legs if leg.leg.role is LegRole.CONTROL]
    burst = replace(
        observed,
        kind=RoundKind.BURST,
        legs=tuple(well * 3),
        burst=Burst(
            target="object",
            compares=Compares.GOODPUT,
            read_bytes=65_536,
            family=Family.IPV4,
            controls=(),
            deadline_seconds=5.0,
        ),
    )
    verdict = decide(memory, burst, about(CONFIG, X)).verdict
    assert verdict.reason == Fault.EXPIRED.value


def test_a_controls_own_certificate_is_no_matter_of_the_platforms() -> None:
    observed = a_round(Dates.EXPIRED, BEGIN - DAY, roles=(LegRole.CONTROL,))
    assert dates_found(observed) is None
