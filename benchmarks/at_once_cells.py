"""The cells of ``benchmarks/everything_at_once.py``: what happens, to whom, on which line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from random import Random

from msgspec import Struct

from probe.model.verdict import State
from scenarios.lines import DSL, FIBRE, MEGABIT, MOBILE
from scenarios.model import (
    CutOff,
    Delayed,
    Effect,
    HelloDropped,
    LineKind,
    Lossy,
    Policed,
    Restricted,
    Scope,
    Shaped,
    SynDropped,
    Whom,
    exactly,
)
from scenarios.throttling import (
    ALL_PLATFORMS,
    KIB,
    KILOBIT,
    META_NAMES,
    X_NAMES,
)

BAD = LineKind(
    name="bad",
    title="2 Mbit/s, 80 ms, 3 % loss",
    round_trip_seconds=0.080,
    down_bits_per_second=2 * MEGABIT,
    up_bits_per_second=0.5 * MEGABIT,
    jitter_seconds=0.005,
    jitter_memory_seconds=0.2,
    loss=0.03,
)
LINES: dict[str, LineKind] = {kind.name: kind for kind in (FIBRE, DSL, MOBILE, BAD)}
ONE_FROZEN = "x"
"""Of whom is meant where one platform is met and three are well."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "x": X_NAMES,
    "facebook": META_NAMES[:3],
    "instagram": META_NAMES[3:],
    "youtube": (".youtube.com", ".googlevideo.com", ".ytimg.com"),
}


class Mechanism(Struct, frozen=True, kw_only=True):
    """``effect`` draws it; ``right``: what it is to be called."""

    name: str
    title: str
    by_name: bool
    effect: Callable[[Random], Effect]
    right: State = State.THROTTLED


MECHANISMS: dict[str, Mechanism] = {
    one.name: one
    for one in (
        Mechanism(
            name="silence",
            title="silence after 16 to 20 KiB, by address",
            by_name=False,
            effect=lambda random: CutOff(after_bytes=exactly(random.uniform(16, 20) * KIB)),
        ),
        Mechanism(
            name="syn",
            title="SYN dropped, by address",
            by_name=False,
            effect=lambda _: SynDropped(),
            right=State.BLOCKED,
        ),
        Mechanism(
            name="hello",
            title="ClientHello dropped, by name",
            by_name=True,
            effect=lambda _: HelloDropped(),
            right=State.BLOCKED,
        ),
        Mechanism(
            name="policed",
            title="policed to 100 kbit/s, by name",
            by_name=True,
            effect=lambda _: Policed(
                rate_bits_per_second=exactly(100 * KILOBIT), burst_bytes=exactly(16 * KIB)
            ),
        ),
        Mechanism(
            name="shaped",
            title="shaped to 150 kbit/s together, by address",
            by_name=False,
            effect=lambda _: Shaped(
                rate_bits_per_second=exactly(150 * KILOBIT),
                queue_bytes=exactly(64 * KIB),
                scope=Scope.ALL,
            ),
        ),
        Mechanism(
            name="delay",
            title="handshakes 1 s longer, by name",
            by_name=True,
            effect=lambda _: Delayed(round_trip_seconds=exactly(1.0)),
        ),
        Mechanism(
            name="loss",
            title="20 % of the packets lost, by name",
            by_name=True,
            effect=lambda _: Lossy(probability=exactly(0.2)),
        ),
    )
}


class Cell(Struct, frozen=True, kw_only=True):
    """``met``: the platforms; the others are well. ``born``: the daemon is started into it."""

    mechanism: str
    line: str
    born: bool
    vantages: int = 1
    met: tuple[str, ...] = ALL_PLATFORMS

    @property
    def name(self) -> str:
        """In a few words."""
        words = [self.mechanism, self.line, "born" if self.born else "calm"]
        words += [] if self.vantages == 1 else [str(self.vantages)]
        return "-".join([*words, *([] if self.met == ALL_PLATFORMS else self.met)])

    def happens(self, random: Random, hosts: Mapping[str, tuple[str, ...]]) -> Restricted:
        """Drawn; ``hosts`` are those of each platform."""
        mechanism = MECHANISMS[self.mechanism]
        if mechanism.by_name:
            whom = Whom(names=tuple(name for one in self.met for name in NAMES[one]))
        else:
            whom = Whom(hosts=tuple(dict.fromkeys(host for one in self.met for host in hosts[one])))
        return Restricted(whom=whom, effects=(mechanism.effect(random),))


def cells(
    mechanisms: tuple[str, ...],
    lines: tuple[str, ...],
    births: tuple[bool, ...],
    vantages: int,
    *,
    one: bool,
) -> list[Cell]:
    """All of them; ``one``: only one platform is met."""
    return [
        Cell(
            mechanism=mechanism,
            line=line,
            born=born,
            vantages=vantages,
            met=(ONE_FROZEN,) if one else ALL_PLATFORMS,
        )
        for line, born, mechanism in product(lines, births, mechanisms)
    ]
