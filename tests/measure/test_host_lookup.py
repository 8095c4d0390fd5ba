"""What the host would get, through c-ares, against a real server; packets are counted there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import dns.rrset
import pytest
from msgspec.structs import replace

from probe.config.schema import VantageConfig
from probe.measure.names.host_files import HostFiles, ResolvConf
from probe.measure.names.host_lookup import host_lookups
from probe.model.identity import Family
from probe.model.observation import DnsObservation, Place
from tests.measure.dns_server import DnsServer, Script, Step, answering, framed, reply, silence
from tests.store.test_disk import in_a_namespace

NAME = "www.example.com"
LONG = 9.0


@pytest.fixture
def server() -> Iterator[DnsServer]:
    """A server with UDP and TCP; tests set its scripts."""
    with DnsServer(tcp=silence) as running:
        yield running


async def _look(
    *servers: DnsServer,
    name: str = NAME,
    family: Family = Family.IPV4,
    timeout_seconds: float = LONG,
) -> DnsObservation:
    addresses = tuple(server.address for server in servers)
    (observed,) = await host_lookups(
        [name], family, timeout_seconds=timeout_seconds, via=asking(*addresses)
    )
    return observed


def asking(*servers: str) -> VantageConfig:
    """A vantage that asks these name servers."""
    return VantageConfig(name="default", nameservers=servers)


def _reason(observed: DnsObservation) -> str | None:
    return observed.failure.reason if observed.failure else None


async def test_an_answer_costs_one_packet(server: DnsServer) -> None:
    server.udp = answering("192.0.2.1", "192.0.2.2")
    observed = await _look(server)
    (answer,) = observed.answers
    assert (set(answer.addresses), answer.ttl_seconds) == ({"192.0.2.1", "192.0.2.2"}, 60)
    assert (observed.failure, observed.transport, observed.resolver) == (None, "host", "system")
    assert len(server.udp_packets) == 1


async def test_answers_are_not_remembered(server: DnsServer) -> None:
    for n in (1, 2, 3):
        server.udp = answering(f"192.0.2.{n}")
        observed = await _look(server)
        assert observed.answers[0].addresses == (f"192.0.2.{n}",)
    assert len(server.udp_packets) == 3


async def test_only_the_family_is_asked_for(server: DnsServer) -> None:
    server.udp = answering("2001:db8::1")
    observed = await _look(server, family=Family.IPV6)
    assert observed.answers[0].addresses == ("2001:db8::1",)
    questions = [str(dns.message.from_wire(wire).question[0]) for wire in server.udp_packets]
    assert questions == ["www.example.com. IN AAAA"]


async def test_the_least_ttl_of_the_chain_counts(server: DnsServer) -> None:
    def chain(query: dns.message.Message) -> list[Step]:
        response = dns.message.make_response(query)
        response.answer = [
            dns.rrset.from_text(f"{NAME}.", 30, "IN", "CNAME", "edge.example.net."),
            dns.rrset.from_text("edge.example.net.", 90, "IN", "A", "192.0.2.1"),
        ]
        return [Step(response.to_wire())]

    server.udp = chain
    (answer,) = (await _look(server)).answers
    assert (answer.addresses, answer.ttl_seconds) == (("192.0.2.1",), 30)


@pytest.mark.parametrize(
    ("rcode", "reason", "packets"),
    [
        (dns.rcode.NXDOMAIN, "dns_nxdomain_error", 1),
        (dns.rcode.NOERROR, "dns_no_answer", 1),
        (dns.rcode.SERVFAIL, "dns_servfail_error", 2),
        (dns.rcode.REFUSED, "dns_refused_error", 2),
        (dns.rcode.NOTIMP, "dns_server_misbehaving", 2),
    ],
)
async def test_failures_and_what_they_cost(
    server: DnsServer, rcode: dns.rcode.Rcode, reason: str, packets: int
) -> None:
    server.udp = lambda query: [Step(reply(query, rcode=rcode))]
    observed = await _look(server)
    assert (_reason(observed), observed.answers) == (reason, ())
    assert len(server.udp_packets) == packets


async def test_search_lists_and_options_of_the_host_do_not_apply(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "lan.example")
    monkeypatch.setenv("RES_OPTIONS", "ndots:3 attempts:4")
    server.udp = lambda query: [Step(reply(query, rcode=dns.rcode.NXDOMAIN))]
    await _look(server)
    server.udp = silence
    await _look(server, timeout_seconds=0.3)
    asked = [str(dns.message.from_wire(wire).question[0].name) for wire in server.udp_packets]
    assert asked == ["www.example.com."] * 3


def cookies(how: str) -> Script:
    """A forwarder whose answers are all true; what it does to EDNS and its cookies is ``how``."""

    def script(query: dns.message.Message) -> list[Step]:
        sent = [one for one in query.options if one.otype == dns.edns.OptionType.COOKIE]
        if query.edns >= 0 and how == "no answer to EDNS":
            return []
        if query.edns >= 0 and how in ("FORMERR", "NOTIMP"):
            return [Step(reply(query, rcode=dns.rcode.from_text(how)))]
        response = dns.message.make_response(query)
        name = query.question[0].name
        response.answer = [dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1")]
        known = str(name).startswith("h")  # an upstream that knows cookies answers for these
        if sent and (how == "stale" or (how == "mixed" and known)):
            back = b"STALE!!!" if how == "stale" else sent[0].to_wire()[:8]
            option = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, back + bytes(16))
            response.use_edns(0, payload=1232, options=[option])
        elif how != "none":
            response.use_edns(False)
        return [Step(response.to_wire())]

    return script


@pytest.mark.parametrize("edns", [False, True])
@pytest.mark.parametrize(
    "how", ["none", "mixed", "stale", "FORMERR", "NOTIMP", "no answer to EDNS"]
)
async def test_nothing_that_a_forwarder_does_to_edns_loses_a_name(
    server: DnsServer, how: str, edns: bool
) -> None:
    server.udp = cookies(how)
    conf = ResolvConf(nameservers=(server.address,), edns=edns)
    names = ["h1.example", "h2.example", "x.example", "t.example"]
    found = await host_lookups(names, Family.IPV4, timeout_seconds=3.0, conf=conf)
    assert [one.failure for one in found] == [None] * len(names)
    assert any(dns.message.from_wire(one).edns >= 0 for one in server.udp_packets) is edns


async def test_options_of_the_hosts_resolv_conf(server: DnsServer) -> None:
    server.udp, server.tcp = silence, lambda query: [Step(framed(reply(query, "192.0.2.1")))]
    conf = ResolvConf(nameservers=(server.address,), over_tcp=True)
    (over_tcp,) = await host_lookups([NAME], Family.IPV4, timeout_seconds=LONG, conf=conf)
    assert (over_tcp.failure, server.udp_packets) == (None, [])
    conf = ResolvConf(nameservers=(server.address,), attempts=3)
    await host_lookups([NAME], Family.IPV4, timeout_seconds=2.0, conf=conf)
    assert len(server.udp_packets) == 3


@pytest.mark.parametrize(
    ("via", "reason"),
    [
        (VantageConfig(name="v", source_address="192.0.2.77"), "address_not_available"),
        (VantageConfig(name="v", interface="nosuch0"), "network_down"),
    ],
)
async def test_a_way_out_that_is_gone_is_no_failure_of_names(
    server: DnsServer, via: VantageConfig, reason: str
) -> None:
    via = replace(via, nameservers=(server.address,))
    (observed,) = await host_lookups([NAME], Family.IPV4, timeout_seconds=LONG, via=via)
    assert _reason(observed) in {reason, "permission_denied"}
    assert server.udp_packets == []


async def test_a_slow_answer_is_waited_for(server: DnsServer) -> None:
    server.udp = answering("192.0.2.1", after_seconds=0.5)
    observed = await _look(server)
    assert observed.failure is None
    assert observed.seconds >= 0.5
    assert len(server.udp_packets) == 1


async def test_a_lost_packet_is_not_a_lost_name(server: DnsServer) -> None:
    def lossy(query: dns.message.Message) -> list[Step]:
        return [] if len(server.udp_packets) == 1 else [Step(reply(query, "192.0.2.1"))]

    server.udp = lossy
    observed = await _look(server, timeout_seconds=1.5)
    assert (observed.failure, len(server.udp_packets)) == (None, 2)


async def test_silence_costs_at_most_two_packets_to_each_server_and_at_most_the_timeout() -> None:
    with DnsServer() as first, DnsServer() as second:
        observed = await _look(first, second, timeout_seconds=0.9)
        assert _reason(observed) == "generic_timeout_error"
        assert 0.3 <= observed.seconds < LONG / 2
        # When the timeout ends the second round of tries is c-ares' affair (it adds jitter).
        assert len(first.udp_packets) == 2
        assert len(second.udp_packets) in (1, 2)


async def test_the_second_server_is_asked_when_the_first_is_silent() -> None:
    with DnsServer() as first, DnsServer(udp=answering("192.0.2.1")) as second:
        observed = await _look(first, second, timeout_seconds=1.8)
        assert observed.failure is None
        assert [len(first.udp_packets), len(second.udp_packets)] == [1, 1]


async def test_a_truncated_answer_is_asked_for_over_tcp(server: DnsServer) -> None:
    server.udp = lambda query: [Step(reply(query, truncated=True))]
    server.tcp = lambda query: [Step(framed(reply(query, "192.0.2.1")))]
    observed = await _look(server)
    assert observed.answers[0].addresses == ("192.0.2.1",)
    assert (len(server.udp_packets), server.tcp_connections) == (1, 1)


async def test_no_server_to_be_reached() -> None:
    with DnsServer() as gone:
        pass
    assert _reason(await _look(gone)) == "dns_temporary_failure"


async def test_servers_that_make_no_sense_are_a_failure_too() -> None:
    (observed,) = await host_lookups(
        [NAME], Family.IPV4, timeout_seconds=LONG, via=asking("nonsense")
    )
    assert observed.failure is not None


async def test_a_name_that_is_none_is_not_asked_for(server: DnsServer) -> None:
    observed = await _look(server, name=f"{'a' * 64}.example")
    assert _reason(observed) == "dns_non_recoverable_failure"
    assert server.udp_packets == []


@pytest.mark.parametrize(
    ("hosts", "nsswitch", "address", "place"),
    [
        ("0.0.0.0 www.example.com", None, "0.0.0.0", Place.FILE),
        ("192.0.2.7\tother WWW.Example.com # mine", "hosts: files dns", "192.0.2.7", Place.FILE),
        ("192.0.2.7 www.example.com", "hosts: files [X=return] resolve", "192.0.2.7", Place.FILE),
        ("192.0.2.7 www.example.com", "hosts: dns files", "192.0.2.1", Place.HOST),
        ("192.0.2.7 www.example.com", "hosts: resolve [!UNAVAIL=return] files", "192.0.2.1", None),
        ("# 192.0.2.7 www.example.com\n:: www.example.com", None, "192.0.2.1", Place.HOST),
        ("nonsense www.example.com\n192.0.2.7 www.example.com.net", None, "192.0.2.1", Place.HOST),
        (None, None, "192.0.2.1", Place.HOST),
    ],
)
async def test_whose_answer_it_is(
    server: DnsServer,
    tmp_path: Path,
    hosts: str | None,
    nsswitch: str | None,
    address: str,
    place: Place | None,
) -> None:
    files = HostFiles(hosts=tmp_path / "hosts", nsswitch=tmp_path / "nsswitch.conf")
    for path, text in ((files.hosts, hosts), (files.nsswitch, nsswitch)):
        if text is not None:
            path.write_text(text + "\n")
    server.udp = answering("192.0.2.1")
    (observed,) = await host_lookups(
        [NAME], Family.IPV4, timeout_seconds=LONG, via=asking(server.address), files=files
    )
    assert observed.answers[0].addresses == (address,)
    assert observed.place is (place or Place.HOST)
    assert bool(server.udp_packets) is (observed.place is not Place.FILE)


async def test_a_rewritten_hosts_file_is_read_again(server: DnsServer, tmp_path: Path) -> None:
    files = HostFiles(hosts=tmp_path / "hosts", nsswitch=tmp_path / "none")
    server.udp = answering("192.0.2.1")
    seen = []
    for text in (f"0.0.0.0 {NAME}\n", f"10.0.0.99 {NAME}\n", ""):
        files.hosts.write_text(text)
        (observed,) = await host_lookups(
            [NAME], Family.IPV4, timeout_seconds=LONG, via=asking(server.address), files=files
        )
        seen.append(observed.answers[0].addresses[0])
    assert seen == ["0.0.0.0", "10.0.0.99", "192.0.2.1"]


async def test_the_event_loop_goes_on_meanwhile_and_cancelling_ends_it(server: DnsServer) -> None:
    looking = asyncio.ensure_future(_look(server))
    while not server.udp_packets:
        await asyncio.sleep(0.005)
    assert not looking.done()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking


def own_address(query: dns.message.Message) -> list[Step]:
    """Answer ``h3.example`` with 192.0.2.3, and so on."""
    return [Step(reply(query, f"192.0.2.{str(query.question[0].name)[1]}"))]


async def test_many_at_once(server: DnsServer) -> None:
    server.udp = own_address
    names = [f"h{n}.example" for n in range(10)] * 4
    found = await asyncio.gather(*(_look(server, name=name) for name in names))
    assert [one.answers[0].addresses for one in found] == [
        (f"192.0.2.{name[1]}",) for name in names
    ]
    assert len(server.udp_packets) == len(names)


async def test_names_are_asked_for_together_and_answered_each_for_itself(server: DnsServer) -> None:
    def some(query: dns.message.Message) -> list[Step]:
        match str(query.question[0].name)[0]:
            case "s":
                return [Step(reply(query, "192.0.2.9"), after_seconds=0.3)]
            case "n":
                return [Step(reply(query, rcode=dns.rcode.NXDOMAIN))]
        return own_address(query)

    server.udp = some
    names = ["h1.example", "slow.example", "none.example", "a" * 64, "h2.example"]
    found = await host_lookups(names, Family.IPV4, timeout_seconds=LONG, via=asking(server.address))
    assert [one.name for one in found] == names
    assert [[a.addresses for a in one.answers] for one in found] == [
        [("192.0.2.1",)], [("192.0.2.9",)], [], [], [("192.0.2.2",)],
    ]  # fmt: skip
    assert [_reason(one) for one in found] == [
        None, None, "dns_nxdomain_error", "dns_non_recoverable_failure", None,
    ]  # fmt: skip
    assert found[0].seconds < 0.3 <= found[1].seconds
    assert len(server.udp_packets) == 4
    assert len(set(server.sources)) == 1


async def test_a_lost_packet_among_many_is_sent_again(server: DnsServer) -> None:
    lost: list[str] = []

    def lossy(query: dns.message.Message) -> list[Step]:
        name = str(query.question[0].name)
        if name.startswith("h5") and not lost:
            lost.append(name)
            return []
        return own_address(query)

    server.udp = lossy
    names = [f"h{n}.example" for n in range(10)]
    found = await host_lookups(names, Family.IPV4, timeout_seconds=1.5, via=asking(server.address))
    assert [one.failure for one in found] == [None] * 10
    assert len(server.udp_packets) == 11


async def test_after_three_answers_less_time_is_given_to_a_second_try(server: DnsServer) -> None:
    server.udp = lambda query: [] if "h5" in str(query.question[0].name) else own_address(query)
    names = [f"h{n}.example" for n in range(10)]
    found = await host_lookups(names, Family.IPV4, timeout_seconds=6, via=asking(server.address))
    assert [one.failure is None for one in found] == [n != 5 for n in range(10)]
    # Two seconds for the first packet, then half a second instead of four.
    assert 2 < found[5].seconds < 4
    assert _reason(found[5]) == "generic_timeout_error"
    assert len(server.udp_packets) == 11


async def test_no_names_are_no_packets(server: DnsServer) -> None:
    assert await host_lookups([], Family.IPV4, timeout_seconds=1, via=asking(server.address)) == ()
    assert server.udp_packets == []


PIPES = """
import asyncio, os, subprocess, sys
from pathlib import Path
from probe.config.schema import VantageConfig
from probe.measure.names.host_lookup import host_lookups
from probe.model.identity import Family

