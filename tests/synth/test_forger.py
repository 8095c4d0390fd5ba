"""A censor that answers anything it likes, under certificates that are wrong: it stops nobody from
measuring, chooses nothing of what is measured, and makes nothing look fine, down or refused."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config import load
from probe.config.candidates import mark_of
from probe.config.hosts import covers
from probe.measure.objects.objects import object_now
from probe.model.identity import Answer, LegRole
from probe.model.observation import HttpFacts, Leg
from probe.model.verdict import State
from synth.drive import Daemon
from synth.edges import CALM
from synth.exchange import OTHER_NAME, UNTRUSTED, ForgedAnswer
from synth.lines import FIBRE
from synth.world import World

CONFIG = load(None, {})
BEGIN = 1_699_920_000.0
HOUR = 3_600.0
EXAMPLES = 8
FORGED_SECONDS = 1.25 * HOUR
NAMES = {
    "x": ("*.x.com", "x.com", "*.twimg.com", "*.twitter.com"),
    "youtube": ("*.googlevideo.com",),
}
CERTIFICATES = [
    (OTHER_NAME, "ssl_invalid_hostname"),
    (UNTRUSTED, "ssl_unknown_authority"),
    (replace(UNTRUSTED, for_name=True), "ssl_unknown_authority"),
    (replace(UNTRUSTED, for_name=True, verify_error="self-signed"), "ssl_unknown_authority"),
    (replace(OTHER_NAME, verify_error="certificate has expired"), "ssl_invalid_certificate"),
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


class Forger:
    """Answers each leg under a name of its platform (``swaps``: every leg to its addresses) with
    one of some answers."""

    def __init__(
        self, platform: str, answers: list[ForgedAnswer], *, swaps: bool, seed: int
    ) -> None:
        self._platform, self._answers, self._swaps = platform, answers, swaps
        self._random = Random(seed)

    def __call__(self, leg: Leg) -> ForgedAnswer | None:
        own = leg.owner == self._platform and leg.role is not LegRole.DECOY
        meets = own if self._swaps else own and covers(NAMES[self._platform], leg.sni)
        return self._random.choice(self._answers) if meets else None


@pytest.mark.parametrize("platform", ["x", "youtube"])
@settings(max_examples=EXAMPLES, deadline=None)
@given(
    answers=st.lists(ANSWERS, min_size=1, max_size=4),
    swaps=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_a_forger_stops_chooses_and_whitewashes_nothing(
    platform: str, answers: list[ForgedAnswer], swaps: bool, seed: int
) -> None:
    world = World(CONFIG, FIBRE, seed=seed, edges=CALM, begin=BEGIN)
    daemon = Daemon(CONFIG, world, begin=BEGIN, only=(platform,))
    for _ in daemon.run(BEGIN + HOUR):
        pass
    before = in_use(daemon, platform)
    began = daemon.now
    world.forger = Forger(platform, answers, swaps=swaps, seed=seed)
    asked: dict[str, list[float]] = defaultdict(list)
    for said in daemon.run(began + FORGED_SECONDS):
        if said.observed.started_at < began:
            continue
        verdict = said.verdict
        assert verdict.state not in (State.OK, State.DOWN, State.WITHHELD)
        assert verdict.reason != "refused"
        for leg in said.observed.by_role(LegRole.TARGET):
            asked[leg.leg.target].append(leg.started_at)
    assert in_use(daemon, platform) == before
    # Every target is asked all the time: no host was closed, and the budget holds.
    for name in before:
        times = [began, *sorted(asked[name]), began + FORGED_SECONDS]
        assert max(b - a for a, b in pairwise(times)) < HOUR
    closed = [
        host
        for host in world.zone
        if daemon.rounds.state.budget.closed(daemon.rounds.vantage, host, daemon.now)
    ]
    assert not closed


def in_use(daemon: Daemon, platform: str) -> dict[str, str]:
    """The mark of the candidate of each target that is in use."""
    definition = next(one for one in CONFIG.platforms if one.name == platform)
    state, now = daemon.rounds.state, daemon.now
    found = {}
    for target in definition.targets:
        memory = state.memory(daemon.rounds.vantage, platform, target.name)
        found[target.name] = mark_of(object_now(target, memory, now)[0])
    return found


def test_the_forger_is_heard() -> None:
    """What it says reaches the observations, where legs do not insist on a certificate."""
    answer = ForgedAnswer(
        tls=OTHER_NAME, reason="ssl_invalid_hostname", http=HttpFacts(version="2", status=503)
    )
    world = World(CONFIG, FIBRE, seed=1, edges=CALM, begin=BEGIN)
    world.forger = Forger("youtube", [answer], swaps=True, seed=1)
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
