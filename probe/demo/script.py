"""What happens when: a 20 January in about two minutes. Pure.

Nobody has published the mechanism or the rate of that day, so this is not a reconstruction: it has
its shape (all four platforms, network after network, hours of it, then back) and the mechanism that
is best documented elsewhere, a rate per connection set off by the name in the ClientHello.
"""

from __future__ import annotations

from msgspec import Struct

from probe.demo.cast import PLATFORMS

ALL = frozenset(site.name for site in PLATFORMS)


class Act(Struct, frozen=True, kw_only=True):
    """From ``at_seconds`` on ``asns`` restrict ``platforms``, until the next act.

    An act whose ``until_seconds`` is later than its ``at_seconds`` waits for what came before to be
    seen by the daemon, until then at most: a slow machine takes longer to be sure.
    """

    at_seconds: float
    title: str
    asns: frozenset[int] = frozenset()
    platforms: frozenset[str] = frozenset()
    until_seconds: float = 0.0

    def restricts(self, asn: int, platform: str) -> bool:
        """Whether a connection of ``platform`` over ``asn`` is slowed down."""
        return asn in self.asns and platform in self.platforms


class Script(Struct, frozen=True, kw_only=True):
    """Acts in order, the first one at 0. ``seconds`` is how long it all takes unless something is
    waited for, ``after_seconds`` and ``patience_seconds`` how long the last act takes: at least,
    and while the daemon has not yet seen that all is well.

    ``rate_bytes_per_second`` and ``delay_seconds`` are those of a restricted connection, each way.
    """

    acts: tuple[Act, ...]
    after_seconds: float
    patience_seconds: float
    rate_bytes_per_second: float
    delay_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it takes where the daemon is in time."""
        return self.acts[-1].at_seconds + self.after_seconds


class Scene(Struct, frozen=True, kw_only=True):
    """Where the play is: the act's number and when it began (seconds after the beginning)."""

    number: int = 0
    since_seconds: float = 0.0


def advance(
    script: Script, place: Scene, passed_seconds: float, *, national: bool, well: bool
) -> Scene | None:
    """Where the play is after ``passed_seconds``; ``None``: it is over.

    ``national``: every platform has been called restricted nation-wide; ``well``: none is called
    restricted anywhere any more.
    """
    if place.number + 1 < len(script.acts):
        coming = script.acts[place.number + 1]
        waits = not national and passed_seconds < coming.until_seconds
        if passed_seconds < coming.at_seconds or waits:
            return place
        return Scene(number=place.number + 1, since_seconds=passed_seconds)
    lasts = passed_seconds - place.since_seconds
    if lasts < script.after_seconds or (not well and lasts < script.patience_seconds):
        return place
    return None


def twentieth_of_january(*, speed: float = 1.0) -> Script:
    """The scripted day, ``speed`` times as fast."""
    acts = (
        Act(at_seconds=0.0, title="Calm: every line is as it should be"),
        Act(
            at_seconds=30.0,
            title="Onset: the first fixed network slows all four platforms",
            asns=frozenset({64496}),
            platforms=ALL,
        ),
        Act(
            at_seconds=33.0,
            title="Onset: a mobile network follows",
            asns=frozenset({64496, 64498}),
            platforms=ALL,
        ),
        Act(
            at_seconds=36.0,
            title="Nation-scale: every home and mobile network; hosting is spared",
            asns=frozenset({64496, 64497, 64498, 64499}),
            platforms=ALL,
        ),
        Act(
            at_seconds=95.0,
            until_seconds=300.0,
            title="Recovery: the restriction is lifted everywhere",
        ),
    )
    return Script(
        acts=tuple(
            Act(
                at_seconds=act.at_seconds / speed,
                until_seconds=act.until_seconds / speed,
                title=act.title,
                asns=act.asns,
                platforms=act.platforms,
            )
            for act in acts
        ),
        after_seconds=25.0 / speed,
        patience_seconds=120.0 / speed,
        rate_bytes_per_second=64_000.0,
    )
