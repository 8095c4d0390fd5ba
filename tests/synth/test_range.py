"""Ranges of addresses that are met but for a list of names: Russia, 2025 (net4people/bbs#490,
#662). The shipped configuration, whole."""

from __future__ import annotations

import pytest

from probe.config import load
from probe.config.neutral import OBSCURE, neutral_names
from probe.model.identity import LegRole, RoundKind
from probe.model.verdict import RESTRICTED, Trigger
from probe.publish.languages.tongue import Tongue
from scenarios.model import Effect, HelloDropped, Policed, Reset, Restricted, Whom, exactly
from synth.contradictions import contradictions
from synth.drive import Daemon, Said
from synth.edges import CALM
from synth.effects import hosts_of
from synth.lines import FIBRE
from synth.troubles import Kind, Trouble
from synth.world import World
from tests.synth.test_turned import SLOWLY, YOUTUBE, life

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
SLOW: Effect = Policed(rate_bits_per_second=exactly(100_000), burst_bytes=exactly(20_000))
LISTED = (*neutral_names(CONFIG.controls), "www.google.com")


def played(name: str, effect: Effect, *, but: tuple[str, ...]) -> list[Said]:
    """Six hours of calm, and two in which the platform's addresses are met."""
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=(name,))
    calm = list(daemon.run(BEGIN + 6 * HOUR))
    platform = next(one for one in CONFIG.platforms if one.name == name)
    whom = Whom(hosts=hosts_of(platform), but_names=but)
    world.restrict([Restricted(whom=whom, effects=(effect,))])
    said = list(daemon.run(BEGIN + 8 * HOUR))
    quiet = [leg for one in calm if one.observed.burst is None for leg in one.observed.legs]
    assert not any(leg.leg.fame for leg in quiet)
    return said


@pytest.mark.parametrize(
    ("name", "effect"), [("youtube", SLOW), ("x", HelloDropped()), ("facebook", Reset())]
)
def test_it_is_called_a_range_and_never_the_name(name: str, effect: Effect) -> None:
    said = played(name, effect, but=LISTED)
    triggers = {one.verdict.trigger for one in said if one.verdict.state in RESTRICTED}
    assert triggers == {Trigger.RANGE}
    last = said[-1].verdict
    assert "obscure" in last.sentence
    assert any("and not under" in claim for claim in last.may_claim)
    for text in (last.sentence, *last.may_claim):
        assert Tongue("ur").plain(text) != text  # read wholly, or it stays as it is
    obscure = {
        leg.leg.sni
        for one in said
        if one.observed.kind is RoundKind.BURST
        for leg in one.observed.by_role(LegRole.SWAP)
        if leg.failure is not None
    }
    assert obscure <= {*OBSCURE, "mirror.gcr.io"}


def test_without_a_list_it_is_neither() -> None:
    said = played("x", HelloDropped(), but=())
    assert not any(one.verdict.state in RESTRICTED for one in said)


def test_it_stays_a_range_for_as_long_as_it_is_one() -> None:
    world = World(CONFIG, FIBRE, seed=2, edges=CALM, begin=BEGIN)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("youtube",))
    daemon.run(BEGIN + 6 * HOUR)
    platform = next(one for one in CONFIG.platforms if one.name == "youtube")
    whom = Whom(hosts=hosts_of(platform), but_names=LISTED)
    world.restrict([Restricted(whom=whom, effects=(SLOW,))])
    said = [one.verdict for one in daemon.run(BEGIN + 16 * HOUR)]
    assert {one.trigger for one in said if one.restricted} == {Trigger.RANGE}
    assert said[-1].restricted


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_name_that_looked_like_a_range_on_a_slow_line_is_a_name_in_the_end(seed: int) -> None:
    """The month's volume is used up, so the bursts' obscure names are slow by chance as well."""
    one = life("youtube", seed, vouched=False, line="mobile")
    quota = Trouble(begin=one.now, end=one.now + 4 * HOUR, kind=Kind.CAP, value=10.0)
    one.world.trouble([quota])
    one.lives(1.0)
    said = one.lives(6.0, Restricted(whom=YOUTUBE, effects=(SLOWLY,)))
    assert said[-1].restricted
    late = [verdict for verdict in said if verdict.at > one.now - 2 * HOUR]
    assert {verdict.trigger for verdict in late} == {Trigger.NAME}
    assert not contradictions(one.said)
