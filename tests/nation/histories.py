"""Random fleets and what becomes of them, step by step: the material of the parity test.

Everything is drawn so that boundaries are hit often: times are multiples of half a minute, weights
are tenths, fleets are small. Nothing here knows how findings are made.
"""

from __future__ import annotations

from random import Random

from msgspec import Struct
from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.config.values import Seconds
from probe.model.identity import Access, Role, Vantage
from probe.model.verdict import CURTAIN, HOME_RESOLVER, NEAR_HERE, State
from probe.model.vouch import Vouch
from probe.nation.sight import Reading, Seen, Sight
from probe.observe.effort import Measure

STEP = 60.0
PLATFORMS = ("x", "facebook", "instagram", "youtube")
TARGETS = ("page", "object")
CONTROLS = ("jquery", "debian", "kernel")
# Facebook and Instagram are one operator's.
OPERATORS = {"facebook": "Meta", "instagram": "Meta"}
REASONS = ("slow_outside", "suspected")
_STATES = tuple(State)


class Told(Struct, frozen=True, kw_only=True):
    """What a vantage publishes of one platform at one step. ``since`` and ``at`` (when its last
    round ended) are on its own clock."""

    state: State
    since: float
    reason: str
    controls: tuple[str, ...]
    at: float = 0.0
    method: str = ""
    target: str = ""
    measure: str = ""
    vouches: tuple[Vouch, ...] = ()

    def vouched(self, skew: float) -> tuple[Vouch, ...]:
        """What it vouches for, by a clock that its own is ``skew`` ahead of."""
        return tuple(
            Vouch(
                target=one.target,
                at=one.at and one.at - skew,
                read_at=one.read_at and one.read_at - skew,
                long_at=one.long_at and one.long_at - skew,
            )
            for one in self.vouches
        )


class Post(Struct, frozen=True, kw_only=True):
    """A vantage as one server hears it. ``skew`` is how far its clock is ahead; ``places`` is what
    it says it is at each step, ``None`` while nothing is heard of it; ``told`` is what it publishes
    at each step, by platform, and ``beside`` what it does of QUIC. Of one that is not ``clocked``
    the server has no clock to compare its own with."""

    instance: str
    skew: float
    drill: bool
    places: tuple[Vantage | None, ...]
    told: tuple[dict[str, Told], ...]
    beside: tuple[dict[str, Told], ...] = ()
    clocked: bool = True

    def over(self, step: int) -> list[tuple[str, str, Told]]:
        """What it publishes at a step: transport (empty: TCP), platform, and what of it."""
        quic = self.beside[step] if self.beside else {}
        return [
            *(("", platform, told) for platform, told in self.told[step].items()),
            *(("quic", platform, told) for platform, told in quic.items()),
        ]


class History(Struct, frozen=True, kw_only=True):
    """A fleet over some steps."""

    seed: int
    posts: tuple[Post, ...]
    steps: int

    def sight(self, step: int) -> Sight:
        """What is heard at a step, as the daemon would hand it to the fusion."""
        at = step * STEP
        seen, readings = [], []
        for post in self.posts:
            place = post.places[step]
            if place is None:
                continue
            seen.append(Seen(vantage=place, drill=post.drill))
            skew = post.skew if post.clocked else 0.0
            for transport, platform, told in post.over(step):
                if transport and told.method == "dns":
                    continue  # where a name leads is no matter of this transport
                readings.append(
                    Reading(
                        vantage=place,
                        platform=platform,
                        state=told.state,
                        since=told.since - skew,  # as our clock says it
                        reason=told.reason,
                        controls=told.controls,
                        drill=post.drill,
                        transport=transport,
                        # By a clock that is not known, nothing began or was looked at.
                        target=told.target if post.clocked else "",
                        measure=told.measure,
                        vouches=told.vouched(skew) if post.clocked else (),
                    )
                )
        return Sight(at=at, seen=tuple(seen), readings=tuple(readings))


def thresholds(random: Random) -> NationConfig:
    """Random thresholds, short enough for a short history."""
    weights = {str(64_500 + n): random.choice((0.1, 0.2, 0.3, 0.4)) for n in range(5)}
    return NationConfig(
        min_networks=random.choice((2, 3, 3, 3, 4)),
        min_share=random.choice((0.3, 0.5, 0.5, 0.6)),
        min_coverage=random.choice((0.3, 0.5, 0.5, 0.7)),
        hold=Seconds(random.choice((0.0, 60.0, 180.0, 200.0, 300.0))),
        weights=weights if random.random() < 0.5 else {},
        other_weight=random.choice((1.0, 0.1, 0.3)),
        total_weight=random.choice((None, None, 1.0, 2.0)),
        onset_window=Seconds(random.choice((120.0, 300.0, 600.0))),
        systematic_platforms=random.choice((2, 2, 3)),
        min_upstreams=random.choice((1, 1, 1, 2)),
        min_references=random.choice((1, 1, 2)),
        gone=random.choice(((), (), ("v1", "v3"))),
    )


