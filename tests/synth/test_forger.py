"""A censor that answers anything it likes, under certificates that are wrong: it stops nobody from
measuring, chooses nothing of what is measured, and makes nothing look fine, down or refused."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config import load
from probe.config.candidates import mark_of
from probe.config.schema import Config
from probe.measure.objects.objects import KnownObject, object_now
from probe.model.identity import Answer, LegRole
from probe.model.observation import HttpFacts, TlsFacts
from probe.model.verdict import State, TransportFinding, Verdict
from scenarios.model import PROVEN, Effect, HelloDropped, Policed, Reset, Restricted, Whom, exactly
from synth.drive import Daemon
from synth.edges import CALM
from synth.exchange import OTHER_NAME, UNTRUSTED, ForgedAnswer
from synth.forger import Forger
from synth.lines import FIBRE
from synth.play import sent_to
from synth.troubles import Kind, Trouble
from synth.world import World

EVERY = {"THROTTLEWATCH_PLATFORMS": "x,youtube,facebook,instagram,whatsapp"}
CONTROLS = "control-jquery,control-cdnjs,control-wordpress,control-kernel,control-debian"


def beside() -> Config:
    """Over QUIC as well, and with bodies that are sent."""
    more = {"THROTTLEWATCH_CONTROLS": CONTROLS, "THROTTLEWATCH_QUIC": "true"}
    found = load(None, EVERY | more | {"THROTTLEWATCH_UPLOAD": "true"})
    platforms, controls = (tuple(map(sent_to, some)) for some in (found.platforms, found.controls))
    return replace(found, platforms=platforms, controls=controls)


CONFIG, BESIDE = load(None, EVERY), beside()
SLOW = Policed(rate_bits_per_second=exactly(100_000), burst_bytes=exactly(20_000))
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
# A case is hours of a daemon's life: there is no time to look for the smallest that fails.
FEW = settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
FORGED_SECONDS = 1.25 * HOUR
NAMES = {
    "x": ("*.x.com", "x.com", "*.twimg.com", "*.twitter.com"),
    "youtube": ("*.googlevideo.com", "*.youtube.com", "*.ytimg.com"),
    "facebook": ("*.facebook.com", "*.fbcdn.net", "*.facebook.net"),
    "instagram": ("*.instagram.com", "*.cdninstagram.com"),
    "whatsapp": ("*.whatsapp.net", "*.whatsapp.com"),
}
CERTIFICATES = [
    (OTHER_NAME, "ssl_invalid_hostname"),
    (UNTRUSTED, "ssl_unknown_authority"),
    (replace(UNTRUSTED, for_name=True), "ssl_unknown_authority"),
    (replace(UNTRUSTED, for_name=True, verify_error="self-signed"), "ssl_unknown_authority"),
    # With the timestamps of public logs that somebody has copied from the platform's own.
    (replace(UNTRUSTED, for_name=True, logged=True), "ssl_unknown_authority"),
    (replace(OTHER_NAME, verify_error="certificate has expired"), "ssl_invalid_certificate"),
    # An alert comes before anybody has shown who it is.
    (TlsFacts(alert="unrecognized_name"), "ssl_failed_handshake"),
    (TlsFacts(alert="handshake_failure"), "ssl_failed_handshake"),
]
STATUS = st.sampled_from([200, 204, 206, 301, 302, 304, 403, 404, 410, 429, 451, 500, 503, 599])
ANSWERS = st.builds(
    lambda shown, http, body: ForgedAnswer(
        tls=shown[0], reason=shown[1], http=http, body_bytes=body
    ),
    st.sampled_from(CERTIFICATES),
    st.builds(
        HttpFacts,
        version=st.sampled_from(["1.1", "2"]),
        status=STATUS | st.integers(200, 599),
        retry_after_seconds=st.sampled_from([None, 0.0, 120.0, 86_400.0, 1e12]),
        redirect_status=st.sampled_from([None, 302]),
        blocked_by=st.booleans(),
        is_page=st.booleans(),
        whole_bytes=st.sampled_from([None, 0, 100, 10**9]),
    ),
    st.sampled_from([0, 100, 2_000, 65_536, 600_000]),
)


Forging = tuple[list[ForgedAnswer], bool, int]
"""What is answered, whether swaps meet it as well, and a seed."""
FORGING = st.tuples(st.lists(ANSWERS, min_size=1, max_size=4), st.booleans(), st.integers(0, 2**16))


def born(platform: str, seed: int, seconds: float, config: Config = CONFIG) -> tuple[World, Daemon]:
    """A daemon that asks one platform, after some hours of calm."""
    world = World(config, FIBRE, seed=seed, edges=CALM, begin=BEGIN)
    daemon = Daemon(config, world, begin=BEGIN, only=(platform,))
    for _ in daemon.run(BEGIN + seconds):
        pass
    return world, daemon


def whitewashes(verdict: Verdict | TransportFinding) -> bool:
    """Whether it says what the platform's own servers alone may have said, or that all is well."""
    of_its_own = verdict.state in (State.OK, State.DOWN, State.WITHHELD)
    return of_its_own or verdict.reason in ("refused", "server_error")


