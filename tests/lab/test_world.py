"""The lab's world, seen by tools that are not ours: curl, dnspython, httpx, tcpdump."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from lab.capture import connections, contacted, dns_exchanges
from lab.lab import Lab, LabError
from lab.net import WORLD_ADDRESS, namespaces
from lab.pki import Authority
from lab.small import CONFIG, LINK, ON_PAGE, PAGE
from lab.world.__main__ import quiet_loop_errors
from lab.world.build import BEACON, world_for
from lab.world.events import Query, Request
from lab.world.spec import ANY, LARGEST_BYTES, Object
from probe.measure.objects.discover import find_links

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]

# Asks each server in turn with httpx and with Python's ssl; prints JSON.
PYTHON_CLIENT = """
import json, socket, ssl, sys
import httpx
ca, = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
def shown(host, sni):
    with socket.create_connection((host, 443), timeout=5) as s:
        with context.wrap_socket(s, server_hostname=sni) as t:
            return sorted(n for _, n in t.getpeercert()["subjectAltName"] if "also-" not in n)
said = {"names": {
    "static.xx.fbcdn.net": shown("static.xx.fbcdn.net", "static.xx.fbcdn.net"),
    "test.googlevideo.com": shown("mirror.gcr.io", "test.googlevideo.com"),
    "mirror.gcr.io": shown("mirror.gcr.io", "mirror.gcr.io"),
    "1.1.1.1": shown("1.1.1.1", "1.1.1.1"),
}}
try:
    shown("mirror.gcr.io", "neutral.example")
    said["neutral"] = "verified"
except ssl.SSLCertVerificationError as error:
    said["neutral"] = error.verify_message
with httpx.Client(verify=context, http2=True) as client:
    url = "https://static.xx.fbcdn.net/large.bin"
    whole = client.get(url)
    said["whole"] = [whole.http_version, whole.status_code, len(whole.content)]
    part = client.get(url, headers={"Range": "bytes=0-65535"})
    said["part"] = [part.status_code, len(part.content), part.content == whole.content[:65536]]
    far = client.get(url, headers={"Range": "bytes=9999999-"})
    said["far"] = [far.status_code, far.headers["content-range"]]
    said["head"] = [client.head(url).headers["content-length"]]
    said["none"] = client.get("https://static.xx.fbcdn.net/absent").status_code
    said["empty"] = client.get("https://redirector.googlevideo.com/generate_204").status_code
with httpx.Client(verify=context, http1=True) as client:
    old = client.get(url)
    said["old"] = [old.http_version, len(old.content), old.content == whole.content]
print(json.dumps(said))
"""

DNS_CLIENT = """
import base64, json, socket, ssl, sys
import dns.message, dns.query, dns.rcode, httpx
ca, = sys.argv[1:]
def shape(m):
    return [dns.rcode.to_text(m.rcode()), sorted(r.to_text() for s in m.answer for r in s)]
def ask(name, kind="A", **more): return dns.message.make_query(name, kind, **more)
said = {}
for server in ("9.9.9.9", "8.8.8.8"):
    said[server] = shape(dns.query.udp(ask("www.instagram.com"), server, timeout=5))
said["tcp"] = shape(dns.query.tcp(ask("www.instagram.com"), "9.9.9.9", timeout=5))
kind = "application/dns-message"
query = ask("www.instagram.com", use_edns=True).to_wire()
packed = base64.urlsafe_b64encode(query).rstrip(b"=").decode()
with httpx.Client(base_url="https://1.1.1.1", verify=ssl.create_default_context(cafile=ca)) as c:
    post = c.post("/dns-query", content=query, headers={"content-type": kind})
    get = c.get("/dns-query", params={"dns": packed})
    said["kinds"] = [post.headers["content-type"], get.headers["content-type"]]
    said["https"] = shape(dns.message.from_wire(post.content))
    said["get"] = shape(dns.message.from_wire(get.content))
    said["bad"] = c.get("/dns-query", params={"dns": "!"}).status_code
said["six"] = shape(dns.query.udp(ask("deb.debian.org", "AAAA"), "9.9.9.9", timeout=5))
said["below"] = shape(dns.query.udp(ask("r1---sn-4g5.googlevideo.com"), "9.9.9.9", timeout=5))
said["nothing"] = shape(dns.query.udp(ask("nobody.example"), "9.9.9.9", timeout=5))
said["no_data"] = shape(dns.query.udp(ask("deb.debian.org", "TXT"), "9.9.9.9", timeout=5))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"junk", ("9.9.9.9", 53))
said["after_junk"] = shape(dns.query.udp(ask("deb.debian.org"), "9.9.9.9", timeout=5))
print(json.dumps(said))
"""

CURL_FORMAT = "%{http_version} %{http_code} %{size_download} %{ssl_verify_result} %{remote_ip}"


CURL_UNKNOWN_AUTHORITY = 60
CURL = ("curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", CURL_FORMAT)


@pytest.fixture(scope="module")
def lab(requires_lab: None) -> Iterator[Lab]:
    with Lab(world_for(CONFIG)) as made:
        yield made


def curl(lab: Lab, *arguments: str) -> tuple[int, list[str]]:
    """curl's exit status and what ``CURL_FORMAT`` gave."""
    done = lab.exec(
        [*CURL, "--cacert", str(lab.ca_file), *arguments],
    )
    return done.returncode, done.stdout.split()