def history(seed: int, steps: int = 14) -> History:
    """The history of one seed."""
    random = Random(seed)
    posts: list[Post] = []
    platforms = PLATFORMS[: random.choice((1, 2, 3, 3))]
    countries = ("PK",) if random.random() < 0.8 else ("PK", "IR")
    event = _Event(random, platforms, steps)
    for index in range(random.choice((2, 5, 8, 11, 14))):
        posts.extend(_posts(random, f"v{index}", random.choice(countries), platforms, event, steps))
    if random.random() < 0.25:
        drilled = _Event(random, platforms, steps)
        for index in range(random.randint(1, 5)):
            name = random.choice((f"drill-{index}", f"v{index}"))
            posts.extend(_posts(random, name, "PK", platforms, drilled, steps, drill=True))
    return History(seed=seed, posts=tuple(posts), steps=steps)


class _Event:
    """Which platforms are struck, from when to when, and in which networks."""

    def __init__(self, random: Random, platforms: tuple[str, ...], steps: int) -> None:
        self.state = random.choice(
            (State.THROTTLED,) * 3
            + (State.IMPAIRED,) * 2
            + (State.BLOCKED, State.DEGRADED, State.OFFLINE)
        )
        self.platforms = [p for p in platforms if random.random() < 0.9]
        self.begin = random.randint(0, steps - 2)
        self.end = random.randint(self.begin + 1, steps + 4)
        self.reach = random.choice((0.0, 0.4, 0.7, 0.9, 1.0))
        self.stagger = random.choice((0, 0, 1, 4))
        self.noise = random.choice((0.0, 0.0, 0.05, 0.3))
        self.silence = random.choice((0.0, 0.0, 0.1, 0.3))
        # Everybody is cut off at once, some for good.
        self.dark = random.randint(2, steps) if random.random() < 0.15 else None
        self.upstreams = random.choice((("",), ("",), ("", "tic", "AS64501"), ("tic",)))
        self.abroad = random.choice((0.0, 0.0, 0.5, 1.0))
        self.watched = platforms
        # Over QUIC: a chance of its own, so that the other draws stay what they are.
        apart = Random(f"{self.begin} {self.end} {self.reach} {self.noise} {len(platforms)}")
        self.quic = apart.choice((State.BLOCKED, State.BLOCKED, State.THROTTLED, State.IMPAIRED))
        self.over_quic = apart.choice((0.0, 0.5, 0.8, 1.0))


def _posts(
    random: Random,
    name: str,
    country: str,
    platforms: tuple[str, ...],
    event: _Event,
    steps: int,
    *,
    drill: bool = False,
) -> list[Post]:
    reference = random.random() < 0.15
    home = Vantage(
        name=name,
        country="DE" if reference else country,
        asn=None if random.random() < 0.05 else 64_500 + random.randint(0, 6),
        access=random.choice((Access.FIXED,) * 4 + (Access.MOBILE,) * 3 + (Access.HOSTING,)),
        role=Role.REFERENCE if reference else Role.INSIDE,
        upstream=random.choice(event.upstreams),
    )
    places = _places(random, home, event, steps)
    struck = random.random() < (event.abroad if reference else event.reach)
    begin = event.begin + random.randint(0, event.stagger)
    onset = begin * STEP - 30.0 * random.randint(0, 10 if random.random() < 0.5 else 2)
    skew = random.choice((0.0, 0.0, 0.0, 90.0, -3_600.0))
    # A chance of its own, so that the other draws stay what they are.
    at_home = Random(f"{name} {onset} {skew} {begin}").random() < 0.4
    told = []
    for step in range(steps):
        at_step = {}
        for platform in platforms:
            state, since = State.OK, -600.0
            if struck and platform in event.platforms and begin <= step < event.end:
                state, since = event.state, onset
            if random.random() < event.noise:
                state, since = random.choice(_STATES), step * STEP
            if random.random() < event.silence / 2:
                continue
            at_step[platform] = Told(
                state=state,
                since=since + skew,
                reason=_reason(random, state, struck and at_home),
                controls=tuple(c for c in CONTROLS if random.random() < 0.4),
                at=(step - random.choice((0, 0, 1, 4))) * STEP + skew,
            )
        apart = Random(f"targets {name} {step} {skew} {begin}")
        told.append(_each_target(apart, at_step, reference, skew))
    # Another chance of its own: what is so over QUIC is no matter of TCP.
    beside = _beside(Random(f"quic {name} {onset} {skew} {begin}"), event, reference, skew, steps)
    clocked = Random(f"clock {name} {onset} {skew} {begin}").random() < 0.9
    post = Post(
        instance=f"{name}-a",
        skew=skew,
        drill=drill,
        places=tuple(places),
        told=tuple(told),
        beside=beside,
        clocked=clocked,
    )
    if random.random() > 0.1:
        return [post]
    # The same vantage, heard by a second server, which is a step late now and then.
    late = [told[max(0, step - (random.random() < 0.3))] for step in range(steps)]
    again = Post(
        instance=f"{name}-b",
        skew=skew,
        drill=drill,
        places=tuple(places),
        told=tuple(late),
        beside=(beside[0], *beside[:-1]),
        clocked=clocked,
    )
    return [post, again]


