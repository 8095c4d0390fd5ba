"""What an answer to a remote write means. Pure.

Between us and the receiver stand proxies, captive portals and whoever else answers in its place. So
samples are given up, and taken for delivered, only by an answer that is a receiver's own about
them. A receiver that has taken samples has nothing to say about it: its answer is empty. One that
refuses them says so in words of its own; anybody's 400 is not that. All else is tried again.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from msgspec import Struct

from probe.model.number import whole

# What a receiver may ask us to wait, at most.
LONGEST_WAIT_SECONDS = 3_600.0
MOST_BODY_BYTES = 4_096
"""What is read of an answer's body: enough for a receiver's words."""
_MOST_HEADER = 100


class ReceiverResult(StrEnum):
    """``refused``: these samples will never be taken; send the next. ``too_large``: send less at
    once. ``unclear``: a refusal that anybody on the way could have made. ``later``: not now, try
    again. ``denied``: our credentials or the address are wrong; the samples are kept, because a
    person can put that right."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    UNCLEAR = "unclear"
    LATER = "later"
    DENIED = "denied"


class ReceiverAnswer(Struct, frozen=True, kw_only=True):
    """``reason`` is one of a closed set (docs/forwarding.md). ``text`` is for people, in our words:
    what a far end writes may name who asked, and this goes to the log. ``wait_seconds`` is what the
    receiver asked for."""

    result: ReceiverResult
    reason: str = ""
    text: str = ""
    wait_seconds: float | None = None


# What receivers say of samples that they refuse, and our reason; the first that fits. Prometheus
# (storage/interface.go) and Thanos, which hands on its words; Mimir (pkg/util/globalerror, as
# err-mimir-…) and Cortex.
_REFUSALS = tuple(
    (reason, re.compile(words, re.IGNORECASE))
    for reason, words in (
        ("too_old", r"too old sample|timestamp is too old|out of bounds|timestamp-too-old"),
        ("out_of_order", r"out[- ]of[- ]order"),
        ("duplicate", r"duplicate[- ]sample|sample-duplicate|duplicate-timestamp|repeated sample"),
        ("too_new", r"too[- ]far[- ]in[- ](?:the[- ])?future"),
        (
            "limit",
            r"err-(?:mimir|cortex)-(?:max|label|metric|missing-metric|sample)|per-\w+ series limit",
        ),
    )
)


def judge(
    status: int, headers: dict[str, str], body: bytes, *, whole_body: bool, now: float
) -> ReceiverAnswer:
    """What an answer means: ``headers`` by their names in small letters, ``body`` as it came,
    possibly cut (``whole_body``). ``now``: Unix seconds."""
    text = _text(headers, body)
    said = f"status {status}"
    if 200 <= status < 300:
        if whole_body and text is not None and not text.strip():
            return ReceiverAnswer(result=ReceiverResult.ACCEPTED)
        return ReceiverAnswer(
            result=ReceiverResult.LATER,
            reason="not_a_receiver",
            text=f"{said} with a page or text, as a captive portal answers",
        )
    if 300 <= status < 400:
        return ReceiverAnswer(
            result=ReceiverResult.DENIED,
            reason="redirected",
            text=f"{said}: it names another address, which is not followed",
        )
    if status == 413:
        return ReceiverAnswer(result=ReceiverResult.TOO_LARGE, reason="too_large", text=said)
    if status == 429 or status >= 500:
        return ReceiverAnswer(
            result=ReceiverResult.LATER,
            reason="rate_limited" if status == 429 else "server_error",
            text=said,
            wait_seconds=wait_seconds(headers.get("retry-after", ""), headers.get("date", ""), now),
        )
    if status in (400, 409, 422):
        for reason, words in _REFUSALS:
            if text is not None and words.search(text):
                return ReceiverAnswer(result=ReceiverResult.REFUSED, reason=reason, text=said)
        return ReceiverAnswer(
            result=ReceiverResult.UNCLEAR,
            reason="unclear",
            text=f"{said}, not in words of a receiver about samples",
        )
    return ReceiverAnswer(result=ReceiverResult.DENIED, reason="denied", text=said)


def wait_seconds(retry_after: str, date: str, now: float) -> float | None:
    """``Retry-After``: seconds, or a date, which is counted from the answer's own ``date``: the two
    clocks need not agree. ``None``: it says nothing that can be understood."""
    text = retry_after.strip()
    if len(text) > _MOST_HEADER:
        return LONGEST_WAIT_SECONDS if text.isascii() and text.isdecimal() else None
    seconds = whole(text)
    if seconds is not None:
        return min(float(seconds), LONGEST_WAIT_SECONDS)
    until, since = _moment(text), _moment(date)
    if until is None:
        return None
    return min(max(0.0, until - (now if since is None else since)), LONGEST_WAIT_SECONDS)


def _moment(text: str) -> float | None:
    """A date of HTTP in Unix seconds."""
    try:
        at = parsedate_to_datetime(text[:_MOST_HEADER])
        zone = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return (zone - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _text(headers: dict[str, str], body: bytes) -> str | None:
    """The body as a text, if it is one that a receiver would send: neither packed nor a page."""
    packed = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    text = body.decode("ascii", "replace")
    if packed or "html" in headers.get("content-type", "").lower() or text.lstrip()[:1] == "<":
        return None
    return text
