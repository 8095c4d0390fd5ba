"""What was proven turns into something else: the new is said, and the old no longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import Struct
from msgspec.structs import replace

from probe.config import load
from probe.config.handful import Handful, filled, with_handful
from probe.model.basis import Basis
from probe.model.verdict import State, Verdict
from scenarios.lines import LINES
from scenarios.model import (
    Answers,
    CutOff,
    Delayed,
    DnsForged,
    DnsLie,
    Effect,
    HelloDropped,
    Leaky,
    Lossy,
    Pauses,
    Policed,
    Reset,
    Restricted,
    Shaped,
    SynDropped,
    Whom,
    exactly,
)
from scenarios.ranges import LISTED
from scenarios.throttling import X_HOSTS
from synth.contradictions import contradictions
from synth.curtain_play import fine_outside
from synth.drive import Daemon, Said
from synth.edges import CALM
from synth.play import line_of
from synth.troubles import Kind, Trouble
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
X = Whom(names=(".x.com", "x.com", ".twimg.com", "twimg.com"))
YOUTUBE = Whom(names=(".googlevideo.com", ".youtube.com", ".ytimg.com", "youtube.com"))


def slowly(kbit: float) -> Policed:
    """To so many kbit/s."""
    return Policed(rate_bits_per_second=exactly(kbit * 1e3), burst_bytes=exactly(4_500))


SLOWLY = slowly(128)
SEEDS = range(1, 4)


class Life(Struct):
    """A vantage's, with what was said to it. ``vouched``: a reference finds all well."""

    platform: str
    world: World
    daemon: Daemon
    vouched: bool
    now: float = BEGIN
    said: list[Said] = []

    def lives(self, hours: float, *restricted: Restricted) -> list[Verdict]:
        """So long, and what is said of the platform."""
        self.world.restrict(restricted)
        end, before = self.now + hours * HOUR, len(self.said)
        while self.now < end:
            self.now += 60.0
            if self.vouched:
                self.daemon.references = {self.platform: (fine_outside(self.platform, self.now),)}
            else:
                self.daemon.references = {}
            self.said = [*self.said, *self.daemon.run(self.now)]
        return [one.verdict for one in self.said[before:]]


def life(platform: str, seed: int, *, vouched: bool, line: str = "fibre") -> Life:
    """After six calm hours."""
    config = with_handful(CONFIG, filled(Handful(f"{seed:032x}"), CONFIG.pool))
    config = replace(config, platforms=tuple(p for p in config.platforms if p.name == platform))
    config = replace(config, settings=replace(config.settings, platforms=(platform,)))
    world = World(
        config, line_of(LINES[line]), seed=seed, edges=CALM, begin=BEGIN, least_addresses=2
    )
    made = Life(platform, world, Daemon(config, world, begin=BEGIN), vouched)
    made.lives(6.0)
    return made


def hosts(platform: str) -> tuple[str, ...]:
    return next(one.hosts for one in CONFIG.platforms if one.name == platform)