def _beside(
    random: Random, event: _Event, reference: bool, skew: float, steps: int
) -> tuple[dict[str, Told], ...]:
    """What a vantage publishes of QUIC: some speak none of it, and some meet what others meet over
    TCP, or what they do not."""
    if random.random() < 0.3:
        return ({},) * steps
    struck = random.random() < (event.abroad if reference else event.over_quic)
    begin = event.begin + random.randint(0, event.stagger)
    onset = begin * STEP - 30.0 * random.randint(0, 4)
    at_home, by_name = random.random() < 0.1, random.random() < 0.1
    published = []
    for step in range(steps):
        at_step = {}
        for platform in event.watched:
            state, since = State.OK, -600.0
            if struck and begin <= step < event.end:
                state, since = event.quic, onset
            if random.random() < event.noise / 2:
                state, since = random.choice(_STATES), step * STEP
            if random.random() < event.silence / 2:
                continue
            at_step[platform] = Told(
                state=state,
                since=since + skew,
                reason=_reason(random, state, struck and at_home),
                controls=(),
                at=(step - random.choice((0, 0, 1, 4))) * STEP + skew,
                method="dns" if by_name and state is State.BLOCKED else "",
            )
        apart = Random(f"targets {step} {skew} {begin} {onset}")
        published.append(_each_target(apart, at_step, reference, skew))
    return tuple(published)


def _each_target(
    random: Random, told: dict[str, Told], reference: bool, skew: float
) -> dict[str, Told]:
    """``told``, with what is impaired of it, and what a reference vouches for."""

    def looked() -> float:
        at = random.choice((0, 2, 5, 8, 11)) * STEP
        return at + skew if at and random.random() < 0.8 else 0.0

    found = {}
    for platform, one in told.items():
        impaired = one.state is State.IMPAIRED and random.random() < 0.9
        found[platform] = replace(
            one,
            target=random.choice(TARGETS) if impaired else "",
            measure=random.choice(list(Measure)).value if impaired else "",
            vouches=tuple(
                Vouch(target=name, at=looked(), read_at=looked(), long_at=looked())
                for name in (TARGETS if reference else ())
            ),
        )
    return found


def _reason(random: Random, state: State, at_home: bool) -> str:
    if state is State.UNKNOWN:
        return random.choice(REASONS)
    if state is State.IMPAIRED:
        return random.choice(("", "", NEAR_HERE, CURTAIN))
    return HOME_RESOLVER if state is State.BLOCKED and at_home else ""


def _places(random: Random, home: Vantage, event: _Event, steps: int) -> list[Vantage | None]:
    """Where it says it is; some say something else for a while, some fall silent."""
    lie = home.asn is not None and random.random() < 0.08
    away = range(*sorted((random.randint(0, steps), random.randint(0, steps))))
    places: list[Vantage | None] = []
    silent = False
    back = random.choice((0, steps, steps, random.randint(0, steps)))
    for step in range(steps):
        if random.random() < event.silence:
            silent = not silent
        place = home
        if lie and step in away:
            place = Vantage(
                name=home.name,
                country=home.country,
                asn=64_500 + random.randint(0, 6),
                access=home.access,
                role=home.role,
                upstream=home.upstream,
            )
        cut = event.dark is not None and step in range(event.dark, back)
        places.append(None if silent or cut else place)
    return places
