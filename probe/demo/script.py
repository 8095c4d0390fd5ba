"""What happens when: a 20 January in about two minutes. Pure.

Nobody has published the mechanism or the rate of that day, so this is not a reconstruction: it has
its shape (all four platforms, network after network, hours of it, then back) and the mechanism that
is best documented elsewhere, a rate per connection set off by the name in the ClientHello.
"""

from __future__ import annotations

from bisect import bisect_right

from msgspec import Struct

from probe.demo.cast import PLATFORMS

ALL = frozenset(site.name for site in PLATFORMS)


class Act(Struct, frozen=True, kw_only=True):
    """From ``at_seconds`` on ``asns`` restrict ``platforms``, until the next act."""

    at_seconds: float
    title: str
    asns: frozenset[int] = frozenset()
    platforms: frozenset[str] = frozenset()

    def restricts(self, asn: int, platform: str) -> bool:
        """Whether a connection of ``platform`` over ``asn`` is slowed down."""
        return asn in self.asns and platform in self.platforms


class Script(Struct, frozen=True, kw_only=True):
    """Acts in order, the first one at 0; ``seconds`` is the length of it all.

    ``rate_bytes_per_second`` and ``delay_seconds`` are those of a restricted connection, each way.
    """

    acts: tuple[Act, ...]
    seconds: float
    rate_bytes_per_second: float
    delay_seconds: float = 0.0

    def act_at(self, seconds: float) -> Act:
        """The act that is on at ``seconds`` after the beginning."""
        return self.acts[max(0, bisect_right([a.at_seconds for a in self.acts], seconds) - 1)]


def twentieth_of_january(*, speed: float = 1.0) -> Script:
    """The scripted day, ``speed`` times as fast."""
    acts = (
        Act(at_seconds=0.0, title="Calm: every line is as it should be"),
        Act(
            at_seconds=25.0,
            title="Onset: the first fixed network slows all four platforms",
            asns=frozenset({64496}),
            platforms=ALL,
        ),
        Act(
            at_seconds=28.0,
            title="Onset: a mobile network follows",
            asns=frozenset({64496, 64498}),
            platforms=ALL,
        ),
        Act(
            at_seconds=31.0,
            title="Nation-scale: every home and mobile network; hosting is spared",
            asns=frozenset({64496, 64497, 64498, 64499}),
            platforms=ALL,
        ),
        Act(at_seconds=120.0, title="Recovery: the restriction is lifted everywhere"),
    )
    return Script(
        acts=tuple(
            Act(
                at_seconds=act.at_seconds / speed,
                title=act.title,
                asns=act.asns,
                platforms=act.platforms,
            )
            for act in acts
        ),
        seconds=150.0 / speed,
        rate_bytes_per_second=64_000.0,
    )
