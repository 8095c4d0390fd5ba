"""The world of numbers shows what the real one does: phases, failures, counters, budgets."""

from __future__ import annotations

from collections import Counter
from statistics import median

import pytest

from probe.config import load
from probe.model.identity import EVERY_LEG, Answer, Compares, LegRole, Phase, RoundKind
from probe.model.observation import LegObservation, RoundObservation
from probe.observe.goodput import goodput
from probe.schedule.host_budget import BURST, LEGS_PER_HOUR
from scenarios.model import (
    CutOff,
    DnsForged,
    DnsLie,
    Effect,
    HelloDropped,
    Impersonated,
    Impostor,
    Policed,
    Reset,
    Restricted,
    Silent,
    SynDropped,
    Whom,
    exactly,
)
from synth.drive import Daemon
from synth.edges import CALM, EdgeModel
from synth.lines import FIBRE, MOBILE
from synth.rounds import Rounds
from synth.troubles import FREQUENCIES, HOME, SITES, Kind, Trouble
from synth.world import World

CONFIG = load(None, {})
HANDSHAKE = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
BEGIN = 1_699_920_000.0
DAY = 86_400.0
NAMES = Whom(names=(".googlevideo.com",))
ADDRESS = Whom(hosts=("google.com",))


def a_round(
    *restrictions: Restricted,
    platform: str = "youtube",
    kind: RoundKind = RoundKind.TRANSFER,
    seed: int = 5,
) -> RoundObservation:
    world = World(CONFIG, FIBRE, seed=seed, edges=CALM, begin=BEGIN)
    world.restrict(restrictions)
    return Rounds(CONFIG, world).measure(platform, kind, BEGIN)[0]


def the(observed: RoundObservation, role: LegRole, target: str = "video") -> LegObservation:
    return next(o for o in observed.by_role(role) if o.leg.target == target)


def test_a_calm_round_has_every_leg_that_is_declared_and_each_is_well() -> None:
    observed = a_round()
    roles = Counter(leg.leg.role for leg in observed.legs)
    assert roles == {LegRole.TARGET: 5, LegRole.SWAP: 2, LegRole.CONTROL: 2}
    declared = {
        target.name for p in CONFIG.platforms if p.name == "youtube" for target in p.targets
    }
    assert {leg.leg.target for leg in observed.by_role(LegRole.TARGET)} == declared
    assert [leg.failure for leg in observed.legs if not leg.ok] == []
    assert [leg.order for leg in observed.legs] == list(range(len(observed.legs)))
    for leg in observed.legs:
        any_answer = leg.leg.answer is Answer.ANY
        assert set(leg.phases) == (set(HANDSHAKE) if any_answer else set(EVERY_LEG))
        assert leg.duration_seconds == pytest.approx(
            sum(s for phase, s in leg.phases.items() if phase is not Phase.RESOLVE),
            abs=1e-6,
        )
        if leg.leg.compares is Compares.GOODPUT:
            assert leg.body_bytes == 65_536
            assert leg.curve[-1].bytes >= 65_536
            assert goodput(leg)
    operators = [leg.leg.operator for leg in observed.by_role(LegRole.CONTROL)]
    assert len(set(operators)) == len(operators)


@pytest.mark.parametrize(
    ("whom", "effect", "phase", "reason"),
    [
        (ADDRESS, SynDropped(), Phase.CONNECT, "generic_timeout_error"),
        (ADDRESS, Reset(), Phase.CONNECT, "connection_refused"),
        (NAMES, Reset(), Phase.TLS, "connection_reset"),
        (NAMES, HelloDropped(), Phase.TLS, "generic_timeout_error"),
        (NAMES, Silent(), Phase.TLS, "generic_timeout_error"),
        (NAMES, CutOff(after_bytes=exactly(18_000)), Phase.TRANSFER, "generic_timeout_error"),
    ],
)
def test_what_is_done_to_a_name_or_address_shows_where_it_should(
    whom: Whom, effect: Effect, phase: Phase, reason: str
) -> None:
    observed = a_round(Restricted(whom=whom, effects=(effect,)))
    target, swap = the(observed, LegRole.TARGET), the(observed, LegRole.SWAP)
    assert target.failure is not None
    assert (target.failure.phase, target.failure.reason) == (phase, reason)
    assert swap.ok == (whom is NAMES)
    assert all(control.ok for control in observed.by_role(LegRole.CONTROL))
    if phase is Phase.TRANSFER:
        assert target.body_bytes
        assert 10_000 < target.body_bytes < 18_000


