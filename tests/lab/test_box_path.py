"""The whole path as a model: what holds for any traffic, any line and any rules."""

from __future__ import annotations

import math
from collections import Counter

import dns.flags
import dns.message
import dns.rcode
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.box.enforce import TokenBucket
from lab.box.forge import packed
from lab.box.frames import FIRST, Ends, read, real_hello
from lab.box.line import BITS, Direction, GilbertElliott, Line
from lab.box.packet import RST, SYN
from lab.box.path import Path
from lab.box.rules import (
    Action,
    CutOff,
    Delay,
    DropSyn,
    ForgeDns,
    Lose,
    Match,
    Memory,
    Police,
    Protocol,
    Reach,
    Redirect,
    Reset,
    Rule,
    Scope,
    Shape,
    Silence,
    Way,
)
from lab.box.spec import BoxSpec

X = real_hello("x.com")
TINY_BYTES = 1e-3


rates = st.floats(10_000, 10_000_000)
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(Police, rate_bits_per_second=rates, burst_bytes=st.integers(1, 100_000)),
    st.builds(Shape, rate_bits_per_second=rates, queue_bytes=st.integers(0, 50_000)),
    st.builds(Lose, probability=st.floats(0, 1)),
    st.builds(Delay, seconds=st.floats(0, 2)),
    st.builds(CutOff, after_bytes=st.integers(0, 20_000)),
    st.builds(Silence),
    st.builds(DropSyn),
    st.builds(Reset, to_client=st.booleans(), to_server=st.booleans(), swallow=st.booleans()),
    st.builds(ForgeDns, beside=st.booleans(), nxdomain=st.booleans()),
    st.builds(Redirect, address=st.just("192.0.2.77")),
)
matches = st.builds(
    Match,
    addresses=st.sampled_from(((), ("192.0.2.1",), ("192.0.2.0/24", "2001:db8::/32"))),
    ports=st.sampled_from(((), (443,))),
    protocols=st.sampled_from(((), (Protocol.TCP,), (Protocol.UDP,), (Protocol.DNS,))),
)
named_matches = st.builds(Match, names=st.sampled_from((("x.com",), ("*",))))


@st.composite
def rule_lists(draw: st.DrawFn) -> tuple[Rule, ...]:
    found = []
    for i in range(draw(st.integers(0, 4))):
        action = draw(actions)
        match = draw(matches if isinstance(action, Redirect) else matches | named_matches)
        found.append(
            Rule(
                name=f"rule {i}",
                action=action,
                match=match,
                reach=draw(st.sampled_from(Reach)),
                scope=draw(st.sampled_from(Scope)),
                memory=draw(st.sampled_from(Memory)),
            )
        )
    return tuple(found)


QUESTION = dns.message.make_query("x.com", "A").to_wire()
ends = st.builds(
    Ends, port=st.sampled_from((40_000, 40_001)), server=st.sampled_from(("192.0.2.1", "192.0.2.2"))
)


@st.composite
def traffic(draw: st.DrawFn) -> list[tuple[float, Way, bytes]]:
    """(time, way, frame), no frame twice."""
    at = 0.0
    found = []
    for i in range(draw(st.integers(1, 40))):
        at += draw(st.sampled_from((0.0, 0.0001, 0.01, 0.3)))
        peer = draw(ends)
        # Of its own, so that a frame can be told from all others wherever it comes out.
        mark = i.to_bytes(2, "big")
        kind = draw(st.integers(0, 5))
        way = draw(st.sampled_from(Way))
        if kind == 0:
            way, frame = Way.UP, peer.tcp(Way.UP, mark, flags=SYN, seq=FIRST - 1)
        elif kind == 1:
            way, frame = Way.UP, peer.tcp(Way.UP, X + mark)
        elif kind == 2:
            way, frame = Way.UP, Ends(server_port=53, port=50_000 + i).udp(Way.UP, QUESTION)
        elif kind == 3:
            frame = peer.udp(way, mark)
        else:
            frame = peer.tcp(way, mark + bytes(draw(st.integers(0, 1400))))
        found.append((at, way, frame))
    return found


directions = st.builds(
    Direction,
    delay_seconds=st.floats(0, 0.2),
    loss=st.sampled_from((0.0, 0.3)),
    burst_loss=st.none() | st.just(GilbertElliott(to_bad=0.1, to_good=0.3)),
    rate_bits_per_second=st.none() | rates,
    queue_bytes=st.integers(0, 50_000),
)
lines = st.builds(Line, down=directions, up=directions)


def content(frame: bytes) -> tuple[int, bytes]:
    """What a redirection leaves as it is: the client's port and the data."""
    packet = read(frame)
    return max(packet.source_port, packet.destination_port), packet.data


