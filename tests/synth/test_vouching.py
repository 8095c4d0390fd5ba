"""A reference that one page turns away still tells that all else of a platform is fine there."""

from __future__ import annotations

from probe.config import load
from probe.config.candidates import candidates_of, mark_of
from probe.model.basis import Basis
from probe.model.verdict import RESTRICTED
from probe.publish.languages.tongue import Tongue
from synth.edges import CALM
from synth.lines import FIBRE
from synth.outside import Watched
from synth.rot import Rot
from synth.slowing import Mechanism, done
from synth.world import World

BEGIN = 1_699_920_000.0
HOUR = 3_600.0


def test_throttling_is_said_though_a_page_turns_the_reference_away() -> None:
    config = load(None, {})
    x = next(one for one in config.platforms if one.name == "x")
    page = next(one for one in x.targets if one.name == "page")
    inside, outside = (
        World(config, FIBRE, seed=seed, edges=CALM, begin=BEGIN) for seed in (1, 101)
    )
    # A redirect elsewhere, as to a login.
    outside.rotten = {mark_of(one): Rot.REDIRECT_ELSEWHERE for one in candidates_of(page)}
    watched = Watched(config, inside, begin=BEGIN, abroad=[outside], only=("x",))
    calm = [said.verdict for said in watched.run(BEGIN + 12 * HOUR)]
    slowed = done(
        config, "x", Mechanism.LOSS, 8.0, FIBRE, inside.distance("x"), by_name=False
    ).restricted
    inside.restrict([slowed])
    said = [one.verdict for one in watched.run(BEGIN + 20 * HOUR)]
    assert not any(one.state in RESTRICTED for one in calm)
    accused = [one for one in said if one.state in RESTRICTED]
    assert accused
    for text in (accused[-1].sentence, *accused[-1].may_claim):
        assert Tongue("ur").plain(text) != text  # read wholly, or it stays as it is
    assert {(one.basis, one.target) for one in accused} == {(Basis.REFERENCE, "object")}
