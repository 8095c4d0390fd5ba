"""The box's own accuracy: what it was asked for against what real packets meet."""

from __future__ import annotations

import json
import math
import statistics
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.box.control import BoxControl, BoxError, running_box
from lab.box.gauge import round_trips, stream
from lab.box.line import BITS, Direction, GilbertElliott, Line
from lab.box.rules import Delay, Match, Police, Protocol, Reach, Rule, Way
from lab.box.spec import BoxSpec
from lab.net import (
    BOX_INSIDE,
    BOX_OUTSIDE,
    CLIENT_ADDRESS,
    CLIENT_INTERFACE,
    WORLD_ADDRESS,
    WORLD_INTERFACE,
    Topology,
)
from tests.again import undisturbed

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
MEGABIT = 1_000_000


@pytest.fixture(scope="module")
def topology(requires_lab: None) -> Iterator[Topology]:
    with Topology(bridge=False) as made:
        yield made


@pytest.fixture(scope="module")
def running(topology: Topology, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxControl]:
    with running_box(topology, tmp_path_factory.mktemp("box")) as control:
        # Neighbours know each other from here on.
        round_trips(topology, count=2, gap_seconds=0.01, patience_seconds=0.1)
        yield control


@pytest.fixture
def box(running: BoxControl) -> BoxControl:
    """A perfect line without a censor."""
    running.set_rules([])
    running.set_line(Line())
    return running


def both(direction: Direction) -> Line:
    return Line(down=direction, up=direction)


def answered(trips: list[float | None]) -> list[float]:
    return [trip for trip in trips if trip is not None]


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@undisturbed
def test_a_round_trip_takes_the_delay_of_both_ways(topology: Topology, box: BoxControl) -> None:
    box.set_line(Line(down=Direction(delay_seconds=0.04), up=Direction(delay_seconds=0.02)))
    trips = answered(round_trips(topology, count=100, gap_seconds=0.004))
    assert len(trips) == 100
    # A millisecond in sixty, on a machine that has nothing else to do.
    assert min(trips) >= 0.06
    assert p95([trip / 0.06 - 1 for trip in trips]) < 1 / 60


@undisturbed
def test_tardiness_does_not_add_up(topology: Topology, box: BoxControl) -> None:
    # As many packets again, as densely as they come: the last is as punctual as the first.
    box.set_line(both(Direction(delay_seconds=0.03)))
    trips = answered(round_trips(topology, count=400, gap_seconds=0.0005))
    first, last = statistics.median(trips[:100]), statistics.median(trips[-100:])
    assert last == pytest.approx(first, rel=0.05)


@undisturbed
def test_jitter_is_seen_and_does_not_reorder(topology: Topology, box: BoxControl) -> None:
    box.set_line(
        Line(
            down=Direction(delay_seconds=0.05, jitter_seconds=0.01, jitter_memory_seconds=0.05),
            up=Direction(delay_seconds=0.01, jitter_seconds=0.05, jitter_memory_seconds=0.05),
        )
    )
    up = stream(topology, Way.UP, rate_bits_per_second=MEGABIT, seconds=0.5, size_bytes=200)
    assert up.numbers == sorted(up.numbers)
    box.set_line(Line(down=Direction(delay_seconds=0.05, jitter_seconds=0.01)))
    trips = answered(round_trips(topology, count=100, gap_seconds=0.01))
    assert 0.005 < statistics.stdev(trips) < 0.02


@pytest.mark.parametrize("way", Way)
@undisturbed
def test_a_bottleneck_has_its_rate(topology: Topology, box: BoxControl, way: Way) -> None:
    box.set_line(both(Direction(rate_bits_per_second=8 * MEGABIT, queue_bytes=30_000)))
    seen = stream(topology, way, rate_bits_per_second=12 * MEGABIT, seconds=0.8)
    assert seen.rate_bits_per_second == pytest.approx(8 * MEGABIT, rel=0.05)
    # Half as much again was sent: a third of it had no place.
    assert seen.lost_share == pytest.approx(1 / 3, abs=0.05)