@pytest.mark.parametrize(
    ("shows", "reason"),
    [
        (Impostor.OTHER_NAME, "ssl_invalid_hostname"),
        (Impostor.UNTRUSTED, "ssl_unknown_authority"),
    ],
)
def test_a_false_server_shows_by_its_certificate(shows: Impostor, reason: str) -> None:
    whom = Whom(hosts=("www.youtube.com",))
    observed = a_round(Restricted(whom=whom, effects=(Impersonated(shows=shows),)))
    page = the(observed, LegRole.TARGET, "page")
    assert page.failure is not None
    assert (page.failure.phase, page.failure.reason) == (Phase.TLS, reason)


def test_a_policed_name_is_slow_and_its_swap_is_not() -> None:
    effect = Policed(rate_bits_per_second=exactly(128_000), burst_bytes=exactly(6_000))
    rates = []
    for seed in range(1, 10):  # the pace of each leg's server is drawn
        observed = a_round(Restricted(whom=NAMES, effects=(effect,)), seed=seed)
        target, swap = the(observed, LegRole.TARGET), the(observed, LegRole.SWAP)
        mine, its = goodput(target), goodput(swap)
        assert mine
        assert its
        assert 8_000 < mine < its / 50
        assert target.tcp is not None
        assert target.tcp.out_of_order
        rates.append(mine)
    assert 16_000 * 0.8 < median(rates) < 16_000 * 1.2


def test_a_lasting_name_condemns_its_address() -> None:
    effect = Policed(rate_bits_per_second=exactly(128_000), burst_bytes=exactly(6_000))
    world = World(CONFIG, FIBRE, seed=5, edges=CALM, begin=BEGIN)
    world.zone["google.com"] = world.zone["google.com"][:1]
    world.restrict([Restricted(whom=Whom(names=NAMES.names, lasting=True), effects=(effect,))])
    rounds = Rounds(CONFIG, world)
    rounds.measure("youtube", RoundKind.TRANSFER, BEGIN)
    later, _ = rounds.measure("youtube", RoundKind.TRANSFER, BEGIN + 900)
    mine = goodput(the(later, LegRole.SWAP))
    assert mine is not None
    assert mine < 20_000
    assert "youtube" in the(later, LegRole.SWAP).seen_names


@pytest.mark.parametrize("lie", list(DnsLie))
def test_lies_of_resolvers(lie: DnsLie) -> None:
    whom = Whom(names=("www.youtube.com",))
    observed = a_round(Restricted(whom=whom, effects=(DnsForged(lie=lie),)))
    page = the(observed, LegRole.TARGET, "page")
    assert page.failure is not None
    assert page.failure.phase in (Phase.RESOLVE, Phase.TLS)
    about = [asked for asked in observed.dns if asked.name == "www.youtube.com"]
    assert any(asked.conflicting for asked in about) == (lie is DnsLie.BESIDE)
    secure = [asked for asked in about if asked.transport == "https"]
    assert [asked.failure for asked in secure] == [None]


def test_hosts_are_not_asked_more_often_than_their_budget_allows() -> None:
    world = World(CONFIG, MOBILE, seed=3, edges=EdgeModel(), begin=BEGIN)
    daemon = Daemon(CONFIG, world, begin=BEGIN)
    asked: Counter[str] = Counter()
    for said in daemon.run(BEGIN + DAY / 4):
        asked.update(leg.leg.connect_to for leg in said.observed.legs)
    assert max(asked.values()) <= 6 * LEGS_PER_HOUR + BURST
    assert {said.observed.kind for said in daemon.run(BEGIN + DAY)} >= {
        RoundKind.LIGHT,
        RoundKind.TRANSFER,
    }