def python(lab: Lab, program: str) -> dict[str, object]:
    """What a Python program in the client's namespace printed."""
    done = lab.exec([sys.executable, "-c", program, str(lab.ca_file)])
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize(("option", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl_verifies_and_reads_in_both_versions(lab: Lab, option: str, version: str) -> None:
    status, said = curl(lab, option, LINK)
    assert status == 0
    assert said[:4] == [version, "200", str(131_072), "0"]
    assert said[4] in lab.spec.zone["static.cdninstagram.com"]


def test_curl_refuses_the_certificates_of_another_authority(lab: Lab, tmp_path: Path) -> None:
    other = Authority().write_root(tmp_path / "other.pem")
    status, _ = curl(lab, "--cacert", str(other), LINK)
    assert status == CURL_UNKNOWN_AUTHORITY


def test_a_page_leads_to_its_object(lab: Lab) -> None:
    done = lab.exec(["curl", "-sS", "--cacert", str(lab.ca_file), PAGE])
    assert asyncio.run(find_links(PAGE, done.stdout.encode(), ON_PAGE)) == (LINK,)


def test_any_address_of_an_operator_serves_any_of_its_hosts(lab: Lab) -> None:
    site = next(site for site in lab.spec.sites if site.name == "meta")
    assert len(site.addresses) >= 6
    for address in site.addresses:
        at = f"[{address}]" if ":" in address else address
        status, said = curl(lab, "--connect-to", f"::{at}:443", LINK)
        assert (status, said[1], said[4]) == (0, "200", address)


def test_a_python_client_sees_certificates_sizes_and_ranges(lab: Lab) -> None:
    said = python(lab, PYTHON_CLIENT)
    assert said["names"] == {
        "static.xx.fbcdn.net": ["*.fbcdn.net", "static.xx.fbcdn.net"],
        "test.googlevideo.com": [
            "*.googlevideo.com",
            "redirector.googlevideo.com",
            "test.googlevideo.com",
        ],
        "mirror.gcr.io": ["mirror.gcr.io"],
        "1.1.1.1": ["1.1.1.1"],
    }
    assert "neutral.example" in str(said["neutral"])
    assert said["whole"] == ["HTTP/2", 200, LARGEST_BYTES]
    assert said["part"] == [206, 65_536, True]
    assert said["far"] == [416, f"bytes */{LARGEST_BYTES}"]
    assert said["head"] == [str(LARGEST_BYTES)]
    assert (said["none"], said["empty"]) == (404, 204)
    assert said["old"] == ["HTTP/1.1", LARGEST_BYTES, True]


def test_the_name_of_one_host_gets_the_object_of_another(lab: Lab) -> None:
    address = lab.spec.zone["mirror.gcr.io"][0]
    status, said = curl(
        lab,
        "-H",
        "Host: mirror.gcr.io",
        "--resolve",
        f"test.googlevideo.com:443:{address}",
        "https://test.googlevideo.com/v2/blob",
    )
    assert (status, said[1:4]) == (0, ["200", "131072", "0"])


def test_the_beacon_answers_to_every_name(lab: Lab) -> None:
    status, said = curl(lab, "-k", "--connect-to", f"::{BEACON}:443", "https://x.com/any/path")
    assert (status, said[1:3]) == (0, ["200", str(LARGEST_BYTES)])
    status, said = curl(lab, "-r", "0-1023", f"https://{BEACON}/")
    assert (status, said[1:4]) == (0, ["206", "1024", "0"])


def test_every_transport_and_resolver_gives_the_same_answer(lab: Lab) -> None:
    said = python(lab, DNS_CLIENT)
    page = [a for a in lab.spec.zone["www.instagram.com"] if "." in a]
    for way in ("9.9.9.9", "8.8.8.8", "tcp", "https", "get"):
        assert said[way] == ["NOERROR", sorted(page)], way
    assert said["kinds"] == ["application/dns-message"] * 2
    assert said["bad"] == 400
    mirror = lab.spec.zone["deb.debian.org"]
    assert said["six"] == ["NOERROR", sorted(a for a in mirror if ":" in a)]
    assert said["after_junk"] == ["NOERROR", sorted(a for a in mirror if "." in a)]
    below = [a for a in lab.spec.zone["*.googlevideo.com"] if "." in a]
    assert said["below"] == ["NOERROR", sorted(below)]
    assert said["nothing"] == ["NXDOMAIN", []]
    assert said["no_data"] == ["NOERROR", []]


def test_the_system_resolver_is_the_lab_own(lab: Lab) -> None:
    found = lab.exec(["getent", "ahostsv4", "deb.debian.org"])
    assert {line.split()[0] for line in found.stdout.splitlines()} == {
        a for a in lab.spec.zone["deb.debian.org"] if "." in a
    }


def test_what_the_capture_saw_is_what_the_servers_saw(lab: Lab) -> None:
    before = len(lab.events())
    with lab.capture() as capture:
        assert curl(lab, "-4", "--http2", LINK)[0] == 0
        assert curl(lab, "-4", "--http2", PAGE)[0] == 0
        assert curl(lab, "-6", "--http1.1", "https://deb.debian.org/InRelease")[0] == 0
    events = lab.events()[before:]
    assert capture.dropped == 0

    made = connections(capture.path)
    requests = [event for event in events if isinstance(event, Request)]
    assert [c.client[1] for c in made] == [r.client_port for r in requests]
    assert [c.server for c in made] == [(r.address, 443) for r in requests]
    assert [c.sni() for c in made] == [r.host for r in requests]
    for connection in made:
        assert connection.syn_count == 1
        opened = (connection.syn, connection.syn_ack, connection.client_hello)
        times = (*opened, connection.first_data, connection.last_received)
        known = [time for time in times if time is not None]
        assert len(known) == len(times)
        assert sorted(known) == known
        assert connection.wire_bytes_received > 30_000
        records = connection.received.records()
        assert all(record.begun <= record.ended for record in records)
        # Small records after the handshake: 5 bytes of head, 17 of TLS 1.3 around the content.
        assert max(r.bytes for r in records[-20:]) <= lab.spec.record_bytes + 22

    asked = Counter((e.name, e.type) for e in dns_exchanges(capture.path))
    assert asked == Counter((e.name, e.type) for e in events if isinstance(e, Query))
    assert all(len(e.answers) == 1 for e in dns_exchanges(capture.path))
    hosts = {"static.cdninstagram.com", "www.instagram.com", "deb.debian.org"}
    seen = contacted(capture.path)
    assert seen["sni"] == seen["dns"] == hosts
    assert seen["addresses"] == {WORLD_ADDRESS, *(c.server[0] for c in made)}


def test_a_box_that_holds_frames_back_makes_the_path_longer() -> None:
    hold_seconds = 0.05
    with Lab(world_for(CONFIG), delay_seconds=hold_seconds) as lab:
        with lab.capture() as capture:
            assert curl(lab, "-4", "https://deb.debian.org/InRelease")[0] == 0
        (connection,) = connections(capture.path)
    assert connection.syn is not None
    assert connection.syn_ack is not None
    assert connection.syn_ack - connection.syn >= 2 * hold_seconds * 1e9


def test_servers_think_as_long_and_pace_as_they_are_told() -> None:
    latency_seconds = 0.05
    slow = Object(size_bytes=10, latency_seconds=latency_seconds)
    world = world_for(CONFIG)
    sites = [
        structs.replace(site, objects={ANY: {ANY: slow}}) if site.name == "debian" else site
        for site in world.sites
    ]
    world = structs.replace(
        world, sites=tuple(sites), congestion="reno", dns_latency_seconds=latency_seconds
    )
    with Lab(world) as lab:
        shown = "%{time_namelookup} %{time_pretransfer} %{time_starttransfer}"
        times = ["curl", "-sS", "-o", "/dev/null", "-w", shown, "--cacert", str(lab.ca_file)]
        done = lab.exec([*times, "https://deb.debian.org/InRelease"])
        looked_up, asked, answered = map(float, done.stdout.split())
        listeners = lab.topology.world.run(["ss", "-Htlnio", "sport = 443"]).stdout
    assert looked_up >= latency_seconds
    assert answered - asked >= latency_seconds
    assert listeners.count("reno") == len([a for s in world.sites for a in s.addresses])


def test_what_the_lab_programs_complain_of_is_not_lost() -> None:
    spec = structs.replace(world_for(CONFIG), congestion="no-such-thing")
    with pytest.raises(LabError, match="the world did not start"), Lab(spec):
        pass


def test_a_lab_leaves_nothing_behind() -> None:
    with Lab(world_for(CONFIG)) as lab:
        folder, names = lab.folder, [lab.topology.client.name, lab.topology.world.name]
        assert lab.daemon_config().exists()
    assert not folder.exists()
    assert not set(names) & set(namespaces())


async def test_what_asyncio_says_of_its_own_transports_is_no_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop, told = asyncio.get_running_loop(), list[object]()

    def handler(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        told.append(context["exception"])
        quiet_loop_errors(loop, context)

    def wrong() -> None:
        raise AttributeError("of ours")

    loop.set_exception_handler(handler)
    ours, theirs = socket.socketpair()
    with theirs:
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        # As Python 3.11 does now and then, where a reset meets the end of a body.
        for _ in range(2):
            loop.call_soon(transport._call_connection_lost, ConnectionResetError())  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert all(isinstance(error, AttributeError) for error in told)
    assert not caplog.records
    loop.call_soon(wrong)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert str(told[-1]) == "of ours"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