@pytest.mark.parametrize("platform", NAMES)
@FEW
@given(forging=FORGING)
def test_a_forger_stops_chooses_and_whitewashes_nothing(platform: str, forging: Forging) -> None:
    answers, swaps, seed = forging
    world, daemon = born(platform, seed, HOUR)
    before = known(daemon, platform)
    began = daemon.now
    world.forger = Forger(platform, NAMES[platform], answers, swaps=swaps, seed=seed)
    asked: dict[str, list[float]] = defaultdict(list)
    for said in daemon.run(began + FORGED_SECONDS):
        if said.observed.started_at < began:
            continue
        assert not whitewashes(said.verdict), said.verdict.sentence
        for leg in said.observed.by_role(LegRole.TARGET):
            asked[leg.leg.target].append(leg.started_at)
    assert known(daemon, platform) == before
    # Every target is asked all the time: no host was closed, and the budget holds.
    for name in before:
        times = [began, *sorted(asked[name]), began + FORGED_SECONDS]
        assert max(b - a for a, b in pairwise(times)) < HOUR
    assert not closed(daemon, world)


@pytest.mark.parametrize("platform", ["youtube", "facebook"])
@FEW
@given(forging=FORGING)
def test_nor_over_quic_nor_of_what_is_sent(platform: str, forging: Forging) -> None:
    """Those lanes have verdicts of their own, and the same hosts."""
    answers, swaps, seed = forging
    world, daemon = born(platform, seed, HOUR, BESIDE)
    before = known(daemon, platform)
    began = daemon.now
    world.forger = Forger(platform, NAMES[platform], answers, swaps=swaps, seed=seed)
    over = set()
    for said in daemon.run(began + FORGED_SECONDS):
        if said.observed.started_at < began:
            continue
        over |= {leg.leg.prober for leg in said.observed.beside}
        fresh = [one for one in said.verdict.over if one.at >= began]
        assert not whitewashes(said.verdict)
        assert not [one.sentence for one in fresh if whitewashes(one)]
    assert "quic" in over
    assert known(daemon, platform) == before
    assert not closed(daemon, world)


@pytest.mark.parametrize("platform", ["x", "youtube", "facebook"])
@FEW
@given(
    forging=FORGING,
    controls=st.booleans(),
    share=st.sampled_from([0.2, 0.5, 0.8, 1.0]),
    effect=st.sampled_from([SLOW, HelloDropped(), Reset()]),
)
def test_what_is_restricted_stays_so_whoever_answers_between(
    platform: str, forging: Forging, controls: bool, share: float, effect: Effect
) -> None:
    """A censor that slows or blocks the names, and answers some legs itself."""
    answers, swaps, seed = forging
    world, daemon = born(platform, seed, 3 * HOUR)
    whom = Whom(names=tuple(name.removeprefix("*") for name in NAMES[platform]))
    world.restrict([Restricted(whom=whom, effects=(effect,))])
    states = [said.verdict.state for said in daemon.run(daemon.now + 2 * HOUR)]
    assert states[-1] in PROVEN
    began = daemon.now
    world.forger = Forger(
        platform,
        NAMES[platform],
        answers,
        swaps=swaps,
        controls=controls,
        share=share,
        seed=seed,
    )
    for said in daemon.run(began + 2 * HOUR):
        if said.observed.started_at >= began:
            assert not whitewashes(said.verdict), said.verdict.sentence
    assert not closed(daemon, world)


@pytest.mark.parametrize("platform", ["x", "youtube", "facebook"])
def test_a_clock_that_is_wrong_takes_no_candidate_away(platform: str) -> None:
    """A machine that wakes in the past, or whose time somebody else sets."""
    world, daemon = born(platform, 1, 2 * HOUR)
    before, began = known(daemon, platform), daemon.now
    trouble = Trouble(begin=began, end=began + HOUR, kind=Kind.CLOCK_BEHIND, value=1.0)
    world.trouble([trouble])
    reasons = {said.verdict.reason for said in daemon.run(began + HOUR)}
    assert "clock_behind" in reasons
    assert known(daemon, platform) == before


def closed(daemon: Daemon, world: World) -> list[str]:
    """The hosts that are not asked because somebody asked for that."""
    budget, vantage = daemon.rounds.state.budget, daemon.rounds.vantage
    return [host for host in world.zone if budget.closed(vantage, host, daemon.now)]


def known(daemon: Daemon, platform: str) -> dict[str, tuple[str, dict[str, KnownObject]]]:
    """Of each target the mark of the candidate that is in use, and what is remembered of all."""
    definition = next(one for one in daemon.config.platforms if one.name == platform)
    state, now = daemon.rounds.state, daemon.now
    found = {}
    for target in definition.targets:
        memory = state.memory(daemon.rounds.vantage, platform, target.name)
        found[target.name] = (
            mark_of(object_now(target, memory, now)[0]),
            {
                # Pages are asked again, and a size is told by who proves to be its server.
                mark: replace(one, looked_at=0.0, again_at=0.0, size=0)
                for mark, one in memory.candidates.items()
            },
        )
    return found


def test_the_forger_is_heard() -> None:
    """What it says reaches the observations, where legs do not insist on a certificate."""
    answer = ForgedAnswer(
        tls=OTHER_NAME, reason="ssl_invalid_hostname", http=HttpFacts(version="2", status=503)
    )
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN)
    world.forger = Forger("youtube", NAMES["youtube"], [answer], swaps=True, seed=1)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=("youtube",))
    said = next(iter(daemon.run(BEGIN + HOUR)))
    heard = {
        leg.leg.target: leg.failure.reason if leg.failure else ""
        for leg in said.observed.by_role(LegRole.TARGET)
    }
    assert heard["video"] == "http_unexpected_status_code"
    assert heard["page"] == "ssl_invalid_hostname"
    swaps = [leg for leg in said.observed.by_role(LegRole.SWAP) if leg.leg.answer is Answer.ANY]
    assert all(leg.ok for leg in swaps)
