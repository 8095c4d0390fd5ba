"""Certificates that somebody on the way has made, told from those that a platform shows. Pure.

| what is shown in the platform's place | what else was seen | what it is |
| --- | --- | --- |
| right name, logged in public, an authority that is not in this machine's list | | its own |
| an untrusted one | a control was shown one by the same authority within a day | all is opened |
| right name, untrusted, in no log | at the same address a neutral name was shown another | forged |
| the same | at the same address one was made for a neutral name, by the same authority | forged |
| the same | a platform of another operator is shown one by the same authority | forged |
| anything else | | nobody knows |

A platform's own servers, set up wrongly, show the certificate of another name, one that has ended,
or one without the link to its authority. None of these is in this table: what is of a public
authority is in public logs. What is opened for all, or for all but some, is an interceptor of the
line's (a virus scanner, a company's proxy), which meets the platform as it meets others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from probe.model.identity import Answer, LegRole, Phase, Verify
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.effort import UNKNOWN_AUTHORITY, of_unknown_authority
from probe.verdict.remembered.control_memory import ControlMemory
from probe.verdict.remembered.keys import FamilyKey

OPENED_SECONDS = 86_400.0
"""So long a control that was shown an untrusted certificate says that this line is opened: a round
draws a few of the controls, and an interceptor may spare most of them."""


def untrusted(leg: LegObservation) -> str | None:
    """Who signed the certificate of an authority that is not trusted, which ended ``leg``, as far
    as that is known (``TlsFacts.issuer``); ``None`` for every other leg, and for one that is the
    far end's own."""
    failure, tls = leg.failure, leg.tls
    if failure is None or tls is None or of_unknown_authority(leg):
        return None
    if failure.phase is not Phase.TLS or failure.reason != UNKNOWN_AUTHORITY:
        return None
    return tls.issuer


def made_for_it(leg: LegObservation) -> str | None:
    """The same of one that is for the name which was asked for, and in no public log."""
    issuer, tls = untrusted(leg), leg.tls
    made = tls is not None and tls.for_name is True and tls.logged is False
    return issuer if made else None


def control_heard(before: ControlMemory, leg: LegObservation, at: float) -> ControlMemory:
    """What a leg to a control adds: whether its TLS is opened."""
    issuer = untrusted(leg)
    if issuer is None:
        return before
    return replace(before, opened_by=issuer, opened_at=at)


def opened(
    targets: Iterable[LegObservation], controls: Mapping[FamilyKey, ControlMemory], at: float
) -> bool:
    """Whether all targets that fail are shown certificates by whom a control was within a day."""
    by = {
        one.opened_by
        for one in controls.values()
        if one.opened_by and 0.0 <= at - one.opened_at < OPENED_SECONDS
    }
    shown = [untrusted(leg) or _noted(leg) for leg in targets if leg.failure is not None]
    return bool(shown) and all(issuer is not None and issuer in by for issuer in shown)


def _noted(leg: LegObservation) -> str | None:
    """Who signed the certificate that a leg which takes any noted as untrusted: whatever came after
    it, be it a status or a body that ends early, came from him."""
    noted = leg.leg.verify is Verify.RECORD and leg.tls is not None and leg.tls.verify_error
    return leg.tls.issuer if leg.tls is not None and noted else None


def issuers(legs: Iterable[LegObservation]) -> frozenset[str]:
    """By whom certificates for the names of ``legs`` were made."""
    return frozenset(issuer for leg in legs if (issuer := made_for_it(leg)) is not None)


def forged_at(observed: RoundObservation, elsewhere: frozenset[str]) -> tuple[str, ...]:
    """The addresses at which ``observed`` shows that the platform's certificate is forged.
    ``elsewhere``: by whom certificates for platforms of other operators are made."""
    swaps = observed.by_role(LegRole.SWAP)
    found = []
    for leg in observed.by_role(LegRole.TARGET):
        issuer = made_for_it(leg)
        if issuer is None or not leg.address:
            continue
        beside = [swap for swap in swaps if swap.address == leg.address]
        if issuer in elsewhere or any(_tells(swap, issuer) for swap in beside):
            found.append(leg.address)
    return tuple(dict.fromkeys(found))


def _tells(swap: LegObservation, issuer: str) -> bool:
    """Whether what a neutral name was answered at the same address says that nobody but somebody on
    the way can have signed the platform's certificate (``issuer``)."""
    tls = swap.tls
    if tls is None:
        return False
    if tls.issuer == issuer:
        # A server has no certificate for a name that is nobody's there: it was made on the spot.
        return swap.leg.answer is Answer.ANY and tls.for_name is True
    if swap.leg.answer is Answer.ANY:
        return swap.ok and bool(tls.issuer or tls.alert)
    return swap.ok and swap.leg.verify is Verify.STRICT
