"""A neutral name that the server need not know, at the platform's address: what it proves."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.model.basis import Basis
from probe.model.failure import Failure
from probe.model.identity import Answer, Compares, LegRole, Phase, RoundKind
from probe.model.observation import LegObservation, TlsFacts
from probe.model.verdict import State
from probe.observe.effort import ONLY_SMALL, Measure, how_it_failed, turned_away
from probe.verdict.burst.score import score
from probe.verdict.one_round.contrast import says_something
from probe.verdict.one_round.readings import read
from probe.verdict.thresholds import DEFAULT
from scenarios.model import ACCUSING, Effect, HelloDropped, Reset, Restricted, Silent, Whom
from synth.drive import Daemon
from synth.edges import CALM
from synth.effects import names_of
from synth.lines import FIBRE
from synth.mistakes import fine_outside
from synth.rounds import Rounds
from synth.troubles import Kind, Trouble
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
FACEBOOK = next(p for p in CONFIG.platforms if p.name == "facebook")


def legs(*restrictions: Restricted, seed: int = 1) -> tuple[LegObservation, ...]:
    world = World(CONFIG, FIBRE, seed=seed, edges=CALM, begin=BEGIN)
    world.restrict(restrictions)
    return Rounds(CONFIG, world).measure("facebook", RoundKind.TRANSFER, BEGIN)[0].legs


@pytest.mark.parametrize("seed", range(6))
def test_a_round_that_reads_has_one_and_it_comes_before_its_target(seed: int) -> None:
    made = legs(seed=seed)
    swaps = [leg for leg in made if leg.leg.role is LegRole.SWAP]
    assert [leg.leg.answer for leg in swaps] == [Answer.ANY]
    (target,) = (
        leg
        for leg in made
        if leg.leg.role is LegRole.TARGET and leg.leg.target == swaps[0].leg.target
    )
    assert swaps[0].order < target.order
    assert swaps[0].address == target.address


def test_its_name_is_drawn_and_never_the_platforms() -> None:
    said = {
        leg.leg.sni for seed in range(30) for leg in legs(seed=seed) if leg.leg.answer is Answer.ANY
    }
    assert len(said) > 3
    assert not said & set(names_of(FACEBOOK))


@pytest.mark.parametrize("effect", [Reset(), HelloDropped(), Silent()])
def test_a_name_that_is_blocked_is_told_without_anybody_outside(effect: Effect) -> None:
    world = World(CONFIG, FIBRE, seed=3, edges=CALM, begin=BEGIN)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("facebook",))
    for _ in daemon.run(BEGIN + 2 * HOUR):
        pass
    world.restrict((Restricted(whom=Whom(names=names_of(FACEBOOK)), effects=(effect,)),))
    said = [one.verdict for one in daemon.run(BEGIN + 2.75 * HOUR)]
    assert said[-1].rule_id == "blocked.tls"
    proven = daemon.memory.platform("facebook").proven
    assert proven is not None
    assert proven.basis is Basis.SWAP
    assert proven.rounds >= 2
    claims = said[-1].may_claim
    assert "The same server answered handshakes under neutral names meanwhile." in claims


def failing(leg: LegObservation, reason: str, tls: TlsFacts | None) -> LegObservation:
    failure = Failure(phase=Phase.TLS, reason=reason)
    return replace(leg, failure=failure, tls=tls, tcp=None, http=None, body_bytes=None, curve=())


@pytest.mark.parametrize(
    ("reason", "tls", "proves"),
    [
        ("connection_reset", TlsFacts(), True),
        ("generic_timeout_error", TlsFacts(), True),
        ("eof_error", TlsFacts(), True),
        ("ssl_failed_handshake", TlsFacts(alert="internal_error"), False),
        ("ssl_failed_handshake", TlsFacts(alert="unrecognized_name"), False),
        ("ssl_invalid_hostname", TlsFacts(verify_error="hostname mismatch"), False),
        ("ssl_invalid_certificate", TlsFacts(verify_error="certificate has expired"), False),
    ],
)
def test_a_server_that_turns_its_own_name_away_is_not_excused_by_its_answer_to_another(
    reason: str, tls: TlsFacts, proves: bool
) -> None:
    made = legs()
    swap = next(leg for leg in made if leg.leg.answer is Answer.ANY)
    target = next(
        leg for leg in made if leg.leg.role is LegRole.TARGET and leg.leg.target == swap.leg.target
    )
    broken = failing(target, reason, tls)
    assert turned_away(broken) is not proves
    assert says_something(broken, [swap]) is proves

    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN)
    observed = Rounds(CONFIG, world).measure("facebook", RoundKind.TRANSFER, BEGIN)[0]
    controls = observed.by_role(LegRole.CONTROL)[:1] * 3
    burst = replace(observed, legs=(*controls, *[broken] * 3, *[swap] * 3))
    found = score(burst, Measure.HANDSHAKE, levels={}, thresholds=DEFAULT)
    assert found.swap_wins == (9 if proves else 0)
    # Nor by a whole answer: one name may be set up wrongly beside others that are not.
    content = replace(swap, leg=replace(swap.leg, answer=Answer.EXPECTED))
    whole = replace(burst, legs=(*controls, *[broken] * 3, *[content] * 3))
    assert score(whole, Measure.HANDSHAKE, levels={}, thresholds=DEFAULT).swap_wins == (
        9 if proves else 0
    )
    assert read(burst, {}).legs[-1].level(Measure.HANDSHAKE) is None
    assert swap.leg.compares is Compares.HANDSHAKE


@pytest.mark.parametrize(
    ("late", "came", "proves"),
    [
        # (segments that came, though none before them did; bytes that came to the swap)
        (1, 7, False),  # an alert, on a way that takes no large packets
        (1, 1_200, False),
        (1, 4_200, True),  # large ones do come under another name
        (0, 7, True),  # nothing came at all: the hello was dropped, or all that follows it
        (None, 7, True),  # the kernel does not say
    ],
)
def test_a_small_answer_tells_nothing_of_a_name_whose_large_packets_do_not_arrive(
    late: int | None, came: int, proves: bool
) -> None:
    made = legs()
    swap = next(leg for leg in made if leg.leg.answer is Answer.ANY)
    target = next(
        leg for leg in made if leg.leg.role is LegRole.TARGET and leg.leg.target == swap.leg.target
    )
    assert swap.tcp is not None
    assert target.tcp is not None
    answered = replace(swap, tcp=replace(swap.tcp, bytes_received=came))
    silent = replace(
        failing(target, "generic_timeout_error", None),
        tcp=replace(target.tcp, bytes_received=0, out_of_order=late, retransmits=0),
    )
    assert (how_it_failed(silent) == ONLY_SMALL) is bool(late)
    assert says_something(silent, [answered]) is proves


@pytest.mark.parametrize("vouched", [False, True])
def test_a_way_that_takes_no_large_packets_accuses_nobody(*, vouched: bool) -> None:
    """Nor where somebody outside finds the platform fine, nor beside one that is blocked."""
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN, least_addresses=2)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("facebook", "x"))
    list(daemon.run(BEGIN + 2 * HOUR))
    began, ends = daemon.now, daemon.now + 2 * HOUR
    world.trouble([Trouble(begin=began, end=ends, kind=Kind.BIG_PACKETS, whom="meta")])
    x = next(p for p in CONFIG.platforms if p.name == "x")
    world.restrict([Restricted(whom=Whom(names=names_of(x)), effects=(HelloDropped(),))])
    said = []
    while daemon.now < ends:
        if vouched:
            daemon.references = {"facebook": (fine_outside("facebook", daemon.now),)}
        said += [one.verdict for one in daemon.run(daemon.now + 900.0)]
    mine = [one for one in said if one.platform == "facebook"]
    assert not {one.state for one in mine} & set(ACCUSING)
    assert mine[-1].state is State.IMPAIRED
    assert "its large ones do not" in mine[-1].sentence
    assert State.BLOCKED in {one.state for one in said if one.platform == "x"}
