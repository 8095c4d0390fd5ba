"""Outages of an operator, as everybody meets them: what its own servers do, to whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from scenarios.model import (
    Answers,
    Effect,
    Gone,
    HelloDropped,
    Impersonated,
    Impostor,
    Range,
    Reset,
    Restricted,
    Silent,
    Whom,
    exactly,
)
from synth.world import World

SLOW_BITS_PER_SECOND = 80_000.0


class Outage(StrEnum):
    """What the operator's servers do."""

    SILENT = "silent"
    RESET = "reset"
    NO_HANDSHAKE = "no_handshake"
    OTHER_CERTIFICATE = "other_certificate"
    UNTRUSTED_CERTIFICATE = "untrusted_certificate"
    SLOW = "slow"
    ERRORS = "errors"
    HALF_SILENT = "half_silent"


_LIKE: dict[Outage, Effect] = {
    Outage.RESET: Reset(),
    Outage.NO_HANDSHAKE: HelloDropped(),
    Outage.OTHER_CERTIFICATE: Impersonated(shows=Impostor.OTHER_NAME),
    Outage.UNTRUSTED_CERTIFICATE: Impersonated(shows=Impostor.UNTRUSTED),
    Outage.HALF_SILENT: Silent(),
}


def strike(world: World, outage: Outage, hosts: Sequence[str]) -> None:
    """The servers of ``hosts`` fall into ``outage``, under every name. What meets whoever goes to
    their addresses is the same as if the servers did it themselves."""
    if outage is Outage.SILENT:
        world.gone = frozenset(Gone(hosts=tuple(hosts)).hosts)
    elif outage is Outage.SLOW:
        rate: Range = exactly(SLOW_BITS_PER_SECOND)
        world.answers = (Answers(hosts=tuple(hosts), bits_per_second=rate),)
    elif outage is Outage.ERRORS:
        world.answers = (Answers(hosts=tuple(hosts), status=503),)
    else:
        edges = 1 if outage is Outage.HALF_SILENT else None
        whom = Whom(hosts=tuple(hosts), edges=edges)
        world.restrict([Restricted(whom=whom, effects=(_LIKE[outage],))])


def end(world: World) -> None:
    """All is well again."""
    world.gone, world.answers, world.pauses = frozenset(), (), ()
    world.restrict(())
