"""Laws of throttles that were reported, and which of them one is like; and whether two are alike.

A likeness is said as that: it names nobody, and proves nothing of who does it.
"""

from __future__ import annotations

from msgspec import Struct

from probe.model.law import Between, Law, LawEffect, Unit

BITS = 8
KIB = 1_024
ALIKE = 1.15
"""Numbers of two lines are alike that differ by no more than this factor; packets are counted."""
_COUNTED = frozenset({Unit.PACKETS, Unit.PACKETS_DOWN})
# A wider interval than that is like anything.
MOST_WIDE = 1.5


class KnownLaw(Struct, frozen=True, kw_only=True):
    """A law that was reported: ``id`` (its country and time), ``title`` for a person, ``source``.

    ``unit`` and ``after``: what it counts, and how much; none: it acts from the start.
    ``bytes_per_second``: the rate, if it slows.
    """

    id: str
    title: str
    source: str
    effect: LawEffect
    unit: Unit | None = None
    after: Between | None = None
    bytes_per_second: Between | None = None


KNOWN: tuple[KnownLaw, ...] = (
    KnownLaw(
        id="russia-2025-06",
        title="Russia, since June 2025",
        source="hyperion-cs/dpi-checkers (l4-25), net4people/bbs#490",
        effect=LawEffect.ENDS,
        unit=Unit.PACKETS,
        after=Between(23.0, 27.0),
    ),
    KnownLaw(
        id="iran-2026-04",
        title="Iran, April 2026",
        source="MasterHttpRelayVPN-RUST#320 (7.23 s)",
        effect=LawEffect.ENDS,
        unit=Unit.SECONDS,
        after=Between(6.9, 7.6),
    ),
    KnownLaw(
        id="iran-2026-05",
        title="Iran, May 2026",
        source="net4people/bbs#586 (256 KiB pass, 5 MiB crawl)",
        effect=LawEffect.SLOWS,
        unit=Unit.BYTES,
        after=Between(256.0 * KIB, 5_120.0 * KIB),
    ),
    KnownLaw(
        id="russia-2021-2024",
        title="Russia, 2021 (X) and 2024 (YouTube)",
        source="Xue et al., IMC 2021 (130 to 150 kbit/s); net4people/bbs#382 (128 kbit/s over TCP)",
        effect=LawEffect.SLOWS,
        bytes_per_second=Between(110e3 / BITS, 150e3 / BITS),
    ),
)


def likeness(law: Law) -> KnownLaw | None:
    """The first of ``KNOWN`` that ``law`` is like."""
    return next((one for one in KNOWN if _like(law, one)), None)


def _like(law: Law, known: KnownLaw) -> bool:
    if law.effect is not known.effect or law.from_start is not (known.unit is None):
        return False
    if known.after is not None:
        spans = [one.span for one in law.after if one.unit is known.unit]
        if not any(_within(span, known.after) for span in spans):
            return False
    if known.bytes_per_second is None:
        return True
    rate = law.bytes_per_second
    return rate is not None and _within(rate, known.bytes_per_second)


def _within(span: Between, known: Between) -> bool:
    return span.high <= MOST_WIDE * span.low and known.low <= span.middle <= known.high


def alike(one: Law, other: Law) -> bool:
    """Whether both may be the law of one kind of box: the same effect, the same counts and rates as
    far as both are known, and a number in common at least."""
    if one.effect is not other.effect or one.from_start is not other.from_start:
        return False
    if None not in (one.reach, other.reach) and one.reach is not other.reach:
        return False
    common = {a.unit for a in one.after} & {a.unit for a in other.after}
    if (one.after or other.after) and not any(_meet(unit, one, other) for unit in common):
        return False
    rates = [law.bytes_per_second for law in (one, other) if law.bytes_per_second is not None]
    if len(rates) == 2:
        return rates[0].meets(rates[1], ALIKE)
    return bool(common)


def _meet(unit: Unit, one: Law, other: Law) -> bool:
    times = 1.0 if unit in _COUNTED else ALIKE
    (mine,) = [amount.span for amount in one.after if amount.unit is unit]
    (its,) = [amount.span for amount in other.after if amount.unit is unit]
    return mine.meets(its, times)