BLOCKS: dict[str, tuple[Whom, Effect, str]] = {
    "hello-dropped": (X, HelloDropped(), "tls"),
    "reset": (X, Reset(), "tls"),
    "syn-dropped": (Whom(hosts=X_HOSTS), SynDropped(), "tcp"),
    "resolver-lies": (X, DnsForged(lie=DnsLie.ADDRESS), "dns"),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("block", BLOCKS)
def test_what_was_throttled_and_is_blocked_is_said_to_be(block: str, seed: int) -> None:
    whom, effect, method = BLOCKS[block]
    x = life("x", seed, vouched=True)
    assert x.lives(2.0, Restricted(whom=X, effects=(SLOWLY,)))[-1].state is State.THROTTLED
    said = x.lives(2.0, Restricted(whom=whom, effects=(effect,)))
    late = [one for one in said if one.at > x.now - HOUR]
    assert {(one.state, one.method) for one in late} == {(State.BLOCKED, method)}
    assert not contradictions(x.said)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_after_a_throttle_accuses_nobody_for_long(seed: int) -> None:
    """The restriction is lifted, the platform fails of itself, and nobody looks from outside."""
    youtube = life("youtube", seed, vouched=False)
    said = youtube.lives(2.0, Restricted(whom=YOUTUBE, effects=(SLOWLY,)))
    assert said[-1].state is State.THROTTLED
    youtube.world.gone = frozenset(hosts("youtube"))
    said = youtube.lives(3.0)
    assert not any(one.restricted for one in said if one.at > youtube.now - 2.5 * HOUR)
    assert said[-1].state is State.IMPAIRED


@pytest.mark.parametrize("vouched", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_slow_under_every_name_is_no_more_the_name(seed: int, vouched: bool) -> None:
    """Its own servers are, or whoever slowed the name slows its addresses now."""
    youtube = life("youtube", seed, vouched=vouched)
    said = youtube.lives(2.0, Restricted(whom=YOUTUBE, effects=(SLOWLY,)))
    assert said[-1].trigger == "name"
    if vouched:
        all_names = Restricted(whom=Whom(hosts=hosts("youtube")), effects=(SLOWLY,))
        said = youtube.lives(4.0, all_names)
        assert said[-1].state is State.THROTTLED
    else:
        slow = exactly(80e3)
        youtube.world.answers = (Answers(hosts=hosts("youtube"), bits_per_second=slow),)
        said = youtube.lives(4.0)
        assert said[-1].state is State.IMPAIRED
    assert not any(one.trigger == "name" for one in said if one.at > youtube.now - HOUR)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_refused_is_not_said_to_be_slow(seed: int) -> None:
    """The restriction is lifted, and the platform turns us away: nobody knows how fast it is."""
    x = life("x", seed, vouched=True)
    x.lives(2.0, Restricted(whom=X, effects=(SLOWLY,)))
    x.world.answers = (Answers(hosts=hosts("x"), status=403),)
    said = x.lives(2.0)
    late = {(one.state, one.reason) for one in said if one.at > x.now - HOUR}
    assert late == {(State.UNKNOWN, "refused")}


@pytest.mark.parametrize("seed", SEEDS)
def test_half_of_the_connections_dropped_besides_is_no_other_thing(seed: int) -> None:
    """Rounds in a row fail by chance then; a burst shows that not all do."""
    x = life("x", seed, vouched=True)
    x.lives(2.0, Restricted(whom=X, effects=(SLOWLY,)))
    x.world.restrict([])
    said = x.lives(5.0, Restricted(whom=X, effects=(Leaky(share=exactly(0.5)), SLOWLY)))
    assert sum(one.restricted for one in said) > 0.8 * len(said)
    assert said[-1].restricted


OWN: dict[str, Answers | Pauses] = {
    "slow": Answers(hosts=X_HOSTS, bits_per_second=exactly(100e3)),
    "crawls": Answers(hosts=X_HOSTS, bits_per_second=exactly(10e3)),
    "silent": Pauses(hosts=X_HOSTS),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("effect", ["policed", "shaped", "loses-packets", "cut-at-16-kib"])
def test_what_the_way_did_is_not_said_of_slow_servers(effect: str, own: str, seed: int) -> None:
    """The restriction is lifted, X's own servers near here are slow, or say nothing, and from
    outside it is fine: what showed that the way did it is to be seen no more."""
    x = life("x", seed, vouched=True)
    said = x.lives(2.0, Restricted(whom=X, effects=(LASTING[effect](),)))
    assert said[-1].state is State.THROTTLED
    trouble = OWN[own]
    x.world.answers = (trouble,) if isinstance(trouble, Answers) else ()
    x.world.pauses = (trouble,) if isinstance(trouble, Pauses) else ()
    said = x.lives(5.0)
    assert not any(one.restricted for one in said if one.at > x.now - 2.0 * HOUR)
    assert said[-1].state is State.IMPAIRED
    assert not contradictions(x.said)


AT = Whom(hosts=hosts("youtube"))
SPARING = Whom(hosts=hosts("youtube"), but_names=LISTED)
NOT_ONE_NAME: dict[str, tuple[Restricted, ...]] = {
    "the name more than all at its addresses": (
        Restricted(whom=AT, effects=(slowly(300),)),
        Restricted(whom=YOUTUBE, effects=(slowly(60),)),
    ),
    "all names but those on a list": (Restricted(whom=SPARING, effects=(SLOWLY,)),),
}


@pytest.mark.parametrize("whom", NOT_ONE_NAME)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_swap_that_is_slow_by_now_accuses_whatever_triggered_it(seed: int, whom: str) -> None:
    """Lifted, and YouTube's own servers are slow under every name, nobody looking from outside."""
    youtube = life("youtube", seed, vouched=False)
    said = youtube.lives(3.0, *NOT_ONE_NAME[whom])
    assert said[-1].basis is Basis.SWAP
    youtube.world.answers = (Answers(hosts=hosts("youtube"), bits_per_second=exactly(80e3)),)
    said = youtube.lives(4.0)
    assert not any(one.restricted for one in said if one.at > youtube.now - 2.5 * HOUR)
    assert said[-1].state is State.IMPAIRED


@pytest.mark.parametrize("line", ["fibre", "mobile"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_name_that_is_slowed_beside_slow_servers_is_said(seed: int, line: str) -> None:
    """Its swap, which was as slow for hours, is well beside it from then on."""
    youtube = life("youtube", seed, vouched=False, line=line)
    youtube.world.answers = (Answers(hosts=hosts("youtube"), bits_per_second=exactly(600e3)),)
    said = youtube.lives(4.0)
    assert not any(one.restricted for one in said)
    said = youtube.lives(3.0, Restricted(whom=YOUTUBE, effects=(slowly(60),)))
    assert said[-1].state is State.THROTTLED
    assert said[-1].basis is Basis.SWAP


@pytest.mark.parametrize("line", ["fibre", "mobile"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_range_that_spares_famous_names_stays_said(seed: int, line: str) -> None:
    """The name of ordinary rounds is met in it, as the target is."""
    youtube = life("youtube", seed, vouched=False, line=line)
    said = youtube.lives(12.0, *NOT_ONE_NAME["all names but those on a list"])
    first = next(n for n, one in enumerate(said) if one.restricted)
    assert {one.state for one in said[first:]} == {State.THROTTLED}


@pytest.mark.parametrize("line", ["fibre", "mobile"])
@pytest.mark.parametrize("seed", range(1, 7))
def test_servers_near_here_that_crawl_accuse_nobody(seed: int, line: str) -> None:
    """They send some KiB, and then nothing for longer than anybody waits; their kernels answer."""
    x = life("x", seed, vouched=True, line=line)
    said = []
    for kbit in (10, 60, 8):
        x.world.answers = (Answers(hosts=X_HOSTS, bits_per_second=exactly(kbit * 1e3)),)
        said += x.lives(2.0)
    assert not any(one.restricted for one in said)
    assert said[-1].state is State.IMPAIRED


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_mild_and_becomes_hard_is_said(seed: int) -> None:
    """A mild policer leaves no mark, so it may be slow servers for all that a reference knows."""
    x = life("x", seed, vouched=True)
    mild = Policed(rate_bits_per_second=exactly(2e6), burst_bytes=exactly(9_000))
    x.lives(2.0, Restricted(whom=X, effects=(mild,)))
    said = x.lives(4.0, Restricted(whom=X, effects=(SLOWLY,)))
    assert said[-1].state is State.THROTTLED


LASTING: dict[str, Callable[[], Effect]] = {
    "policed": lambda: SLOWLY,
    "shaped": lambda: Shaped(rate_bits_per_second=exactly(150e3), queue_bytes=exactly(64_000)),
    "cut-at-16-kib": lambda: CutOff(after_bytes=exactly(16_384)),
    "loses-packets": lambda: Lossy(probability=exactly(0.2)),
    "hello-dropped": HelloDropped,
    "reset": Reset,
    "resolver-lies": lambda: DnsForged(lie=DnsLie.ADDRESS),
}


@pytest.mark.parametrize("line", ["fibre", "dsl", "mobile"])
@pytest.mark.parametrize("effect", LASTING)
@pytest.mark.parametrize("seed", SEEDS)
def test_what_goes_on_stays_said(seed: int, effect: str, line: str) -> None:
    x = life("x", seed, vouched=True, line=line)
    said = x.lives(12.0, Restricted(whom=X, effects=(LASTING[effect](),)))
    states = [one.state for one in said]
    first = next(n for n, one in enumerate(said) if one.restricted)
    assert {one for one in states[first:] if one is not said[first].state} <= {State.DEGRADED}


THROUGH: dict[str, Effect] = {"policed": SLOWLY, "reset": Reset(), "hello-dropped": HelloDropped()}


@pytest.mark.parametrize("line", ["fibre", "mobile"])
@pytest.mark.parametrize("effect", THROUGH)
def test_a_portal_now_and_then_takes_nothing_back(effect: str, line: str) -> None:
    """It answers in the place of controls, too: none of them fell silent with the platform."""
    x = life("x", 1, vouched=True, line=line)
    restricted = Restricted(whom=X, effects=(THROUGH[effect],))
    state = x.lives(2.0, restricted)[-1].state
    assert state in (State.THROTTLED, State.BLOCKED)
    begins = [x.now + (hour + 0.3) * HOUR for hour in range(4)]
    x.world.trouble(
        [
            Trouble(begin=at, end=at + 0.5 * HOUR, kind=Kind.PORTAL, whom="", value=1.0)
            for at in begins
        ]
    )
    said = x.lives(4.0, restricted)
    assert {one.state for one in said} == {state, State.OFFLINE}


@pytest.mark.parametrize("line", ["fibre", "mobile"])
@pytest.mark.parametrize("days", [1, 2])
def test_a_delay_on_all_packets_is_not_fine_after_a_day_and_leaves_nothing(
    days: int, line: str
) -> None:
    """What the way was is known from one day; and once the delay is over nothing is slow."""
    x = life("x", 1, vouched=False, line=line)
    x.lives(24.0 * days)
    later = Restricted(
        whom=Whom(hosts=X_HOSTS), effects=(Delayed(round_trip_seconds=exactly(0.4)),)
    )
    said = x.lives(30.0, later)
    assert {one.state for one in said if one.at > said[0].at + HOUR} == {State.UNKNOWN}
    said = x.lives(12.0)
    assert "slower_than_before" not in {one.reason for one in said if one.at > x.now - 11.0 * HOUR}
    assert said[-1].state is State.OK
