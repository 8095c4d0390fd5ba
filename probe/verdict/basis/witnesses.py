"""Who else says something of what is suspected or proven: other platforms here, and references."""

from __future__ import annotations

from msgspec.structs import replace

from probe.model.observation import RoundObservation
from probe.verdict.about import About
from probe.verdict.basis import forged_certificate, references
from probe.verdict.basis.fell_with_it import fellows
from probe.verdict.basis.together import together
from probe.verdict.line import curtains
from probe.verdict.remembered.memory import Memory, OpenSuspicion, PlatformMemory, Proven
from probe.verdict.suspected.open_suspicion import Others


def elsewhere_noted(
    mine: PlatformMemory, observed: RoundObservation, about: About
) -> PlatformMemory:
    """What is suspected or proven, knowing what references say of it now."""
    at = observed.started_at
    return replace(
        mine,
        episode=None if mine.episode is None else references.heard(mine.episode, at, about),
        proven=None if mine.proven is None else references.heard(mine.proven, at, about),
    )


def others_of(
    memory: Memory, holder: OpenSuspicion | Proven | None, observed: RoundObservation, about: About
) -> Others:
    """What other platforms and references say of what ``holder`` is about."""
    if holder is None:
        return Others()
    # While it is so elsewhere, too, nothing that is hit beside it says where the cause is.
    alone = holder.elsewhere_at == observed.started_at
    # What other sites meet here as well is no matter of the platform, wherever else it is well.
    mine, at = memory.platform(observed.platform), observed.started_at
    fell = fellows(mine, memory.controls, holder, about, at)
    shared = fell.shared or curtains.shared(memory, holder, observed, about)
    counts = not shared and curtains.network_is_well(memory, holder, observed, about)
    counts = counts and fell.told
    fine = references.vouched(holder, observed.started_at, about)
    return Others(
        together=together(memory, observed.platform, holder, about) if counts and not alone else (),
        fine=fine,
        vouched=fine and counts,
        counts=counts,
        certificates_by=_certificates_by(memory, observed, about),
        shared=shared,
        fellows=fell.silent,
        fell_with_it=fell.shared,
    )


def _certificates_by(memory: Memory, observed: RoundObservation, about: About) -> frozenset[str]:
    """Who makes certificates for platforms of other operators. Whose operator is not known may be
    the same one's."""
    own = about.operators.get(observed.platform)
    oldest = observed.started_at - forged_certificate.OPENED_SECONDS
    return forged_certificate.issuers(
        leg
        for name, known in memory.platforms.items()
        if own is not None and about.operators.get(name, own) != own
        for leg in known.heard.values()
        if leg.started_at >= oldest
    )
