"""The situations that must never be told wrong, as histories: the parity test's other material.

``tests/nation/test_scenarios.py`` says in detail what Python makes of each; here they are series,
so that Prometheus is asked as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import Role, Vantage
from probe.model.verdict import HOME_RESOLVER, NEAR_HERE, State
from probe.model.vouch import Vouch
from probe.verdict.ladder.facts import SLOW_OUTSIDE
from tests.nation.fleet import ABROAD, fleet, vantage
from tests.nation.histories import CONTROLS, PLATFORMS, STEP, History, Post, Told

STEPS = 32
OK, THROTTLED, BLOCKED, OFFLINE = State.OK, State.THROTTLED, State.BLOCKED, State.OFFLINE
IMPAIRED = State.IMPAIRED
# The state and the minute of its onset that a vantage publishes of every platform; or nothing.
Says = Callable[[Vantage, int], tuple[State, int] | None]


class Named(Struct, frozen=True, kw_only=True):
    """A history with the scopes that X must have in it: ``ends`` the last one, ``never`` those that
    no step may have; ``systematic`` whether the last step is."""

    title: str
    history: History
    ends: str
    never: frozenset[str] = frozenset()
    systematic: bool = False


def told(
    number: int,
    vantages: Iterable[Vantage],
    says: Says,
    *,
    skews: Mapping[str, float] | None = None,
    place: Callable[[Vantage, int], Vantage | None] = lambda of, step: of,
) -> History:
    """What a server hears of ``vantages``. ``skews``: how many seconds their clocks are ahead.
    ``place``: what each claims to be at a step (``None``: it is not heard at all)."""
    posts = []
    for index, one in enumerate(vantages):
        skew = (skews or {}).get(one.name, 0.0)
        steps = []
        for step in range(STEPS):
            said = says(one, step)
            here = {}
            if said is not None:
                # All that a reference is unsure of here is that it is slow there as well.
                unsure = said[0] is State.UNKNOWN and one.role is Role.REFERENCE
                reason = SLOW_OUTSIDE if unsure else ""
                for platform in PLATFORMS:
                    since = said[1] * STEP + skew
                    here[platform] = Told(
                        state=said[0], since=since, reason=reason, controls=CONTROLS
                    )
            steps.append(here)
        posts.append(
            Post(
                instance=f"{one.name}-{index}",
                skew=skew,
                drill=False,
                places=tuple(place(one, step) for step in range(STEPS)),
                told=tuple(steps),
            )
        )
    return History(seed=number, posts=tuple(posts), steps=STEPS)


def _network(of: Vantage) -> int:
    return (of.asn or 0) - 64_500


def _everybody(of: Vantage) -> bool:
    return True


def _nobody(of: Vantage) -> bool:
    return False


def _when(struck: Callable[[Vantage], bool], state: State, begins: int = 3) -> Says:
    """``state`` where ``struck`` from a minute on, else fine."""
    return lambda of, step: (state, begins) if struck(of) and step >= begins else (OK, 0)


def _staggered(of: Vantage, step: int) -> tuple[State, int]:
    begins = 3 + _network(of)
    return (THROTTLED, begins) if of is not ABROAD and step >= begins else (OK, 0)


def _world_wide(of: Vantage, step: int) -> tuple[State, int]:
    if of is ABROAD:
        return (State.DOWN, 3) if step >= 3 else (OK, 0)
    return (BLOCKED, 3) if step >= 3 else (OK, 0)


def _slow_abroad_too(of: Vantage, step: int) -> tuple[State, int]:
    if of is ABROAD:
        return (State.UNKNOWN, 3) if step >= 3 else (OK, 0)
    return (THROTTLED, 3) if step >= 3 else (OK, 0)


def _inside_impaired(of: Vantage, step: int) -> tuple[State, int]:
    return (IMPAIRED, 3) if of is not ABROAD and step >= 3 else (OK, 0)


def _half(state: State | None, struck: int) -> Says:
    """From minute 10 on networks 4 and up are ``state``; those below ``struck`` are throttled."""

    def says(of: Vantage, step: int) -> tuple[State, int] | None:
        if step >= 10 and _network(of) >= 4:
            return None if state is None else (state, 10)
        return (THROTTLED, 0) if _network(of) < struck else (OK, 0)

    return says


def _by_two_servers(one: History, other: History) -> History:
    """The same vantages, as two servers hear them."""
    again = (replace(post, instance=f"{post.instance}-again") for post in other.posts)
    return replace(one, posts=(*one.posts, *again))


def _impaired_inside(number: int, reason: str, *, read: bool = True, ahead: float = 0.0) -> History:
    """Reads impaired in every network inside, for a reason, and found fine abroad in each minute,
    where it is ``read`` as well. There the time is ``ahead`` (seconds), and nobody can tell."""
    history = told(number, (*fleet(6), ABROAD), _inside_impaired)

    def given(one: Told, step: int) -> Told:
        why = reason if one.state is IMPAIRED else one.reason
        now = step * STEP
        if one.state is IMPAIRED:
            return replace(one, reason=why, at=now, target="object", measure="transfer")
        seen = Vouch(target="object", at=now + ahead, read_at=now + ahead if read else 0.0)
        return replace(one, reason=why, at=now, vouches=(seen,))

    posts = tuple(
        replace(
            post,
            told=tuple({p: given(t, n) for p, t in at.items()} for n, at in enumerate(post.told)),
        )
        for post in history.posts
    )
    return replace(history, posts=posts)


def _unclocked(history: History, skew: float) -> History:
    """``history``, in which clocks inside are ``skew`` ahead and no server compares them."""

    def posted(post: Post) -> Post:
        told = tuple(
            {p: replace(t, since=t.since + skew) for p, t in at.items()} for at in post.told
        )
        return replace(post, told=told, skew=skew, clocked=False)

    posts = (
        post if (post.places[0] or ABROAD).role is Role.REFERENCE else posted(post)
        for post in history.posts
    )
    return replace(history, posts=tuple(posts))


def _at_home(history: History, below: int) -> History:
    """``history``, in which blocks in the networks below ``below`` may be filters at home."""

    def filtered(one: Told) -> Told:
        return replace(one, reason=HOME_RESOLVER) if one.state is BLOCKED else one

    posts = tuple(
        replace(post, told=tuple({p: filtered(t) for p, t in at.items()} for at in post.told))
        if (place := post.places[0]) is not None and (place.asn or 0) < below
        else post
        for post in history.posts
    )
    return replace(history, posts=posts)


def _liar(of: Vantage, claims: tuple[int, ...]) -> Callable[[Vantage, int], Vantage | None]:
    """``of`` claims one network after the other, five minutes each."""
    places = tuple(vantage(of.name, asn) for asn in claims)
    return lambda one, step: places[step // 5 % len(places)] if one is of else one


def scenarios() -> tuple[Named, ...]:
    """All of them, numbered from 1."""
    liar = vantage("liar", 64_504)
    honest, struck = fleet(4), {"v0-0", "v1-0", "liar"}
    lies = _when(lambda of: of.name in struck, THROTTLED, begins=0)
    clocks = {"v0-0": 3_600.0, "v1-0": -3_600.0, "v2-0": 90.0}
    no_nation = frozenset({"nation"})
    return (
        Named(
            title="staggered onset over five networks",
            history=told(1, (*fleet(5), ABROAD), _staggered),
            ends="nation",
            systematic=True,
        ),
        Named(
            title="a fault of one network",
            history=told(2, (*fleet(5, 2), ABROAD), _when(lambda v: v.asn == 64_500, BLOCKED)),
            ends="network",
            never=no_nation | {"partial"},
        ),
        Named(
            title="a platform that is down world-wide",
            history=told(3, (*fleet(6), ABROAD), _world_wide),
            ends="none",
            never=frozenset({"nation", "partial", "network"}),
        ),
        Named(
            title="the line of one network is cut",
            history=told(4, (*fleet(5, 2), ABROAD), _when(lambda v: v.asn == 64_500, OFFLINE)),
            ends="none",
            never=frozenset({"nation", "partial", "network", "vantage"}),
        ),
        Named(
            title="more than half of the fleet is offline, the rest is fine",
            history=told(5, fleet(10), _half(OFFLINE, struck=0)),
            ends="insufficient",
            never=no_nation,
        ),
        Named(
            title="more than half of the fleet is silent, the rest is fine",
            history=told(6, fleet(10), _half(None, struck=0)),
            ends="insufficient",
            never=no_nation,
        ),
        Named(
            title="more than half of the fleet is silent, all of the rest is throttled",
            history=told(7, fleet(10), _half(None, struck=4)),
            ends="partial",
            never=no_nation,
            systematic=True,
        ),
        Named(
            title="half of the fleet is offline, a quarter of the rest is throttled",
            history=told(8, fleet(8), _half(OFFLINE, struck=1)),
            ends="network",
            never=no_nation,
        ),
        Named(
            title="clocks an hour ahead, an hour behind, a minute and a half ahead",
            history=told(9, (*fleet(5), ABROAD), _staggered, skews=clocks),
            ends="nation",
            systematic=True,
        ),
        Named(
            title="a vantage that claims two networks at once",
            history=told(10, (*honest, liar, vantage("liar", 64_505)), lies),
            ends="partial",
            never=no_nation,
        ),
        Named(
            title="a platform that is slow world-wide, which a vantage abroad only calls unknown",
            history=told(12, (*fleet(6), ABROAD), _slow_abroad_too),
            ends="none",
            never=frozenset({"nation", "partial", "network"}),
        ),
        Named(
            title="a vantage that lies about its network twice, one lie after the other",
            history=told(11, (*honest, liar), lies, place=_liar(liar, (64_504, 64_505, 64_506))),
            ends="partial",
            never=no_nation,
        ),
        Named(
            title="filters at home in three networks, a block in two, nothing in one",
            history=_at_home(
                told(13, fleet(6), _when(lambda v: v.asn != 64_500, BLOCKED)), below=64_504
            ),
            ends="partial",
            never=no_nation,
        ),
        Named(
            title="homes of half of the networks filter it, in the others nobody does",
            history=_at_home(
                told(14, fleet(8), _when(lambda v: (v.asn or 0) < 64_504, BLOCKED)), below=64_504
            ),
            ends="none",
            never=frozenset({"nation", "partial", "network", "vantage"}),
        ),
        Named(
            title="two servers that say opposite things of each vantage",
            history=_by_two_servers(
                told(15, fleet(6), _when(_everybody, BLOCKED)),
                told(15, fleet(6), _when(_nobody, OK)),
            ),
            ends="insufficient",
            never=frozenset({"nation", "partial", "network", "vantage"}),
        ),
        Named(
            title="impaired in six networks, fine abroad, and its servers near here may be slow",
            history=_impaired_inside(17, NEAR_HERE),
            ends="insufficient",
            never=frozenset({"nation", "partial", "network", "vantage"}),
        ),
        Named(
            title="the same, and nothing near here may be its cause",
            history=_impaired_inside(18, ""),
            ends="nation",
            systematic=True,
        ),
        Named(
            title="the same, and the vantage abroad only shakes hands with it",
            history=_impaired_inside(19, "", read=False),
            ends="insufficient",
            never=frozenset({"nation", "partial", "network", "vantage"}),
        ),
        Named(
            title="the same, and the vantage abroad read it in an hour to come",
            history=_impaired_inside(20, "", ahead=3_600.0),
            ends="insufficient",
            never=frozenset({"nation", "partial", "network", "vantage"}),
        ),
        Named(
            title="the same, and the clocks inside are an hour behind, and nobody can tell",
            history=_unclocked(_impaired_inside(21, ""), -3_600.0),
            ends="insufficient",
            never=frozenset({"nation", "partial", "network", "vantage"}),
        ),
        Named(
            title="a vantage abroad of which two servers say opposite things",
            history=_by_two_servers(
                told(16, (*fleet(6), ABROAD), _when(_everybody, IMPAIRED)),
                told(16, (*fleet(6), ABROAD), _when(lambda v: v.role is Role.INSIDE, IMPAIRED)),
            ),
            ends="insufficient",
            never=no_nation,
        ),
    )
