"""A curtain around a content network, with real packets and the real daemon: it is seen, it is said
by metric and page, no platform suffers, and it ends when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest

from lab.daemon import LabDaemon, Scrape
from lab.scenario.setting import setting
from lab.scenario.wire import rules_for
from probe.model.verdict import State
from scenarios.lines import FIBRE
from scenarios.model import CutOff, Restricted, Scenario, Whom, exactly
from scenarios.rows import Row

pytestmark = [
    pytest.mark.lab,
    pytest.mark.usefixtures("requires_lab"),
    pytest.mark.timeout(600),
]
# Both are Fastly's; five other operators have a control each.
FASTLY = ("deb.debian.org", "code.jquery.com")
CURTAIN = Scenario(
    id="curtain",
    name="a content network is cut off after 16 KiB",
    rows=(Row.CONTROL_RESTRICTED,),
    source="Russia, 2025: net4people/bbs#490",
    platforms=("x", "youtube"),
    alternatives=(
        (Restricted(whom=Whom(hosts=FASTLY), effects=(CutOff(after_bytes=exactly(16 * 1_024)),)),),
    ),
    expect=(),
)
SOON = 150.0


def test_it_is_seen_and_said_and_it_ends() -> None:
    with (
        setting(CURTAIN, FIBRE, random=Random(1)) as made,
        made.lab.control() as box,
        LabDaemon(made.lab, made.main_file) as daemon,
    ):
        states: set[str] = set()

        def until(what: Callable[[Scrape], bool]) -> None:
            end = time.monotonic() + SOON
            while not what(scrape := daemon.scrape()):
                states.update(
                    one.labels["state"] for one in scrape.of("verdict_state") if one.value
                )
                assert time.monotonic() < end, daemon.log[-2_000:]
                time.sleep(1.0)

        def hangs(scrape: Scrape) -> bool:
            return scrape.sum("curtain_sites", operator="Fastly", kind="frozen") == 2.0

        until(lambda scrape: scrape.sum("rounds_total", kind="transfer") >= 8)
        assert not list(daemon.scrape().of("curtain_sites"))
        box.set_rules(rules_for(CURTAIN.happens, made.places))
        until(hangs)
        assert "All 2 sites at Fastly that are asked here stop after about" in daemon.get("/")
        before = daemon.scrape().sum("rounds_total", kind="transfer")
        until(lambda scrape: scrape.sum("rounds_total", kind="transfer") >= before + 6)
        assert not states & {State.THROTTLED, State.BLOCKED, State.IMPAIRED}
        box.set_rules(())
        until(lambda scrape: not list(scrape.of("curtain_sites")))
        daemon.stop()
        assert daemon.status == 0
        assert "Traceback" not in daemon.log