pipe = sys.argv[1] + "/pipe"
os.mkfifo(pipe)
here = VantageConfig(name="here", nameservers=("127.0.0.1",))
for name in ("resolv.conf", "hosts", "nsswitch.conf"):
    if not Path("/etc", name).exists():
        continue
    subprocess.run(["mount", "--bind", pipe, f"/etc/{name}"], check=True)
    (seen,) = asyncio.run(host_lookups(["x.test"], Family.IPV4, timeout_seconds=1.0, via=here))
    subprocess.run(["umount", f"/etc/{name}"], check=True)
    print(seen.failure.detail)
"""


def test_a_pipe_in_place_of_what_c_ares_reads_is_not_waited_for(tmp_path: Path) -> None:
    said = in_a_namespace(PIPES, tmp_path / "own")
    assert said
    for line in said:
        assert line.endswith("is a pipe and not a file")


LONG_LIST = """
import asyncio, subprocess, sys, time
from pathlib import Path
from probe.config.schema import VantageConfig
from probe.measure.names.host_files import HostFiles
from probe.measure.names.host_lookup import host_lookups
from probe.model.identity import Family

folder = Path(sys.argv[1])
# Nobody listens there.
here = VantageConfig(name="here", nameservers=("127.0.0.1:9",))

def look(files):
    began = time.process_time()
    (seen,) = asyncio.run(
        host_lookups(["x.test"], Family.IPV4, timeout_seconds=1.0, via=here, files=files)
    )
    return time.process_time() - began, seen

def cpu():
    return min(look(HostFiles())[0] for _ in range(5))

def hosts(text):
    own = folder / f"hosts{len(text)}"
    own.write_text(text)
    subprocess.run(["mount", "--bind", own, "/etc/hosts"], check=True)

hosts("127.0.0.1 localhost\\n")
short = cpu()
hosts("".join(f"0.0.0.0 ads{n}.example\\n" for n in range(100_000)) + "192.0.2.9 x.test\\n")
print(look(HostFiles())[1].answers[0].addresses)
none = HostFiles(hosts=folder / "none")
print(look(none)[1].failure is not None)
print(min(look(none)[0] for _ in range(5)) < 10 * short, cpu() < 10 * short)
"""


def test_a_hosts_file_is_read_by_us_alone_and_once(tmp_path: Path) -> None:
    """Lists that block advertisements are long: whoever reads them holds the event loop."""
    said = in_a_namespace(LONG_LIST, tmp_path / "own")
    assert said == ["('192.0.2.9',)", "True", "True True"]