@undisturbed
def test_a_trace_is_followed(topology: Topology, box: BoxControl) -> None:
    trace = ((0.0, 8.0), (0.4, 2.0))  # the second for as long as the first
    box.set_line(Line(down=Direction(trace=trace, queue_bytes=6_000)))
    seen = stream(topology, Way.DOWN, rate_bits_per_second=12 * MEGABIT, seconds=0.8)
    edge = seen.times[0] + 0.4
    fast = sum(at < edge for at in seen.times)
    slow = len(seen.times) - fast
    assert fast / slow == pytest.approx(4, rel=0.2)


@undisturbed
def test_a_queue_is_as_deep_as_asked(topology: Topology, box: BoxControl) -> None:
    rate, queue_bytes = 4 * MEGABIT, 50_000
    box.set_line(Line(down=Direction(rate_bits_per_second=rate, queue_bytes=queue_bytes)))
    trips: list[float] = []
    pinging = threading.Thread(
        target=lambda: trips.extend(answered(round_trips(topology, count=70, gap_seconds=0.01)))
    )
    pinging.start()
    stream(topology, Way.DOWN, rate_bits_per_second=2 * rate, seconds=0.6)
    pinging.join()
    assert max(trips) == pytest.approx(queue_bytes * BITS / rate, rel=0.1)


@pytest.mark.parametrize(
    "direction",
    [
        Direction(loss=0.05),
        Direction(burst_loss=GilbertElliott(to_bad=0.02, to_good=0.3, loss_bad=0.8)),
    ],
    ids=["independent", "in bursts"],
)
def test_loss_is_as_frequent_as_asked(
    topology: Topology, box: BoxControl, direction: Direction
) -> None:
    box.set_line(Line(up=direction))
    seen = stream(topology, Way.UP, rate_bits_per_second=10 * MEGABIT, seconds=0.48, size_bytes=200)
    chain = direction.burst_loss
    asked = direction.loss if chain is None else chain.loss
    # A loss in a burst brings others with it: so much fewer independent ones are there.
    together = 1.0 if chain is None else 2 / chain.to_good
    sigma = math.sqrt(asked * (1 - asked) * together / seen.sent)
    assert seen.lost_share == pytest.approx(asked, abs=4 * sigma)
    box.set_line(Line(down=direction))
    clean = stream(topology, Way.UP, rate_bits_per_second=10 * MEGABIT, seconds=0.1)
    assert clean.lost_share == 0, "only the direction that was asked for"


def test_a_policer_passes_its_rate_and_its_burst(topology: Topology, box: BoxControl) -> None:
    rate, burst, seconds = 2 * MEGABIT, 20_000, 1.0
    police = Police(rate_bits_per_second=rate, burst_bytes=burst)
    match = Match(protocols=(Protocol.UDP,))
    box.set_rules([Rule(name="police", action=police, match=match, reach=Reach.DOWN)])
    seen = stream(topology, Way.DOWN, rate_bits_per_second=4 * rate, seconds=seconds)
    passed = len(seen.numbers) * seen.size_bytes
    assert passed == pytest.approx(rate * seconds / BITS + burst, rel=0.05)
    # The burst comes first and whole: a policer holds nothing back.
    whole = burst // seen.size_bytes
    assert seen.numbers[:whole] == list(range(whole))
    count = box.stats().rules["police"]
    assert (count.packets, count.flows) == (seen.sent, 1)
    assert count.dropped == seen.sent - len(seen.numbers)


@undisturbed
def test_one_part_of_the_world_is_farther_away(topology: Topology, box: BoxControl) -> None:
    topology.give_world(["203.0.113.1", "198.51.100.1"])
    box.set_line(both(Direction(delay_seconds=0.01)))
    far = Match(addresses=("203.0.113.0/24",))
    box.set_rules([Rule(name="far", action=Delay(seconds=0.04), match=far)])

    def median(address: str) -> float:
        trips = round_trips(topology, count=20, gap_seconds=0.005, address=address)
        return statistics.median(answered(trips))

    assert median("203.0.113.1") == pytest.approx(0.1, rel=0.05)
    assert median("198.51.100.1") == pytest.approx(0.02, rel=0.15)


