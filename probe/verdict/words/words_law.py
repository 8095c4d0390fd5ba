"""The law of a throttle in sentences. Every number is an end of an interval that reads left."""

from __future__ import annotations

from math import floor, log10

from probe.model.law import Amount, Between, Law, LawEffect, Reach, Unit
from probe.verdict.law.known_laws import KNOWN

BITS = 8
KIB = 1_024.0
_REACH = {
    Reach.CONNECTION: ", each connection for itself",
    Reach.TOGETHER: ", two connections at once together",
}


def law_words(law: Law) -> str:
    """What is known of ``law``, and what is not; and which that was reported it is like."""
    known = next((one for one in KNOWN if one.id == law.like), None)
    said = [f"{_what(law)}{_REACH[law.reach] if law.reach else ''}."]
    if law.afresh:
        said.append("A new connection begins afresh.")
    if law.afresh is False:
        stays = law.stays_seconds
        how_long = "" if stays is None else f", for {_stays(stays)}"
        said.append(f"A new connection right after that is met at once{how_long}.")
    if law.small_pass:
        said.append("Several small reads pass where one large read does not.")
    if known is not None:
        said.append(
            f"That is like what was reported of {known.title}, which tells nothing of who does it."
        )
    return f"How it works, by {law.reads} reads: {' '.join(said)}"


def _stays(span: Between) -> str:
    return _range(span, "s") if span.low else f"up to {_few(span.high)} s"


def _what(law: Law) -> str:
    if law.effect is LawEffect.ENDS:
        return f"a connection ends {_after(law)}"
    rate = "a rate that is not known"
    if law.bytes_per_second is not None:
        rate = _rate(law.bytes_per_second)
    return f"{rate} {'from the first packets on' if law.from_start else _after(law)}"


def _after(law: Law) -> str:
    if not law.after:
        return "after an amount that differs from read to read"
    sure = law.certain
    if sure is not None:
        more = ", whatever their size" if sure.unit in _PACKETS else ""
        return f"{_passed(sure)}{more}"
    said = ", or ".join(map(_passed, law.after))
    return f"{said} (which of these is counted is not known)"


_PACKETS = {
    Unit.PACKETS: "packets in either direction",
    Unit.PACKETS_DOWN: "packets towards this line",
}


def _passed(passed: Amount) -> str:
    unit, span = passed.unit, passed.span
    if unit is Unit.BYTES:
        return f"after {_range(Between(span.low / KIB, span.high / KIB), 'KiB')}"
    if unit is Unit.SECONDS:
        return f"{_range(span, 's')} after the handshake began"
    low, high = round(span.low), round(span.high)
    count = f"{low}" if low == high else f"{low} to {high}"
    return f"after {count} {_PACKETS[unit]}"


def _rate(span: Between) -> str:
    return _range(Between(span.low * BITS / 1e3, span.high * BITS / 1e3), "kbit/s")


def _range(span: Between, unit: str) -> str:
    low, high = _few(span.low), _few(span.high)
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def _few(value: float) -> str:
    """Two significant digits, three from 100 on."""
    if value <= 0.0:
        return "0"
    digits = max(0, 1 - floor(log10(value)))
    return f"{value:,.{digits}f}"
