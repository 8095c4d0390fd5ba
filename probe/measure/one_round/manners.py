"""What a far end may ask of us, to be left alone for a while, and what a round leaves to it. Pure.

Whoever may say it could make us blind. So it counts only from a peer that has proven to be who was
asked, by a certificate that holds for the name that the leg expects; it closes the one host that
said it, no other at the same address; and never for long (``HostBudget.close``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

from msgspec import Struct

from probe.model.identity import FIRST_PROBER, LegRole
from probe.model.observation import Leg, LegObservation
from probe.schedule.host_budget import SPARED

# A date has 29 letters (RFC 9110, 5.6.7), the longest of its old forms 33.
_MOST_LETTERS = 64
_MOST_DIGITS = 10
# The one form in which dates are sent (RFC 9110, 5.6.7): the day, and the time within it.
_USUAL = re.compile(
    rb"([A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) GMT"
)


class Wish(Struct, frozen=True):
    """``host`` asked to be left alone for ``seconds``."""

    host: str
    seconds: float


def asked_host(leg: Leg) -> str:
    """Which host ``leg`` asks (its ``Host`` header), whatever address it goes to."""
    return urlsplit(leg.url).hostname or ""


def spared(leg: Leg) -> float:
    """Tokens that ``leg``, of an ordinary round, leaves to its host: what a round could do without
    (swaps, decoys, other transports) would else take from bursts what proves anything, and
    most of all while rounds are frequent as something looks wrong."""
    own = leg.role in (LegRole.TARGET, LegRole.CONTROL) and leg.prober == FIRST_PROBER
    return 0.0 if own else SPARED


def wish_of(observed: LegObservation) -> Wish | None:
    """What is to be heeded of an answer."""
    tls, http = observed.tls, observed.http
    if http is None or http.retry_after_seconds is None:
        return None
    if tls is None or tls.verify_error != "":
        return None
    return Wish(asked_host(observed.leg), http.retry_after_seconds)


def retry_after(field: bytes | None, date: bytes | None, now: float) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (RFC 9110, 10.2.3: seconds or a date).

    A date is counted from the answer's own ``date``, since our clock may be wrong and theirs, too;
    without one from ``now`` (Unix seconds). ``None`` for no header and for one that is neither.
    """
    if field is None:
        return None
    digits = field.strip()
    if digits.isdigit() and len(digits) <= _MOST_DIGITS:
        return float(int(digits))
    until, began = http_date(field), http_date(date)
    return None if until is None else max(0.0, until - (now if began is None else began))


def http_date(field: bytes | None) -> float | None:
    """Unix seconds of a date of HTTP."""
    if field is None or len(field) > _MOST_LETTERS:
        return None
    if (usual := _USUAL.fullmatch(field)) is None:
        return _read_date(field)
    day, *time = usual.groups()
    hours, minutes, seconds = map(int, time)
    midnight = _midnight(day)
    return None if midnight is None else midnight + (hours * 60 + minutes) * 60 + seconds


@lru_cache(maxsize=16)
def _midnight(day: bytes) -> float | None:
    """When ``day`` begins: every answer of a day says it."""
    return _read_date(day + b" 00:00:00 GMT")


def _read_date(field: bytes) -> float | None:
    try:
        parsed = parsedate_to_datetime(field.decode("latin-1").strip())
        return _in_utc(parsed).timestamp()
    except (ValueError, OverflowError):
        return None


def answered_at(date: bytes | None, age: bytes | None) -> float | None:
    """What time it was by the far end's clock, Unix seconds: its ``Date``, which a cache leaves as
    it was when the answer was made, and the ``Age`` that the cache adds (RFC 9111, 4.2.3 and 5.1).
    """
    made, digits = http_date(date), b"" if age is None else age.strip()
    if made is None or not (digits.isdigit() and len(digits) <= _MOST_DIGITS):
        return made
    return made + int(digits)


def _in_utc(parsed: datetime) -> datetime:
    # Dates of HTTP are in GMT; the oldest form does not say so.
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed
