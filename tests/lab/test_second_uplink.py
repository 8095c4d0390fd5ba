"""The way past the box, servers that change, and addresses that go away."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from msgspec import structs

from lab.box.rules import Match, Protocol, Rule, Silence
from lab.box.spec import BoxSpec
from lab.lab import Lab
from lab.net import SECOND_INTERFACE, WORLD_ADDRESS
from lab.scenario.setting import changed_world
from lab.small import CONFIG
from lab.world.build import world_for
from scenarios.model import Answers, exactly

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


LOOK_UP = """
import asyncio, sys
from probe.config.schema import VantageConfig
from probe.measure.names.host_lookup import host_lookups
from probe.model.identity import Family
servers, interface = tuple(sys.argv[2:3]), (sys.argv[3:4] or [None])[0]
via = VantageConfig(name="far", nameservers=servers, interface=interface)
(found,) = asyncio.run(host_lookups(sys.argv[1:2], Family.IPV4, timeout_seconds=2.0, via=via))
print(*(address for answer in found.answers for address in answer.addresses))
"""


def look_up(lab: Lab, *more: str) -> set[str]:
    done = lab.exec([sys.executable, "-c", LOOK_UP, HOST, *more])
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_a_vantage_asks_its_own_name_servers_by_its_own_way(lab: Lab) -> None:
    addresses = {address for address in lab.spec.zone[HOST] if ":" not in address}
    server = next(address for address, _ in lab.spec.resolvers if address != WORLD_ADDRESS)
    assert look_up(lab) == look_up(lab, server) == addresses
    with lab.control() as box:
        box.set_rules([Rule(name="dns", action=Silence(), match=Match(protocols=(Protocol.DNS,)))])
        try:
            assert look_up(lab) == look_up(lab, server) == set()
            assert look_up(lab, server, SECOND_INTERFACE) == addresses
        finally:
            box.set_rules([])


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
