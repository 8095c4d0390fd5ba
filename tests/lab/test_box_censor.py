"""The censor as a model: what each rule means."""

from __future__ import annotations

from random import Random

import dns.flags
import dns.message
import dns.rcode
import msgspec
import pytest

from lab.box.censor import Censor
from lab.box.forge import packed
from lab.box.frames import FIRST, Ends, read, real_hello
from lab.box.packet import ACK, RST, SYN
from lab.box.rules import (
    Action,
    CutOff,
    Delay,
    DropHello,
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

X = real_hello("x.com")
OTHER = real_hello("example.org")
QUESTION = dns.message.make_query("x.com", "A").to_wire()


def censor(*rules: Rule) -> Censor:
    return Censor(rules, Random(1))


def opened(box: Censor, flow: Ends, hello: bytes) -> None:
    """SYN and ClientHello, as far as the censor lets them."""
    for frame in flow.opening(hello):
        box.judge(Way.UP, frame, 0.0)


def rule(
    action: Action, name: str = "r", *, names: tuple[str, ...] = ("x.com",), **more: object
) -> Rule:
    return Rule(name=name, action=action, match=Match(names=names), **more)  # type: ignore[arg-type]


def passes(box: Censor, way: Way, frame: bytes, at: float = 1.0) -> bool:
    return not box.judge(way, frame, at).dropped


def test_a_name_condemns_its_flow_from_the_hello_on_and_no_other() -> None:
    box = censor(rule(Silence()))
    mine, neighbour = Ends(port=1), Ends(port=2)
    assert passes(box, Way.UP, mine.syn())
    assert passes(box, Way.DOWN, mine.tcp(Way.DOWN, flags=SYN | ACK))
    assert not passes(box, Way.UP, mine.tcp(Way.UP, X))
    assert not passes(box, Way.DOWN, mine.tcp(Way.DOWN, b"data"))
    opened(box, neighbour, OTHER)
    assert passes(box, Way.DOWN, neighbour.tcp(Way.DOWN, b"data"))
    count = box.counts()["r"]
    assert (count.flows, count.packets, count.dropped) == (1, 2, 2)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_hello_in_two_segments_is_put_together(order: tuple[int, int]) -> None:
    box = censor(rule(Silence()))
    flow = Ends()
    middle = X.index(b"x.com") + 2
    pieces = [(FIRST, X[:middle]), (FIRST + middle, X[middle:])]
    box.judge(Way.UP, flow.syn(), 0.0)
    fate = [passes(box, Way.UP, flow.tcp(Way.UP, pieces[i][1], seq=pieces[i][0])) for i in order]
    assert fate == [True, False]


def test_sequence_numbers_may_wrap_within_a_hello() -> None:
    box = censor(rule(Silence()))
    flow = Ends()
    start = 2**32 - 3
    box.judge(Way.UP, flow.syn(seq=start - 1), 0.0)
    assert passes(box, Way.UP, flow.tcp(Way.UP, X[:10], seq=start))
    assert not passes(box, Way.UP, flow.tcp(Way.UP, X[10:], seq=7))


def test_a_stream_whose_beginning_was_not_seen_has_no_name() -> None:
    box = censor(rule(Silence()))
    assert passes(box, Way.UP, Ends().tcp(Way.UP, X))


def test_a_port_that_is_used_again_is_another_connection() -> None:
    box = censor(rule(Silence()))
    flow = Ends()
    opened(box, flow, X)
    assert not passes(box, Way.UP, flow.tcp(Way.UP, b"more", seq=FIRST + len(X)))
    assert not passes(box, Way.UP, flow.syn()), "a repeated SYN is the same connection"
    assert passes(box, Way.UP, flow.syn(seq=77))
    assert passes(box, Way.UP, flow.tcp(Way.UP, OTHER, seq=78))


@pytest.mark.parametrize(
    ("pattern", "met"),
    [
        ("x.com", {"x.com"}),
        ("*.x.com", {"api.x.com", "a.b.x.com"}),
        (".x.com", {"x.com", "api.x.com", "a.b.x.com"}),
        ("*", {"x.com", "api.x.com", "a.b.x.com", "notx.com", "x.com.evil.org"}),
    ],
)
def test_patterns_of_names(pattern: str, met: set[str]) -> None:
    match = Match(names=(pattern,))
    names = ("x.com", "api.x.com", "a.b.x.com", "notx.com", "x.com.evil.org")
    assert {name for name in names if match.has_name(name)} == met


def test_a_list_of_exceptions() -> None:
    """Any other name is met, and it takes a hello to know."""
    match = Match(but_names=(".x.com", "y.org"))
    assert match.reads_hello
    names = ("x.com", "api.x.com", "y.org", "a.y.org", "z.net")
    assert [name for name in names if match.has_name(name)] == ["a.y.org", "z.net"]


@pytest.mark.parametrize(
    ("prefixes", "address", "met"),
    [
        (("192.0.2.1",), "192.0.2.1", True),
        (("192.0.2.1",), "192.0.2.2", False),
        (("192.0.2.0/24",), "192.0.2.255", True),
        (("192.0.2.0/24",), "192.0.3.0", False),
        (("2001:db8::/32", "192.0.2.0/24"), "2001:db8:ffff::1", True),
        (("::/0",), "192.0.2.1", False),
        ((), "192.0.2.1", True),
    ],
)
def test_prefixes(prefixes: tuple[str, ...], address: str, met: bool) -> None:
    assert Match(addresses=prefixes).has_address(packed(address)) is met


def test_the_client_fingerprint_can_decide() -> None:
    browser = real_hello("x.com", ciphers="ECDHE+AESGCM")
    box = censor(rule(Silence()))
    opened(box, Ends(), browser)
    fingerprint = next(iter(box._flows._flows.values())).hello
    assert fingerprint is not None
    match = Match(names=("x.com",), fingerprints=(fingerprint.fingerprint,))
    picky = censor(Rule(name="r", action=Silence(), match=match))
    opened(picky, Ends(port=1), browser)
    opened(picky, Ends(port=2), X)
    assert not passes(picky, Way.DOWN, Ends(port=1).tcp(Way.DOWN))
    assert passes(picky, Way.DOWN, Ends(port=2).tcp(Way.DOWN))


def test_memory_condemns_later_connections_of_that_client_to_that_address() -> None:
    box = censor(rule(Lose(probability=1), reach=Reach.DOWN, memory=Memory.ADDRESS))
    before = Ends(port=1)
    opened(box, before, OTHER)
    assert passes(box, Way.DOWN, before.tcp(Way.DOWN))
    opened(box, Ends(port=2), X)
    later = Ends(port=3)
    opened(box, later, OTHER)
    assert not passes(box, Way.DOWN, later.tcp(Way.DOWN))
    for elsewhere in (Ends(port=4, server="192.0.2.2"), Ends(port=5, client="100.64.0.3")):
        opened(box, elsewhere, OTHER)
        assert passes(box, Way.DOWN, elsewhere.tcp(Way.DOWN))
    box.forget()
    again = Ends(port=6)
    opened(box, again, OTHER)
    assert passes(box, Way.DOWN, again.tcp(Way.DOWN))


def test_switching_a_rule_off_and_on_keeps_what_it_knows_and_changing_it_does_not() -> None:
    on = rule(Silence(), memory=Memory.ADDRESS)
    off = rule(Silence(), memory=Memory.ADDRESS, enabled=False)
    box = censor(on)
    opened(box, Ends(port=1), X)
    other = Ends(port=2).tcp(Way.DOWN)
    assert not passes(box, Way.DOWN, other)
    box.set_rules([off])
    assert passes(box, Way.DOWN, other)
    box.set_rules([on])
    assert not passes(box, Way.DOWN, other)
    box.set_rules([rule(Silence(), memory=Memory.ADDRESS, reach=Reach.DOWN)])
    assert passes(box, Way.DOWN, other)
    assert box.counts()["r"].dropped == 3, "counters outlive a change"


@pytest.mark.parametrize(
    ("scope", "other", "shared"),
    [
        (Scope.FLOW, Ends(port=2), False),
        (Scope.ADDRESS, Ends(port=2), True),
        (Scope.ADDRESS, Ends(port=2, server="192.0.2.2"), False),
        (Scope.ALL, Ends(port=2, server="192.0.2.2"), True),
    ],
)
def test_who_shares_a_bucket(scope: Scope, other: Ends, shared: bool) -> None:
    policed = Rule(name="r", action=Police(rate_bits_per_second=8, burst_bytes=1000), scope=scope)
    box = censor(policed)
    full = bytes(900)
    assert passes(box, Way.DOWN, Ends(port=1).tcp(Way.DOWN, full))
    assert not passes(box, Way.DOWN, Ends(port=1).tcp(Way.DOWN, full))
    assert passes(box, Way.UP, Ends(port=1).tcp(Way.UP, full)), "each direction has its own"
    assert passes(box, Way.DOWN, other.tcp(Way.DOWN, full)) is not shared


def test_a_shaper_holds_what_a_policer_drops() -> None:
    shaped = Rule(name="r", action=Shape(rate_bits_per_second=8_000, queue_bytes=2_500))
    box = censor(shaped)
    frame = Ends().tcp(Way.DOWN, bytes(960))  # 1,000 bytes of IP: a second each
    assert [p.at for _ in range(2) for p in box.judge(Way.DOWN, frame, 0.0).passages] == [1.0, 2.0]
    assert not passes(box, Way.DOWN, frame, 0.0)


def test_a_delay_with_jitter_differs_from_packet_to_packet_and_none_overtakes_another() -> None:
    box = censor(Rule(name="r", action=Delay(seconds=0.05, jitter_seconds=0.02)))
    frame = Ends().tcp(Way.DOWN, b"x")
    left = [p.at for at in range(200) for p in box.judge(Way.DOWN, frame, at / 1_000).passages]
    assert left == sorted(left)
    held = [at - number / 1_000 for number, at in enumerate(left)]
    assert min(held) >= 0.0
    assert len(set(held)) > 5
    apart = [
        p.at - at for at in range(1, 200) for p in box.judge(Way.DOWN, frame, float(at)).passages
    ]
    assert 0.04 < sum(apart) / len(apart) < 0.06
    assert max(apart) - min(apart) > 0.04


def test_a_cut_off_is_silence_for_good() -> None:
    box = censor(Rule(name="r", action=CutOff(after_bytes=16_000), reach=Reach.DOWN))
    flow = Ends()
    fate = [passes(box, Way.DOWN, flow.tcp(Way.DOWN, bytes(1400))) for _ in range(14)]
    assert fate == [True] * 11 + [False] * 3
    assert not passes(box, Way.DOWN, flow.tcp(Way.DOWN, b"x")), "even if it would have fitted"
    assert passes(box, Way.UP, flow.tcp(Way.UP, b"x"))
    assert passes(box, Way.DOWN, Ends(port=2).tcp(Way.DOWN, bytes(1400)))


def test_a_dropped_hello_stays_dropped_however_it_is_repeated() -> None:
    box = censor(rule(DropHello()))
    flow = Ends()
    box.judge(Way.UP, flow.syn(), 0.0)
    assert passes(box, Way.UP, flow.tcp(Way.UP, X[:100]))
    assert not passes(box, Way.UP, flow.tcp(Way.UP, X[100:], seq=FIRST + 100))
    assert not passes(box, Way.UP, flow.tcp(Way.UP, X))
    assert not passes(box, Way.UP, flow.tcp(Way.UP, X[100:200], seq=FIRST + 100))
    assert passes(box, Way.UP, flow.tcp(Way.UP)), "an acknowledgement is no hello"
    assert passes(box, Way.DOWN, flow.tcp(Way.DOWN, b"late"))


def test_only_the_client_syn_is_dropped() -> None:
    box = censor(Rule(name="r", action=DropSyn()))
    assert not passes(box, Way.UP, Ends().syn())
    assert passes(box, Way.DOWN, Ends().tcp(Way.DOWN, flags=SYN | ACK))
    assert passes(box, Way.UP, Ends().tcp(Way.UP))


@pytest.mark.parametrize("swallow", [True, False])
def test_both_ends_are_reset_with_the_number_they_expect(swallow: bool) -> None:
    box = censor(rule(Reset(swallow=swallow)))
    flow = Ends()
    box.judge(Way.UP, flow.syn(), 0.0)
    judged = box.judge(Way.UP, flow.tcp(Way.UP, X, ack=4321), 0.0)
    assert judged.dropped is swallow
    resets = {p.way: read(p.frame) for p in judged.passages if read(p.frame).flags & RST}
    assert resets[Way.DOWN].sequence == 4321
    assert resets[Way.UP].sequence == (FIRST if swallow else FIRST + len(X))
    if not swallow:
        up = [read(p.frame) for p in judged.passages if p.way is Way.UP]
        assert up[0].data == X, "the packet first, or its reset would be out of order"


def test_a_refused_connection_is_acknowledged() -> None:
    box = censor(Rule(name="r", action=Reset()))
    judged = box.judge(Way.UP, Ends().syn(), 0.0)
    (passage,) = judged.passages
    reset = read(passage.frame)
    assert (passage.way, reset.acknowledgement) == (Way.DOWN, FIRST)
    assert box.judge(Way.UP, Ends().tcp(Way.UP, flags=RST), 0.0).passages == []


def ask(name: str, kind: str) -> dns.message.Message:
    return dns.message.make_query(name, kind)


RESOLVER = Ends(server="192.0.2.53", server_port=53)


@pytest.mark.parametrize(
    ("kind", "lies"), [("A", ["10.10.34.34"]), ("AAAA", ["2001:db8::34"]), ("TXT", [])]
)
@pytest.mark.parametrize("beside", [True, False])
def test_a_forged_answer_lies_in_the_family_asked_for(
    kind: str, lies: list[str], beside: bool
) -> None:
    action = ForgeDns(addresses=("10.10.34.34", "2001:db8::34"), beside=beside)
    box = censor(rule(action, names=(".x.com",)))
    query = ask("API.x.com", kind)
    judged = box.judge(Way.UP, RESOLVER.udp(Way.UP, query.to_wire()), 0.0)
    assert judged.dropped is not beside
    (lie,) = [p for p in judged.passages if p.way is Way.DOWN]
    answer = dns.message.from_wire(read(lie.frame).data)
    assert answer.id == query.id
    assert answer.flags & dns.flags.QR
    assert [item.to_text() for rrset in answer.answer for item in rrset] == lies
    assert passes(box, Way.UP, RESOLVER.udp(Way.UP, ask("x.org", kind).to_wire()))


def test_a_forged_nxdomain_and_a_silenced_question() -> None:
    forger = censor(rule(ForgeDns(nxdomain=True)))
    frame = RESOLVER.udp(Way.UP, ask("x.com", "A").to_wire())
    (lie,) = forger.judge(Way.UP, frame, 0.0).passages
    assert dns.message.from_wire(read(lie.frame).data).rcode() == dns.rcode.NXDOMAIN
    match = Match(names=("x.com",), protocols=(Protocol.DNS,))
    silent = censor(Rule(name="r", action=Silence(), match=match))
    assert silent.judge(Way.UP, frame, 0.0).passages == []
    assert passes(silent, Way.UP, RESOLVER.udp(Way.UP, b"not DNS"))


def test_a_name_in_a_question_does_not_condemn_the_resolver() -> None:
    box = censor(rule(Silence(), memory=Memory.ADDRESS))
    assert passes(box, Way.UP, RESOLVER.udp(Way.UP, QUESTION))


@pytest.mark.parametrize(
    ("server", "target"), [("192.0.2.1", "192.0.2.99"), ("2001:db8::1", "2001:db8::99")]
)
def test_a_redirected_flow_is_answered_in_the_old_name(server: str, target: str) -> None:
    action = Redirect(address=target)
    to = Rule(name="r", action=action, match=Match(addresses=(server,)))
    box = censor(to)
    client = "100.64.0.2" if ":" not in server else "2001:db8::2"
    flow = Ends(server=server, client=client)
    (up,) = box.judge(Way.UP, flow.syn(), 0.0).passages
    assert read(up.frame).destination == packed(target)
    answer = Ends(server=target, client=client).tcp(Way.DOWN, b"page")
    (down,) = box.judge(Way.DOWN, answer, 0.0).passages
    assert down.frame == flow.tcp(Way.DOWN, b"page")
    # Running connections survive the end of the rule, new ones are left alone.
    box.set_rules([])
    (up,) = box.judge(Way.UP, flow.tcp(Way.UP, b"get"), 0.0).passages
    assert read(up.frame).destination == packed(target)
    (new,) = box.judge(Way.UP, Ends(server=server, client=client, port=2).syn(), 0.0).passages
    assert read(new.frame).destination == packed(server)


def test_the_next_connection_from_a_port_is_not_the_redirected_one() -> None:
    flow = Ends()
    target = Ends(server="192.0.2.99")
    box = censor(Rule(name="r", action=Redirect(address=target.server)))
    assert box.judge(Way.UP, flow.syn(), 0.0).passages[0].frame != flow.syn()
    box.set_rules([])
    for end, own in ((flow, flow.syn(seq=5)), (target, target.syn(seq=6))):
        (up,) = box.judge(Way.UP, own, 0.0).passages
        assert up.frame == own
        answer = end.tcp(Way.DOWN, b"page")
        (down,) = box.judge(Way.DOWN, answer, 0.0).passages
        assert down.frame == answer


def test_quic_is_known_by_its_long_header() -> None:
    box = censor(Rule(name="r", action=Silence(), match=Match(protocols=(Protocol.QUIC,))))
    assert not passes(box, Way.UP, Ends(port=1).udp(Way.UP, b"\xc3\0\0\0\1" + bytes(1195)))
    assert not passes(box, Way.UP, Ends(port=1).udp(Way.UP, b"\x43 short header of that flow"))
    assert passes(box, Way.UP, Ends(port=2).udp(Way.UP, b"\x01 not QUIC"))
    assert passes(box, Way.UP, Ends(port=3).tcp(Way.UP, X))


def test_rules_act_in_their_order_until_one_drops() -> None:
    delay = Rule(name="delay", action=Delay(seconds=0.3))
    shape = Rule(name="shape", action=Shape(rate_bits_per_second=8_000, queue_bytes=9_000))
    frame = Ends().tcp(Way.DOWN, bytes(960))
    (passage,) = censor(delay, shape).judge(Way.DOWN, frame, 1.0).passages
    assert passage.at == pytest.approx(2.3)
    box = censor(Rule(name="silence", action=Silence()), delay)
    box.judge(Way.DOWN, frame, 1.0)
    assert box.counts()["delay"].packets == 0


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="before it has a name"):
        rule(Redirect(address="192.0.2.9"))
    with pytest.raises(ValueError, match="needs names or fingerprints"):
        Rule(name="r", action=DropHello())
    with pytest.raises(ValueError, match="two rules of one name"):
        censor(Rule(name="r", action=Silence()), Rule(name="r", action=DropSyn()))
    with pytest.raises(msgspec.ValidationError, match="rate_bits_per_second must be positive"):
        msgspec.json.decode(b'{"rate_bits_per_second": 0, "burst_bytes": 1}', type=Police)
    with pytest.raises(msgspec.ValidationError, match="has host bits set"):
        msgspec.json.decode(b'{"addresses": ["192.0.2.1/24"]}', type=Match)