def test_the_same_seed_gives_the_same_world() -> None:
    def rounds(seed: int) -> list[RoundObservation]:
        world = World(CONFIG, MOBILE, seed=seed, edges=EdgeModel(), begin=BEGIN)
        world.trouble(world.draw_troubles(begin=BEGIN, seconds=DAY))
        daemon = Daemon(CONFIG, world, begin=BEGIN)
        return [said.observed for said in daemon.run(BEGIN + DAY / 24)]

    assert rounds(1) == rounds(1)
    assert rounds(1) != rounds(2)


def test_every_kind_of_trouble_comes_in_a_year() -> None:
    world = World(CONFIG, FIBRE, seed=1, edges=EdgeModel(), begin=BEGIN)
    assert {*FREQUENCIES, *SITES, *HOME} == set(Kind)
    years = {**HOME, **SITES, **FREQUENCIES}
    drawn = world.draw_troubles(begin=BEGIN, seconds=10 * 365 * DAY, frequencies=years)
    assert {trouble.kind for trouble in drawn} == set(Kind)
    troubles = world.draw_troubles(begin=BEGIN, seconds=365 * DAY)
    assert {trouble.kind for trouble in troubles} <= set(FREQUENCIES)
    slow = [t for t in troubles if t.kind is Kind.EDGE_SLOW]
    assert min(t.end - t.begin for t in slow) < 600
    assert max(t.end - t.begin for t in slow) > 4 * 3_600


def test_a_name_has_as_many_addresses_as_are_drawn_for_it() -> None:
    world = World(CONFIG, FIBRE, seed=4, edges=EdgeModel(), begin=BEGIN, addresses=(1, 2, 4))
    counts = {len(addresses) for addresses in world.zone.values()}
    assert counts == {1, 2, 4}
    every = [a for addresses in world.zone.values() for a in addresses]
    assert len(every) == len(set(every))


@pytest.mark.parametrize(
    ("kind", "whom", "value"),
    [
        (Kind.SITE_SLOW, "google", 10.0),
        (Kind.WIFI, "", 0.3),
        (Kind.CAP, "", 100.0),
        (Kind.TUNNEL, "", 0.2),
        (Kind.PORTS, "", 0.6),
        (Kind.BIG_PACKETS, "", 1.0),
        (Kind.FILTER, "youtube", 1.0),
        (Kind.LOOKUP, "youtube", 1.0),
        (Kind.CLOCK_BEHIND, "", 1.0),
        (Kind.INSPECTION, "", 1.0),
        (Kind.HANDOVER, "", 1.0),
    ],
)
def test_each_trouble_of_a_household_or_a_site_shows(kind: Kind, whom: str, value: float) -> None:
    def rounds(troubles: tuple[Trouble, ...]) -> list[RoundObservation]:
        world = World(CONFIG, FIBRE, seed=5, edges=CALM, begin=BEGIN)
        world.trouble(troubles)
        measured = Rounds(CONFIG, world)
        return [
            measured.measure("youtube", RoundKind.TRANSFER, BEGIN + 900.0 * n)[0] for n in range(4)
        ]

    def seconds(observed: list[RoundObservation]) -> float:
        return sum(leg.duration_seconds for one in observed for leg in one.legs)

    held = (Trouble(begin=BEGIN, end=BEGIN + DAY, kind=kind, whom=whom, value=value),)
    calm, troubled = rounds(()), rounds(held)
    failed = [leg for one in troubled for leg in one.legs if not leg.ok]
    assert all(leg.ok for one in calm for leg in one.legs)
    assert failed or seconds(troubled) > 1.2 * seconds(calm)
    if whom == "youtube":
        assert {leg.leg.owner for leg in failed} == {"youtube"}
