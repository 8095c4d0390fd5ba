"""What must not leave this machine in a file that people hand on.

The model holds no address of the probe, but three of its fields hold what somebody else wrote: the
``detail`` of a failure quotes the system or the far end (a block page may echo who asked), the link
of a discovered object may carry the asker's address (video links do), and what is wrong with a
certificate may name whom it is for. They are cleared here, so no outlet has to think of it.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import msgspec

from probe.model.failure import Failure
from probe.model.observation import (
    DnsObservation,
    Leg,
    LegObservation,
    SkippedLeg,
    TlsFacts,
)
from probe.model.stored import StoredRound

# What is wrong with a certificate, in OpenSSL's words, up to the first name or number.
_WORDS = re.compile(r"[A-Za-z() -]*")
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
            quic=tuple(map(_leg_observed, observed.quic)),
        ),
    )


def scrub_url(url: str) -> str:
    """``url`` without a login, without what its query says (a link that a page gave may say who it
    was made for), and with every address in its path taken out; its host stays: it is data."""
    parts = urlsplit(url)
    query = "&".join(
        f"{key}={SCRUBBED}" for key, _ in parse_qsl(parts.query, keep_blank_values=True)
    )
    path = "/".join(SCRUBBED if _is_address(part) else part for part in parts.path.split("/"))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, path, query, ""))


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
    leg, failure, tls = _leg(observed.leg), _failure(observed.failure), _tls(observed.tls)
    if leg is observed.leg and failure is observed.failure and tls is observed.tls:
        return observed
    return msgspec.structs.replace(observed, leg=leg, failure=failure, tls=tls)


def _tls(tls: TlsFacts | None) -> TlsFacts | None:
    if tls is None or not tls.verify_error:
        return tls
    words = _WORDS.match(tls.verify_error)
    said = words[0].strip() if words is not None else ""
    return msgspec.structs.replace(tls, verify_error=said or SCRUBBED)


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
