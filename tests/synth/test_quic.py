"""QUIC in the world of numbers: what is done over one transport is said of that one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.config.definition import Definition
from probe.config.schema import Config
from probe.model.basis import Basis
from probe.model.burst import Burst, PlannedBurst
from probe.model.identity import Compares
from probe.model.law import Experiment, Trial, Unit
from probe.model.verdict import Method, State, TransportFinding, Trigger, Verdict
from probe.observe.tried_read import tried
from scenarios.model import (
    EVERY,
    CutOff,
    Leaky,
    Over,
    QuicDropped,
    Restricted,
    Shaped,
    Silent,
    Whom,
    exactly,
)
from synth.drive import Daemon
from synth.edges import EdgeModel
from synth.effects import Effect, How, names_of, restriction
from synth.lines import FIBRE
from synth.rounds import Rounds
from synth.world import World

BEGIN = 1_700_000_000.0
HOUR = 3_600.0
CALM = 6 * HOUR
CONTROLS = "control-jquery,control-cdnjs,control-wordpress,control-kernel,control-debian"


def configured(*, quic: bool = True) -> Config:
    """Two platforms of the shipped configuration; three of its controls speak QUIC."""
    environment = {"THROTTLEWATCH_CONTROLS": CONTROLS, "THROTTLEWATCH_QUIC": str(quic).lower()}
    whole = load(None, environment)
    kept = tuple(p for p in whole.platforms if p.name in ("facebook", "youtube"))
    settings = replace(whole.settings, platforms=tuple(p.name for p in kept))
    return replace(whole, settings=settings, platforms=kept)


class Life:
    """One daemon for some hours."""

    def __init__(self, seed: int = 1, *, quic: bool = True) -> None:
        self.config = configured(quic=quic)
        self.world = World(
            self.config, FIBRE, seed=seed, edges=EdgeModel(), begin=BEGIN, least_addresses=2
        )
        self._daemon = Daemon(self.config, self.world, begin=BEGIN)
        self.said: dict[str, list[Verdict]] = {"facebook": [], "youtube": []}
        self.legs = self.bursts = 0

    def run(self, seconds: float) -> None:
        for one in self._daemon.run(self._daemon.now + seconds):
            self.said[one.verdict.platform].append(one.verdict)
            self.legs += len(one.observed.beside)
            burst = one.observed.burst
            self.bursts += burst is not None and burst.over == "quic"

    def forget(self) -> None:
        for some in self.said.values():
            some.clear()

    def over_quic(self, platform: str) -> TransportFinding:
        """What was found last."""
        return next(v.over[0] for v in reversed(self.said[platform]) if v.over)

    def facebook(self, over: Over) -> Whom:
        return Whom(names=names_of(self.platform("facebook")), over=over)

    def platform(self, name: str) -> Definition:
        """Its definition."""
        return next(one for one in self.config.platforms if one.name == name)


def states(verdicts: list[Verdict]) -> set[State]:
    return {verdict.state for verdict in verdicts}


def found(verdicts: list[Verdict]) -> set[State]:
    return {one.state for verdict in verdicts for one in verdict.over}


@pytest.fixture(scope="module")
def calm() -> Life:
    life = Life()
    life.run(CALM)
    return life


def test_calm_hours_are_calm_over_both(calm: Life) -> None:
    assert calm.legs > 100
    for verdicts in calm.said.values():
        assert found(verdicts) <= {State.OK, State.UNKNOWN}
        later = [one for verdict in verdicts[len(verdicts) // 2 :] for one in verdict.over]
        # One slow read is put under test, and nothing comes of it: that is over within rounds.
        assert all(one.provisional for one in later if one.state is not State.OK)
        assert sum(one.state is State.OK for one in later) > 0.8 * len(later)
        assert later[-1].state is State.OK
    assert calm.over_quic("facebook").state is State.OK


def test_without_quic_no_leg_is_made_over_it() -> None:
    life = Life(quic=False)
    life.run(HOUR)
    assert life.legs == 0
    assert not any(v.over for some in life.said.values() for v in some)


def restricted(
    what: list[Restricted], *, hours: float = 3.0, seed: int = 1, calm: float = CALM
) -> Life:
    life = Life(seed)
    life.run(calm)
    life.forget()
    life.world.restrict(what)
    life.run(hours * HOUR)
    return life


def test_a_name_that_is_dropped_over_quic() -> None:
    whom = Life().facebook(Over.QUIC)
    life = restricted([Restricted(whom=whom, effects=(QuicDropped(),))])
    one = life.over_quic("facebook")
    assert (one.state, one.method, one.trigger) == (State.BLOCKED, Method.QUIC, Trigger.NAME)
    assert states(life.said["facebook"]) <= {State.OK, State.UNKNOWN}
    assert found(life.said["youtube"]) <= {State.OK, State.UNKNOWN}
    assert "fall back to TCP" in life.said["facebook"][-1].sentence


def test_a_name_that_is_dropped_on_half_of_the_connections() -> None:
    """A suspicion ends with each connection that leaks, so it is by the share of the rounds that
    it is proven, and after a day that taught how large that is."""
    whom = Whom(names=names_of(Life().platform("youtube")), over=Over.QUIC)
    leaky = Leaky(share=exactly(0.5))
    life = restricted([Restricted(whom=whom, effects=(leaky,))], hours=6.0, calm=24 * HOUR)
    one = life.over_quic("youtube")
    assert (one.state, one.basis) == (State.IMPAIRED, Basis.SHARE)
    assert "its handshakes failed in" in one.sentence
    assert states(life.said["youtube"]) <= {State.OK, State.UNKNOWN}
    assert found(life.said["facebook"]) <= {State.OK, State.UNKNOWN}


def test_all_of_quic_that_is_dropped_is_nobodys_block() -> None:
    life = restricted([Restricted(whom=Whom(hosts=(EVERY,), over=Over.QUIC), effects=(Silent(),))])
    for platform in ("facebook", "youtube"):
        one = life.over_quic(platform)
        assert (one.state, one.reason) == (State.OFFLINE, "silent_for_all")
        assert states(life.said[platform]) <= {State.OK, State.UNKNOWN}
        assert "QUIC" not in life.said[platform][-1].sentence
        assert found(life.said[platform]) <= {State.OK, State.OFFLINE, State.UNKNOWN}


def test_a_flow_that_is_forgotten_after_a_while_is_over_by_then() -> None:
    forgets = CutOff(after_seconds=exactly(30.0))
    life = restricted([Restricted(whom=Whom(hosts=(EVERY,), over=Over.QUIC), effects=(forgets,))])
    for platform in ("facebook", "youtube"):
        assert found(life.said[platform]) <= {State.OK, State.UNKNOWN}
        assert life.over_quic(platform).state is State.OK


# Tenths of a second on every handshake: many times what a near platform's normally takes, and not
# twice a far control's. Of each rate, worlds in which that was called impaired or throttled.
@pytest.mark.parametrize(
    ("rate", "seed"),
    [(200_000, 1), (200_000, 22), (400_000, 1), (400_000, 29), (400_000, 40), (800_000, 22)],
)
def test_all_of_quic_that_is_slowed_accuses_nobody(rate: int, seed: int) -> None:
    slow = Shaped(rate_bits_per_second=exactly(rate), queue_bytes=exactly(60_000))
    whom = Whom(hosts=(EVERY,), over=Over.QUIC)
    life = restricted([Restricted(whom=whom, effects=(slow,))], hours=6.0, seed=seed)
    for platform in ("facebook", "youtube"):
        assert found(life.said[platform]) <= {State.OK, State.DEGRADED, State.UNKNOWN}
        assert states(life.said[platform]) <= {State.OK, State.UNKNOWN}


def test_slowed_over_tcp_and_spared_over_quic() -> None:
    life = Life()
    life.run(CALM)
    life.forget()
    effect = Effect(factor=20.0, by_name=True, how=How.POLICER)
    slow = restriction(life.config, "facebook", effect, FIBRE, life.world.distance("facebook"))
    life.world.restrict([replace(slow, whom=replace(slow.whom, over=Over.TCP))])
    life.run(3 * HOUR)
    assert State.IMPAIRED in states(life.said["facebook"])
    assert found(life.said["facebook"]) == {State.OK}
    assert any("spared" in verdict.sentence for verdict in life.said["facebook"])


def test_each_transport_at_its_own_rate() -> None:
    """Russia, 2024: 128 kbit/s over TCP, 512 over QUIC."""
    life = Life()
    both = [
        Restricted(
            whom=life.facebook(over),
            effects=(Shaped(rate_bits_per_second=exactly(rate), queue_bytes=exactly(60_000)),),
        )
        for over, rate in ((Over.TCP, 128_000), (Over.QUIC, 512_000))
    ]
    life = restricted(both, hours=4.0)
    proven = {State.THROTTLED, State.IMPAIRED}
    assert states(life.said["facebook"]) & proven
    assert found(life.said["facebook"]) & proven
    assert State.BLOCKED not in states(life.said["facebook"]) | found(life.said["facebook"])
    assert states(life.said["youtube"]) <= {State.OK, State.UNKNOWN}
    assert found(life.said["youtube"]) <= {State.OK, State.UNKNOWN}
    assert "meet what is said of it here" in life.said["facebook"][-1].sentence


def test_an_experiment_over_quic_is_made_over_quic() -> None:
    """As the real one is: its legs are beside those over TCP, and met by what acts on QUIC."""
    config = configured()
    asked = Experiment(trial=Trial.PAIR, read_bytes=131_072, reads=2, at_once=True)
    rounds = Rounds(config, World(config, FIBRE, seed=3, edges=EdgeModel(), begin=BEGIN))
    for over in ("", "quic"):
        burst = Burst(
            target="object",
            compares=Compares.GOODPUT,
            read_bytes=asked.read_bytes,
            each=asked.reads,
            over=over,
            experiment=asked,
        )
        observed, _ = rounds.experiment(PlannedBurst("facebook", burst), BEGIN)
        made, none = (observed.beside, observed.legs) if over else (observed.legs, observed.beside)
        assert none == ()
        assert [leg.leg.prober for leg in made] == [over or "tcp"] * asked.reads
        reads = [tried(leg, asked, place=i, began=BEGIN) for i, leg in enumerate(made)]
        assert all(one is not None and one.of(Unit.PACKETS_DOWN) for one in reads)