def test_every_frame_is_accounted_for(topology: Topology, box: BoxControl) -> None:
    before = box.stats().up
    box.set_line(both(Direction(loss=0.1, rate_bits_per_second=6 * MEGABIT, queue_bytes=9_000)))
    seen = stream(topology, Way.UP, rate_bits_per_second=10 * MEGABIT, seconds=0.3)
    after = box.stats()
    # The kernels at both ends now and then say something of their own (multicast reports).
    assert seen.sent <= after.up.received - before.received <= seen.sent + 5
    assert len(seen.numbers) <= after.up.sent - before.sent <= len(seen.numbers) + 5
    gone = after.up.sent + after.up.waiting + sum(after.up.dropped.values())
    assert after.up.received + after.up.injected == gone
    assert set(after.up.dropped) >= {"queue", "loss"}
    assert after.punctuality.overrun == after.punctuality.unsent == 0


def test_neighbours_are_found_across_a_line_that_loses_everything(
    topology: Topology, box: BoxControl
) -> None:
    before = box.stats()
    box.set_line(both(Direction(loss=1.0)))
    topology.client.ip(f"neigh del {WORLD_ADDRESS} dev {CLIENT_INTERFACE}")
    topology.world.ip(f"neigh del {CLIENT_ADDRESS} dev {WORLD_INTERFACE}")
    round_trips(topology, count=1, gap_seconds=0, patience_seconds=0.2)
    after = box.stats()
    assert after.up.passed_by > before.up.passed_by
    assert after.down.passed_by > before.down.passed_by
    shown = topology.client.run(["ip", "neigh", "show", WORLD_ADDRESS]).stdout
    assert "lladdr" in shown


def test_what_the_control_socket_refuses_changes_nothing(
    topology: Topology, box: BoxControl
) -> None:
    delay = Rule(name="r", action=Delay(seconds=0.02))
    box.set_rules([delay])
    with pytest.raises(BoxError, match="two rules of one name"):
        box.set_rules([delay, delay])
    raw = box._socket
    for said in (b"not JSON\n", b'{"type": "set_line", "line": {"up": {"loss": 2}}}\n'):
        raw.sendall(said)
        reply = json.loads(raw.recv(65_536))
        assert reply["error"]
    box.ping()
    trips = answered(round_trips(topology, count=3, gap_seconds=0.01, patience_seconds=0.2))
    assert min(trips) >= 0.04


def test_two_may_speak_to_the_box_at_once(topology: Topology, box: BoxControl) -> None:
    with BoxControl(Path(str(box._socket.getpeername()))) as other:
        other.set_rules([Rule(name="by the other", action=Delay(seconds=0))])
        round_trips(topology, count=1, gap_seconds=0, patience_seconds=0.1)
        assert box.stats().rules["by the other"].packets >= 2
    box.ping()


def test_a_box_that_cannot_start_says_why(topology: Topology, tmp_path: Path) -> None:
    here = Topology()
    here.box = topology.client
    with (
        pytest.raises(BoxError, match="in, out: no interface with this name"),
        running_box(here, tmp_path),
    ):
        pass


def test_a_specification_that_is_wrong_is_named(topology: Topology, tmp_path: Path) -> None:
    spec = BoxSpec(rules=(Rule(name="r", action=Delay(seconds=0)),) * 2)
    with (
        pytest.raises(BoxError, match=r"box\.json: two rules of one name"),
        running_box(topology, tmp_path, spec),
    ):
        pass


def test_the_box_own_kernel_says_nothing(topology: Topology, box: BoxControl) -> None:
    for interface in (BOX_INSIDE, BOX_OUTSIDE):
        shown = topology.box.run(["ip", "addr", "show", "dev", interface])
        assert "UP" in shown.stdout
        assert "inet" not in shown.stdout, "without an address there is nothing to say"
