"""Whoever ends a request under a valid certificate is the far end: it accuses nobody."""

from __future__ import annotations

import pytest

from probe.model.failure import BY_THE_SERVER, Failure
from probe.model.identity import Compares, LegRole, Phase
from probe.model.observation import Leg, TlsFacts
from probe.model.verdict import State
from tests.verdict.country import WELL, Country, Done, about_x

VALID, UNTRUSTED = TlsFacts(verify_error=""), TlsFacts(verify_error="self-signed certificate")
READING = (Phase.PROCESSING, Phase.TRANSFER)


def said(reason: str, phase: Phase, tls: TlsFacts, *, every: int, vouched: bool) -> set[State]:
    """What is said of X over 24 rounds in each ``every``-th of which its server ends all legs so,
    while its swap and other sites are well."""
    made = Country(3, about=about_x(), vouched=vouched)
    made.run(24)
    ended = Done(fails=Failure(phase=phase, reason=reason), tls=tls)

    def act(leg: Leg, _: str) -> Done:
        reads = leg.compares is Compares.GOODPUT
        return ended if leg.role is LegRole.TARGET and reads else WELL

    before = len(made.verdicts)
    for n in range(24):
        made.act = act if n % every == 0 else (lambda *_: WELL)
        made.run(1)
    return {one.state for one in made.verdicts[before:]}


@pytest.mark.parametrize("vouched", [False, True])
@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize("phase", READING)
@pytest.mark.parametrize("reason", sorted(BY_THE_SERVER))
def test_it_accuses_nobody(reason: str, phase: Phase, every: int, vouched: bool) -> None:
    found = said(reason, phase, VALID, every=every, vouched=vouched)
    assert found <= {State.OK, State.UNKNOWN}
    assert State.UNKNOWN in found


@pytest.mark.parametrize("reason", sorted(BY_THE_SERVER))
def test_under_another_certificate_anybody_may_have_said_it(reason: str) -> None:
    found = said(reason, Phase.TRANSFER, UNTRUSTED, every=1, vouched=True)
    assert found & {State.BLOCKED, State.THROTTLED, State.IMPAIRED}


def test_nor_is_it_a_cut_that_the_server_cannot_have_made() -> None:
    """A reset of TCP, or an end without TLS's goodbye, anybody can make."""
    for reason in ("connection_reset", "eof_error"):
        found = said(reason, Phase.TRANSFER, VALID, every=1, vouched=True)
        assert found & {State.BLOCKED, State.THROTTLED, State.IMPAIRED}
