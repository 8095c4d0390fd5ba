"""The way past the box, servers that change, and addresses that go away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec import structs

from tests.lab.box.rules import Match, Rule, Silence
from tests.lab.box.spec import BoxSpec
from tests.lab.lab import Lab
from tests.lab.net import SECOND_INTERFACE
from tests.lab.scenario.setting import changed_world
from tests.lab.small import CONFIG
from tests.lab.world.build import world_for
from tests.scenarios.model import Answers, exactly

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
URL = "https://deb.debian.org/InRelease"
HOST = "deb.debian.org"


@pytest.fixture(scope="module")
def lab(requires_lab: None) -> Iterator[Lab]:
    with Lab(world_for(CONFIG), path=BoxSpec(), second_uplink=True) as made:
        yield made


def curl(lab: Lab, *options: str) -> tuple[str, float]:
    """Status (``000``: none) and seconds."""
    done = lab.exec(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", "--cacert",
         str(lab.ca_file), "--max-time", "3", *options, URL]
    )  # fmt: skip
    status, seconds = done.stdout.split()
    return status, float(seconds)


def test_what_the_box_forbids_still_goes_past_it(lab: Lab) -> None:
    address = lab.spec.zone[HOST][0]
    there = ("--resolve", f"{HOST}:443:{address}")
    with lab.control() as box:
        box.set_rules([Rule(name="all", action=Silence(), match=Match(addresses=(address,)))])
        try:
            assert curl(lab, *there)[0] == "000"
            assert curl(lab, *there, "--interface", SECOND_INTERFACE)[0] == "200"
        finally:
            box.set_rules([])
    assert curl(lab, *there)[0] == "200"


def test_servers_can_answer_otherwise_and_again_as_before(lab: Lab) -> None:
    before = lab.spec
    _, fast = curl(lab)
    refusing = changed_world(before, (Answers(hosts=(HOST,), status=403),))
    slow = changed_world(before, (Answers(hosts=(HOST,), bits_per_second=exactly(2_000_000)),))
    lab.change_world(refusing)
    assert curl(lab)[0] == "403"
    lab.change_world(slow)
    status, seconds = curl(lab)
    assert status == "200"
    assert seconds > 2 * fast
    lab.change_world(before)
    assert curl(lab)[0] == "200"


def test_an_address_can_go_away_and_come_back(lab: Lab) -> None:
    addresses = lab.spec.zone[HOST]
    lab.topology.silence_world(addresses)
    assert curl(lab)[0] == "000"
    assert curl(lab, "--interface", SECOND_INTERFACE)[0] == "000"
    lab.topology.unsilence_world(addresses)
    assert curl(lab)[0] == "200"


def test_only_objects_change_while_the_world_runs(lab: Lab) -> None:
    before = lab.spec
    lab.change_world(structs.replace(before, zone={}))
    assert curl(lab)[0] == "200"
    lab.change_world(before)
