"""What must not leave this machine in a file that people hand on.

The model holds no address of the probe, but two of its fields hold what somebody else wrote: the
``detail`` of a failure quotes the system or the far end (a block page may echo who asked), and the
link of a discovered object may carry the asker's address (video links do). Both are cleared here,
so no outlet has to think of it.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import msgspec

from probe.model.failure import Failure
from probe.model.observation import DnsObservation, Leg, LegObservation, SkippedLeg
from probe.model.stored import StoredRound

# OONI's word for a value that the probe took out.
SCRUBBED = "[scrubbed]"


def without_private(stored: StoredRound) -> StoredRound:
    """The same round without what others may have said about the probe. Idempotent."""
    observed = stored.observed
    return msgspec.structs.replace(
        stored,
        observed=msgspec.structs.replace(
            observed,
            legs=tuple(map(_leg_observed, observed.legs)),
            skipped=tuple(map(_skipped, observed.skipped)),
            dns=tuple(map(_dns, observed.dns)),
        ),
    )


def scrub_url(url: str) -> str:
    """``url`` with every address in its path or query taken out; its host stays: it is data."""
    parts = urlsplit(url)
    query = parts.query
    if query:
        pairs = parse_qsl(query, keep_blank_values=True)
        # An unharmed query is left as it was, byte for byte.
        if any(_is_address(value) for _, value in pairs):
            query = "&".join(
                f"{quote(key)}={SCRUBBED if _is_address(value) else quote(value)}"
                for key, value in pairs
            )
    path = "/".join(SCRUBBED if _is_address(part) else part for part in parts.path.split("/"))
    if (path, query) == (parts.path, parts.query):
        return url
    return urlunsplit((parts.scheme, parts.netloc, path, query, parts.fragment))


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _failure(failure: Failure | None) -> Failure | None:
    if failure is None or not failure.detail:
        return failure
    return Failure(phase=failure.phase, reason=failure.reason)


def _leg(leg: Leg) -> Leg:
    url = scrub_url(leg.url)
    return leg if url == leg.url else msgspec.structs.replace(leg, url=url)


def _leg_observed(observed: LegObservation) -> LegObservation:
    leg, failure = _leg(observed.leg), _failure(observed.failure)
    if leg is observed.leg and failure is observed.failure:
        return observed
    return msgspec.structs.replace(observed, leg=leg, failure=failure)


def _skipped(skipped: SkippedLeg) -> SkippedLeg:
    leg = _leg(skipped.leg)
    return skipped if leg is skipped.leg else SkippedLeg(leg=leg, reason=skipped.reason)


def _dns(observed: DnsObservation) -> DnsObservation:
    failure = _failure(observed.failure)
    return (
        observed
        if failure is observed.failure
        else msgspec.structs.replace(observed, failure=failure)
    )
