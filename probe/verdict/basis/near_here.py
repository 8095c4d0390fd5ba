"""Whether what is proven may be of this place alone, though it is fine elsewhere. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.basis import Basis
from probe.observe.effort import ONLY_SMALL
from probe.verdict.burst import own_rate
from probe.verdict.remembered.memory import Proven
from probe.verdict.suspected import each_address, own_answer
from probe.verdict.suspected.open_suspicion import Others, better
from probe.verdict.thresholds import Thresholds


def noted(
    found: Proven, at: float, others: Others, thresholds: Thresholds, *, goes_on: bool
) -> Proven:
    """``found``, knowing at Unix time ``at`` whether references that find the platform fine would
    make an accusation of it. ``others``: what is known of them now, whatever references say;
    ``goes_on``: it is so at this time, too.

    It is taken back and kept as an accusation is that rests on references: whoever adds up vantages
    and has references of their own (a nation's finding) must not make more of it than the verdict
    would. Else the cause may be near here: its servers, what other sites meet here with it, our own
    rate, or a single address.
    """
    as_if = replace(found, basis=Basis.REFERENCE)
    few = goes_on and each_address.too_few(as_if, at, thresholds)
    if others.shared or few or own_rate.refuted(found):
        return replace(found, by_reference=False)
    if found.by_reference or not (goes_on and others.counts and open_to_more(found)):
        return found
    vouched = Others(vouched=True)
    return replace(found, by_reference=gained(found, at, vouched, thresholds) is not None)


def open_to_more(found: Proven) -> bool:
    """Whether a better basis may make an accusation of ``found``: a failure must have been waited
    for, show itself still, and not be one of large packets alone."""
    return not found.hasty and found.failure != ONLY_SMALL and own_answer.shows_it(found)


def gained(found: Proven, at: float, others: Others, thresholds: Thresholds) -> Basis | None:
    """The accusing basis that ``others`` give to ``found`` at Unix time ``at``."""
    if own_rate.proven_by_our_rate(found, Basis.REFERENCE):
        return None
    shut, lasted = each_address.still_shut(found), at - found.onset_at
    return better(shut, lasted, thresholds, others, way_clear=found.way_clear)
