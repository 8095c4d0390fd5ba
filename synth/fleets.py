"""Simulated fleets: what truly happens, what each vantage then says, and what may be found of it.

Nothing here knows how findings are made. A vantage says what its verdict is documented to say
(docs/method.md): of a platform's own outage ``impaired`` where nobody looked from outside, of a
restriction ``throttled`` where it has a basis of its own and else ``impaired``.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from random import Random

from msgspec import Struct

from probe.config.schema import NationConfig
from probe.model.finding import Finding, FindingKind, Scope
from probe.model.identity import Access, Role, Vantage
from probe.model.verdict import State
from probe.model.vouch import Vouch
from probe.nation.fuse import fuse
from probe.nation.fusion_memory import FusionMemory
from probe.nation.sight import GRID_SECONDS, Reading, Seen, Sight
from probe.observe.effort import Measure
from probe.verdict.ladder.facts import SLOW_OUTSIDE

OPERATORS = {"x": "X", "facebook": "Meta", "instagram": "Meta"}
STEPS = 36
BEGIN = 6
# So many minutes until a vantage has proven something, and between the looks of a reference, whose
# last one may be from before it began.
PROVEN_MINUTES = (6, 9)
LOOK_MINUTES = (5, 5, 15)
TARGET = "object"
CONTROLS = ("debian", "jquery", "kernel")


class Truth(StrEnum):
    """What happens."""

    CALM = "nothing"
    OUTAGE = "outage of one operator, world-wide"
    UNREAD = "one operator's reads slow world-wide, and references are turned away from them"
    RESTRICTED = "restriction, nation-wide, proven on its own"
    BARE = "restriction, nation-wide, told only from outside"
    UPSTREAM = "restriction by the one upstream of most networks"
    NETWORK = "fault or restriction of one network"
    SHUTDOWN = "everybody inside is cut off"
    SLEEP = "vantages fall silent one by one"


class Abroad(StrEnum):
    """Who looks from outside, and whether one of them cannot be believed."""

    NONE = "no reference"
    ONE = "one reference"
    THREE = "three references"
    LIAR = "three, one lies"
    BROKEN = "three, one is broken (fails always)"
    TWO_LIAR = "two, one lies"


class World(Struct, frozen=True, kw_only=True):
    """One fleet in one situation. ``proven``: the minute in which each vantage has proof;
    ``stray``: one that then accuses though it should not (nobody: empty)."""

    truth: Truth
    abroad: Abroad
    vantages: tuple[Vantage, ...]
    references: tuple[Vantage, ...]
    struck: frozenset[str]
    proven: dict[str, int]
    look_minutes: int
    stray: str
    seed: int


def world(truth: Truth, abroad: Abroad, seed: int) -> World:
    """The fleet of a seed."""
    random = Random(f"{truth}-{abroad}-{seed}")
    count = random.randint(4, 8)
    shared = truth is Truth.UPSTREAM
    behind = count if shared else random.choice((0, 0, 1, 2))
    vantages = tuple(
        Vantage(
            name=f"v{network}-{index}",
            country="PK",
            asn=64_500 + network,
            access=random.choice((Access.FIXED, Access.MOBILE)),
            upstream="tic" if network < behind else "",
        )
        for network in range(count)
        for index in range(random.choice((1, 1, 2, 3)))
    )
    many = {Abroad.NONE: 0, Abroad.ONE: 1, Abroad.TWO_LIAR: 2}.get(abroad, 3)
    references = tuple(
        Vantage(
            name=f"abroad-{n}",
            country="DE",
            asn=64_900 + n,
            access=Access.HOSTING,
            role=Role.REFERENCE,
        )
        for n in range(many)
    )
    operator = random.choice(("X", "Meta"))
    every = frozenset(OPERATORS)
    struck = frozenset(p for p in every if OPERATORS[p] == operator)
    return World(
        truth=truth,
        abroad=abroad,
        vantages=vantages,
        references=references,
        struck=struck if truth is not Truth.RESTRICTED or random.random() < 0.5 else every,
        proven={v.name: BEGIN + random.randint(*PROVEN_MINUTES) for v in vantages},
        look_minutes=random.choice(LOOK_MINUTES),
        stray=random.choice(vantages).name if random.random() < 0.3 else "",
        seed=seed,
    )


def sights(of: World) -> Iterator[Sight]:
    """What is heard, minute by minute."""
    random = Random(f"{of.truth}-{of.abroad}-{of.seed}-heard")
    phase = {v.name: random.randint(0, of.look_minutes - 1) for v in of.references}
    asleep = {v.name: BEGIN + 14 * n for n, v in enumerate(of.vantages)}
    for step in range(STEPS):
        at = step * GRID_SECONDS
        seen, readings = [], []
        for vantage in of.vantages:
            if of.truth is Truth.SHUTDOWN and step >= BEGIN + of.proven[vantage.name] % 3:
                continue
            if of.truth is Truth.SLEEP and step >= asleep[vantage.name]:
                continue
            seen.append(Seen(vantage=vantage))
            for platform in OPERATORS:
                state = _inside(of, vantage, platform, step)
                if state is State.OK and random.random() < 0.02:
                    state = State.UNKNOWN
                readings.append(
                    Reading(
                        vantage=vantage,
                        platform=platform,
                        state=state,
                        since=BEGIN * GRID_SECONDS if state is not State.OK else 0.0,
                        controls=CONTROLS,
                        target=TARGET if state is State.IMPAIRED else "",
                        measure=Measure.TRANSFER.value if state is State.IMPAIRED else "",
                    )
                )
        for number, vantage in enumerate(of.references):
            seen.append(Seen(vantage=vantage))
            looked = step - (step + phase[vantage.name]) % of.look_minutes
            for platform in OPERATORS:
                state, reason = _outside(of, number, platform, looked)
                readings.append(
                    Reading(
                        vantage=vantage,
                        platform=platform,
                        state=state,
                        reason=reason,
                        since=0.0,
                        vouches=_vouches(of, state, looked * GRID_SECONDS),
                    )
                )
        yield Sight(at=at, seen=tuple(seen), readings=tuple(readings))


def _vouches(of: World, state: State, at: float) -> tuple[Vouch, ...]:
    """What a reference says of the target, having looked ``at``."""
    if state is not State.OK:
        return (Vouch(target=TARGET),)
    return (Vouch(target=TARGET, at=at, read_at=0.0 if of.truth is Truth.UNREAD else at),)


def _inside(of: World, vantage: Vantage, platform: str, step: int) -> State:
    if platform not in of.struck or step < BEGIN:
        return State.OK
    if of.truth is Truth.NETWORK and vantage.asn != 64_500:
        return State.OK
    if of.truth not in (
        Truth.OUTAGE,
        Truth.UNREAD,
        Truth.RESTRICTED,
        Truth.BARE,
        Truth.UPSTREAM,
        Truth.NETWORK,
    ):
        return State.OK
    if step < of.proven[vantage.name]:
        return State.UNKNOWN
    bare = of.truth in (Truth.OUTAGE, Truth.BARE) and vantage.name != of.stray
    bare = bare or of.truth is Truth.UNREAD
    return State.IMPAIRED if bare else State.THROTTLED


def _outside(of: World, number: int, platform: str, looked: int) -> tuple[State, str]:
    down = of.truth is Truth.OUTAGE and platform in of.struck and looked >= BEGIN
    if number == 0 and of.abroad in (Abroad.LIAR, Abroad.TWO_LIAR):
        down = not down
    if number == 0 and of.abroad is Abroad.BROKEN:
        down = True
    if not down:
        return State.OK, ""
    if looked < BEGIN + of.look_minutes and of.truth is Truth.OUTAGE:
        return State.UNKNOWN, "failure_suspected"
    return (State.DOWN, "") if (of.seed + number) % 2 else (State.UNKNOWN, SLOW_OUTSIDE)


class Outcome(Struct, frozen=True, kw_only=True):
    """What was found, and whether it may be: ``wrong`` says what may not."""

    wrong: tuple[str, ...]
    last: str


def play(of: World, config: NationConfig) -> Outcome:
    """Fuse what is heard, and judge what is found at every step."""
    memory = FusionMemory()
    wrong: set[str] = set()
    found: tuple[Finding, ...] = ()
    for sight in sights(of):
        memory, found = fuse(memory, sight, config, operators=OPERATORS)
        for finding in found:
            wrong.update(_wrong(of, finding))
    widest = _widest(of, found)
    expected = _expected(of)
    if expected and widest not in expected:
        wrong.add(f"ends as {widest}")
    return Outcome(wrong=tuple(sorted(wrong)), last=widest)


def _wrong(of: World, f: Finding) -> Iterator[str]:
    """What may never be said of this world."""
    wide = f.scope in (Scope.PARTIAL, Scope.NATION)
    restricted = f.kind is FindingKind.RESTRICTED
    accused = restricted and f.scope not in (Scope.NONE, Scope.INSUFFICIENT)
    national = of.truth in (Truth.RESTRICTED, Truth.BARE)
    if accused and of.truth not in (*(Truth.RESTRICTED, Truth.BARE), Truth.UPSTREAM, Truth.NETWORK):
        yield f"restricted/{f.scope}"
    if restricted and f.scope is Scope.NATION and not national:
        yield "restricted/nation"
    if accused and f.platform not in of.struck:
        yield "restricted, another platform"
    if f.systematic and len({OPERATORS[p] for p in of.struck}) < 2:
        yield "systematic, one operator"
    if f.systematic and not national:
        yield "systematic"
    if f.kind is FindingKind.IMPAIRED and f.scope is Scope.NATION:
        yield "impaired/nation"
    if f.kind is FindingKind.SILENT and wide and of.truth is not Truth.SHUTDOWN:
        yield f"silent/{f.scope}"
    if f.kind in (FindingKind.OFFLINE, FindingKind.DEGRADED) and f.affected_asns:
        yield f"{f.kind}/{f.scope}"


def _widest(of: World, found: tuple[Finding, ...]) -> str:
    """The one that says most at the end."""
    order = list(Scope)
    named = [
        f for f in found if f.scope not in (Scope.NONE, Scope.INSUFFICIENT) and f.affected_asns
    ]
    if not named:
        return "nothing"
    top = max(named, key=lambda f: (f.kind is FindingKind.RESTRICTED, order.index(f.scope)))
    return f"{top.kind}/{top.scope}"


def _expected(of: World) -> frozenset[str]:
    """As what it may end; empty: anything that is not wrong."""
    believed = of.abroad in (Abroad.ONE, Abroad.THREE, Abroad.LIAR, Abroad.BROKEN)
    return {
        Truth.CALM: frozenset({"nothing"}),
        Truth.OUTAGE: frozenset({"nothing"} if believed else {"impaired/partial"}),
        Truth.UNREAD: frozenset({"impaired/partial"}),
        Truth.RESTRICTED: frozenset({"restricted/nation"}),
        Truth.BARE: frozenset({"restricted/nation"} if believed else {"impaired/partial"}),
        Truth.UPSTREAM: frozenset({"restricted/partial"}),
        Truth.NETWORK: frozenset({"restricted/network"}),
        Truth.SHUTDOWN: frozenset({"silent/nation"}),
        Truth.SLEEP: frozenset(),
    }[of.truth]