@given(traffic(), lines, rule_lists(), rule_lists(), st.integers(0, 40))
def test_every_frame_comes_out_once_or_is_dropped_for_a_counted_reason(
    traffic: list[tuple[float, Way, bytes]],
    line: Line,
    rules: tuple[Rule, ...],
    later_rules: tuple[Rule, ...],
    change_after: int,
) -> None:
    path = Path(BoxSpec(line=line, rules=rules), 0.0)
    out: list[tuple[Way, bytes]] = []
    for i, (at, way, frame) in enumerate(traffic):
        if i == change_after:
            path.set_rules(later_rules)
        out += [(s.way, s.frame) for s in path.advance(at)]
        path.receive(way, frame, at)
    came = Counter(way for _, way, _ in traffic)
    for way, count in path.counts()[0].items():
        assert count.received == came[way]
        gone = count.sent + count.waiting + sum(count.dropped.values())
        assert count.received + count.injected == gone
    out += [(s.way, s.frame) for s in path.advance(math.inf)]
    assert path.next_at() is None
    ways, counted = path.counts()
    assert sum(way.waiting for way in ways.values()) == 0
    assert len(out) == sum(way.sent for way in ways.values())
    assert sum(way.injected for way in ways.values()) == sum(r.injected for r in counted.values())
    assert sum(way.dropped.get("censor", 0) for way in ways.values()) == sum(
        r.dropped for r in counted.values()
    )
    sent = Counter((way, *content(frame)) for _, way, frame in traffic)
    own = Counter((way, *content(frame)) for way, frame in out if not read(frame).flags & RST)
    forged = sum(r.injected for r in counted.values())
    assert (own - sent).total() <= forged
    if not forged:
        assert own <= sent


@given(traffic(), lines)
def test_without_rules_nothing_is_changed_and_nothing_overtakes(
    traffic: list[tuple[float, Way, bytes]], line: Line
) -> None:
    path = Path(BoxSpec(line=line), 0.0)
    for at, way, frame in traffic:
        path.receive(way, frame, at)
    out = path.advance(math.inf)
    for way in Way:
        came = [frame for _, w, frame in traffic if w is way]
        left = [sending.frame for sending in out if sending.way is way]
        rest = iter(came)
        assert all(frame in rest for frame in left), "not a subsequence of what came"


@given(traffic(), st.builds(Direction, delay_seconds=st.floats(0, 0.2)))
def test_a_frame_is_due_after_the_delay_whenever_the_box_looks(
    traffic: list[tuple[float, Way, bytes]], direction: Direction
) -> None:
    path = Path(BoxSpec(line=Line(down=direction, up=direction)), 0.0)
    for at, way, frame in traffic:
        path.receive(way, frame, at)
    due = sorted(sending.due for sending in path.advance(math.inf))
    assert due == pytest.approx(sorted(at + direction.delay_seconds for at, _, _ in traffic))


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.integers(40, 1500)), min_size=1, max_size=60),
    rates,
    st.integers(1, 100_000),
)
def test_a_policer_never_passes_more_than_its_rate_and_burst(
    packets: list[tuple[float, int]], rate: float, burst: int
) -> None:
    bucket = TokenBucket(rate, burst)
    at = 0.0
    taken: list[tuple[float, int]] = []
    for gap, size in packets:
        at += gap
        if bucket.take(at, size):
            taken.append((at, size))
    for i, (begin, _) in enumerate(taken):
        passed = 0
        for end, size in taken[i:]:
            passed += size
            assert passed <= (end - begin) * rate / BITS + burst + TINY_BYTES


def test_what_a_rule_holds_back_holds_nobody_else_up() -> None:
    slow, fast = Ends(server="192.0.2.1"), Ends(server="192.0.2.2")
    held = Rule(name="r", action=Delay(seconds=0.3), match=Match(addresses=(slow.server,)))
    path = Path(BoxSpec(line=Line(down=Direction(rate_bits_per_second=1e6)), rules=(held,)), 0.0)
    path.receive(Way.DOWN, slow.tcp(Way.DOWN), 0.0)
    path.receive(Way.DOWN, fast.tcp(Way.DOWN), 0.01)
    due = {read(sending.frame).source: sending.due for sending in path.advance(math.inf)}
    transmission = 40 * BITS / 1e6
    assert due[packed(fast.server)] == pytest.approx(0.01 + transmission)
    assert due[packed(slow.server)] == pytest.approx(0.3 + transmission)


@given(lines, rule_lists())
def test_a_specification_survives_json(line: Line, rules: tuple[Rule, ...]) -> None:
    spec = BoxSpec(line=line, rules=rules, seed=3)
    assert msgspec.json.decode(msgspec.json.encode(spec), type=BoxSpec) == spec
