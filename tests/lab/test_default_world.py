"""The shipped platforms and controls in a world where all of them are well."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from lab.capture import connections, contacted
from lab.lab import REPOSITORY, Lab
from lab.world.build import BEACON
from lab.world.dns import Zone
from lab.world.events import Request
from probe.config import contacts, load
from probe.config.hosts import covers
from probe.model.identity import Answer, Compares, LegRole, Phase
from probe.model.observation import Clock, LegObservation

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
FORMAT = "%{http_version} %{http_code} %{ssl_verify_result}"


@pytest.fixture(scope="module")
def lab(requires_lab: None) -> Iterator[Lab]:
    with Lab.of(load(None, {})) as made:
        yield made


def test_every_leg_of_every_platform_and_control_is_well(lab: Lab) -> None:
    before = len(lab.events())
    program = [sys.executable, "-m", "lab.every_leg"]
    with lab.capture() as capture:
        done = lab.exec([*program, str(lab.ca_file), str(lab.folder / "spec.json")])
    assert done.returncode == 0, done.stderr
    seen = msgspec.json.decode(done.stdout, type=list[LegObservation])

    assert [(o.leg.role, o.leg.owner, o.leg.target, o.failure) for o in seen if not o.ok] == []
    roles = Counter(observation.leg.role for observation in seen)
    assert set(roles) == set(LegRole)
    for observation in seen:
        assert observation.clock is Clock.KERNEL
        asked = {Phase.PROCESSING} if observation.leg.answer is Answer.EXPECTED else set()
        assert set(observation.phases) >= {Phase.CONNECT, Phase.TLS, *asked}
        if observation.leg.compares is Compares.GOODPUT:
            assert observation.body_bytes == observation.leg.max_bytes

    # One connection and one request for each leg, nothing kept, and nobody else was asked.
    requests = [event for event in lab.events()[before:] if isinstance(event, Request)]
    knocks = sum(one.leg.answer is Answer.ANY for one in seen)
    assert len(connections(capture.path)) == len(requests) + knocks == len(seen)
    assert {request.number for request in requests} == {1}
    config, seen_on_wire = load(None, {}), contacted(capture.path)
    declared = [h for d in (*config.platforms, *config.controls) for h in d.hosts]
    assert {name for name in seen_on_wire["sni"] if not covers(declared, name)} == set()
    zone = Zone(lab.spec.zone, lab.spec.ttl_seconds)
    listed = [*(contact.host for contact in contacts(config)), BEACON]
    assert seen_on_wire["addresses"] <= zone.addresses_of(listed)


def test_what_strict_verification_wants_is_what_the_platform_shows(lab: Lab) -> None:
    addresses = lab.spec.zone["google.com"]
    curl = ["curl", "-sS", "-o", "/dev/null", "-w", FORMAT, "--cacert", str(lab.ca_file)]
    curl += ["--resolve", f"test.googlevideo.com:443:{addresses[0]}"]
    done = lab.exec([*curl, "https://test.googlevideo.com/"])
    assert done.stdout.split() == ["2", "404", "0"]


def test_the_command_for_people_runs_a_command_in_a_lab_of_its_own() -> None:
    shell = 'curl -sS --cacert "$LAB_CA" -o /dev/null -w "$0" https://x.com/robots.txt; exit 7'
    done = subprocess.run(
        [sys.executable, "-m", "lab", "exec", "--", "sh", "-c", shell, FORMAT],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "2 200 0", "")
