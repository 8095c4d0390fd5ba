"""Uploads through a box that slows the way up by name: the rate is the box's, not our buffer's."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec
import pytest

from lab.box.rules import CutOff, Match, Reach, Rule, Shape
from lab.box.spec import BoxSpec
from lab.lab import Lab
from lab.world.build import BEACON, world_for
from probe.config import load
from probe.model.identity import Phase
from probe.model.observation import LegObservation, UploadInfo
from probe.observe.goodput import upload_goodput
from tests.again import undisturbed

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab"), pytest.mark.timeout(240)]
SLOWED = "x.com"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(world_for(load(None, {})), path=BoxSpec()) as made:
        yield made


def uploaded(lab: Lab, name: str, *rules: Rule) -> tuple[LegObservation, UploadInfo]:
    with lab.control() as box:
        box.set_rules(list(rules))
        box.forget()
    argv = [sys.executable, "-m", "lab.upload_leg", str(lab.ca_file)]
    made = lab.exec([*argv, str(lab.folder / "spec.json"), name], timeout_seconds=60.0)
    assert made.returncode == 0, made.stderr
    seen = msgspec.json.decode(made.stdout.encode(), type=LegObservation)
    assert seen.upload is not None, seen.failure
    return seen, seen.upload


@pytest.mark.parametrize("bits", [1_000_000, 100_000])
@undisturbed
def test_what_is_slowed_on_the_way_up_is_measured_as_that(lab: Lab, bits: int) -> None:
    """By name, up alone; the same server under another name is as fast as ever."""
    rule = Rule(
        name="up",
        action=Shape(rate_bits_per_second=bits, queue_bytes=64_000),
        match=Match(names=(SLOWED,)),
        reach=Reach.UP,
    )
    seen, upload = uploaded(lab, SLOWED, rule)
    _, free = uploaded(lab, BEACON, rule)
    rate, beside = upload_goodput(upload), upload_goodput(free)
    assert rate is not None
    assert beside is not None
    assert upload.acked_bytes == upload.whole_bytes
    # The box counts headers too, which are some 4 in 100.
    assert rate == pytest.approx(bits / 8, rel=0.15)
    assert beside > 3 * rate
    assert seen.phases[Phase.TLS] < 5 * seen.phases[Phase.CONNECT] + 1.0


def test_what_stops_on_the_way_up_says_after_how_much(lab: Lab) -> None:
    rule = Rule(
        name="cut",
        action=CutOff(after_bytes=32_768),
        match=Match(names=(SLOWED,)),
        reach=Reach.UP,
    )
    seen, upload = uploaded(lab, SLOWED, rule)
    assert seen.failure is not None
    assert seen.failure.phase is Phase.TRANSFER
    assert 28_000 < upload.acked_bytes <= 32_768
    _, free = uploaded(lab, BEACON, rule)
    assert free.acked_bytes == free.whole_bytes
