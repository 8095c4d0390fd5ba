"""Whole rounds against one real TLS server that stands for everybody, on loopback."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import pytest
import trustme
from msgspec.structs import replace

from lab.loopback.servers import Server, Visit, authority, head_of, serve, server_context, trust
from probe.config.definition import Candidate, Corner, Definition, Discovery, Fallback, Target
from probe.config.schema import (
    Config,
    DnsConfig,
    ResolverConfig,
    ScheduleConfig,
    Settings,
    VantageConfig,
)
from probe.config.values import Bytes, Seconds
from probe.measure.names.round_names import Names
from probe.measure.one_round.asker import Asker
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.model.burst import Burst, PlannedBurst
from probe.model.failure import Failure
from probe.model.identity import Compares, Family, LegRole, Phase, RoundKind, Verify
from probe.model.observation import RoundObservation
from probe.schedule.data_budget import LEG_MOST_BYTES
from probe.schedule.host_budget import BURST, SPARED
from tests.measure.dns_server import DnsServer, answering, silence

pytestmark = pytest.mark.usefixtures("unblocked")

BODY = b"x" * 200_000
NAMES = ("x.test", "neutral.test", "one.test", "two.test")
SILENT_DNS = DnsConfig(system=False, resolvers=())


async def everybody(visit: Visit) -> None:
    """Answers as a server that honours ranges and offers one page with a link."""
    head = (await visit.head()).decode()
    path = head.split(" ")[1]
    if path.startswith("/page?"):
        body, status, fields = path.encode(), "200 OK", ""
    elif path == "/many":
        links = " ".join(f'"/app/{name}.js"' for name in ("small", "none", "main", "less"))
        body, status, fields = links.encode(), "200 OK", ""
    elif path == "/app/none.js":
        body, status, fields = b"", "404 Not Found", ""
    elif path == "/app/less.js":  # no ranges here
        body, status, fields = BODY[:150_000], "200 OK", ""
    elif path == "/page":
        body, status, fields = b'<script src="/app/main.1f.js">', "200 OK", ""
    elif path == "/reset":
        visit.reset()
        return
    elif path.startswith("/gone"):
        body, status, fields = b"", "404 Not Found", ""
    elif path.startswith("/moved"):  # to itself, for ever
        body, status, fields = b"", "302 Found", "Location: /moved\r\n"
    elif path.startswith("/elsewhere"):
        body, status, fields = b"", "302 Found", "Location: https://neutral.test/\r\n"
    elif path.startswith("/short"):
        body, status, fields = BODY[:999], "200 OK", ""
    elif path.startswith("/login"):
        body, status, fields = BODY, "200 OK", "Content-Type: text/html\r\n"
    elif path.startswith("/wait"):
        body, status, fields = b"", "503 Service Unavailable", "Retry-After: 86400\r\n"
    elif path == "/busy":
        body, status, fields = b"", "429 Too Many Requests", "Retry-After: 120\r\n"
    else:
        end = int(head.split("bytes=0-")[1].split("\r\n")[0])
        whole = 2_000 if "small" in path else len(BODY)
        body, status = BODY[: min(end + 1, whole)], "206 Partial Content"
        fields = f"Content-Range: bytes 0-{len(body) - 1}/{whole}\r\n"
    await visit.send(head_of(len(body), status=status, fields=fields) + body)


def context() -> ssl.SSLContext:
    return server_context(authority().issue_cert(*NAMES))


class World:
    """A server, and the configuration of a daemon that knows it by many names."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.state = BetweenRounds()

    def url(self, host: str, path: str = "/object") -> str:
        return f"https://{host}:{self.server.port}{path}"

    def target(self) -> Target:
        return Target(
            name="object",
            url=self.url("x.test"),
            min_bytes=Bytes(100_000),
            swap=Corner(why="a neutral name at the same server", sni="neutral.test"),
            decoy=Corner(why="the name at a neutral server", connect_to="two.test"),
        )

    def config(
        self,
        *targets: Target,
        dns: DnsConfig = SILENT_DNS,
        resolve: Mapping[str, tuple[str, ...]] | None = None,
        vantage: VantageConfig | None = None,
    ) -> Config:
        platform = Definition(
            name="x",
            title="X",
            why="",
            hosts=NAMES,
            targets=targets or (self.target(),),
            operator="x",
        )
        controls = tuple(
            Definition(
                name=name,
                title=name,
                why="",
                hosts=NAMES,
                operator=name,
                kind="control",
                targets=(
                    Target(name="object", url=self.url(f"{name}.test"), min_bytes=Bytes(100_000)),
                ),
            )
            for name in ("one", "two")
        )
        settings = Settings(
            vantages=(vantage or VantageConfig(name="here"),),
            dns=dns,
            schedule=ScheduleConfig(light=Seconds(1.0)),
            resolve=dict.fromkeys(NAMES, ("127.0.0.1",)) if resolve is None else dict(resolve),
        )
        return Config(settings=settings, platforms=(platform,), controls=controls)

    async def round(
        self,
        config: Config,
        kind: RoundKind = RoundKind.LIGHT,
        seed: int = 1,
        family: Family = Family.IPV4,
    ) -> RoundObservation:
        rounds = Rounds(config, trust(), self.state, random=Random(seed))
        return await rounds.measure(platform="x", vantage="here", kind=kind, family=family)


@asynccontextmanager
async def world(shown: trustme.LeafCert | None = None) -> AsyncIterator[World]:
    async with serve(everybody, server_context(shown) if shown else context()) as server:
        yield World(server)


async def test_every_leg_is_made_once_over_a_connection_of_its_own() -> None:
    async with world() as there:
        seen = await there.round(there.config(), RoundKind.TRANSFER)
        await there.server.finished()
    assert sorted(leg.leg.role for leg in seen.legs) == [
        "control",
        "control",
        "decoy",
        "swap",
        "target",
    ]
    assert [leg.order for leg in seen.legs] == [0, 1, 2, 3, 4]
    assert [leg.failure for leg in seen.legs] == [None] * 5
    assert len(there.server.visits) == 5
    by_order = [leg.leg.sni for leg in seen.legs]
    assert there.server.snis == by_order
    assert seen.skipped == ()
    assert not seen.clock_stepped


async def test_what_is_compared_reads_the_same_bytes() -> None:
    async with world() as there:
        seen = await there.round(there.config(), RoundKind.TRANSFER)
    read = {leg.leg.role: leg.body_bytes for leg in seen.legs if leg.leg.compares == "goodput"}
    assert read == {LegRole.TARGET: 65_536, LegRole.CONTROL: 65_536}


async def test_the_order_is_drawn_anew_each_round() -> None:
    async with world() as there:
        orders = {
            tuple(leg.leg.sni for leg in (await there.round(there.config(), seed=seed)).legs)
            for seed in range(8)
        }
    assert len(orders) > 4


async def test_the_swap_goes_where_the_target_went() -> None:
    addresses = tuple(f"127.0.0.{n}" for n in range(1, 9))
    async with serve(everybody, context(), host="0.0.0.0") as server:
        there = World(server)
        resolve = dict.fromkeys(NAMES, ("127.0.0.9",)) | {"x.test": addresses}
        config = there.config(resolve=resolve)
        rounds = [await there.round(config, RoundKind.TRANSFER, seed) for seed in range(12)]
    where = set()
    for seen in rounds:
        (target,), (swap,) = seen.by_role(LegRole.TARGET), seen.by_role(LegRole.SWAP)
        assert target.ok
        assert target.address == swap.address
        where.add(target.address)
    assert len(where) > 3


async def test_the_ledger_tells_which_addresses_have_seen_the_name() -> None:
    async with serve(everybody, context(), host="0.0.0.0") as server:
        there = World(server)
        resolve = {
            "x.test": ("127.0.0.2",),
            "two.test": ("127.0.0.3",),
            "one.test": ("127.0.0.4",),
        }
        config = there.config(resolve=resolve)
        first = await there.round(config)
        second = await there.round(config)
    fresh = next(leg for leg in first.legs if leg.address == "127.0.0.2")
    assert fresh.seen_names == ()
    for leg in second.legs:
        expected = () if leg.address == "127.0.0.4" else ("x",)
        assert leg.seen_names == expected


async def test_a_round_that_is_ended_amid_its_legs_and_queries_leaves_no_complaint() -> None:
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, told: complaints.append(str(told["message"])))
    with socket.create_server(("127.0.0.1", 0)) as mute, DnsServer(silence) as resolver:
        async with world() as there:
            port = mute.getsockname()[1]
            target = Target(name="page", url=f"https://x.test:{port}/", compares=Compares.HANDSHAKE)
            asked = ResolverConfig(name="silent", address=resolver.address)
            config = there.config(target, dns=DnsConfig(system=False, resolvers=(asked,)))
            measuring = asyncio.create_task(there.round(config))
            while not resolver.udp_packets:
                await asyncio.sleep(0.001)
            measuring.cancel()
            assert isinstance(
                (await asyncio.gather(measuring, return_exceptions=True))[0], asyncio.CancelledError
            )
            left = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*left, return_exceptions=True)
            del measuring, left
        gc.collect()
    assert complaints == []


async def test_a_name_that_leads_nowhere_is_a_failure_of_the_resolve_phase() -> None:
    async with world() as there:
        resolve = dict.fromkeys(NAMES, ("127.0.0.1",)) | {"x.test": ()}
        seen = await there.round(there.config(resolve=resolve))
    (target,) = seen.by_role(LegRole.TARGET)
    assert target.failure is not None
    assert (target.failure.phase, target.failure.reason) == (Phase.RESOLVE, "dns_no_answer")
    assert target.address is None
    assert all(leg.ok for leg in seen.by_role(LegRole.CONTROL))


async def test_without_an_ipv6_address_an_ipv6_round_says_nothing() -> None:
    async with world() as there:
        resolve: dict[str, tuple[str, ...]] = dict.fromkeys(NAMES, ("127.0.0.1",))
        seen = await there.round(there.config(resolve=resolve), family=Family.IPV6)
    assert seen.legs == ()
    assert {skipped.reason for skipped in seen.skipped} == {"no_address"}


async def test_a_host_without_budget_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.measure.one_round.asker.is_exempt", lambda address: False)
    async with world() as there:
        config = there.config()
        rounds = [await there.round(config, RoundKind.TRANSFER) for _ in range(24)]
    # The target and its swap take two tokens a round of a bucket of thirty; the last are the
    # target's alone.
    made = Counter(leg.leg.role for seen in rounds for leg in seen.legs)
    assert made[LegRole.SWAP] == (BURST - SPARED) / 2
    assert made[LegRole.TARGET] + made[LegRole.SWAP] == BURST
    skipped = [s for seen in rounds for s in seen.skipped if s.leg.connect_to == "x.test"]
    assert {s.reason for s in skipped} == {"host_budget"}
    assert len(there.server.visits) == sum(len(seen.legs) for seen in rounds)


async def test_legs_that_the_data_budget_does_not_pay_for_are_left_out_and_told() -> None:
    async with world() as there:
        rounds = Rounds(there.config(), trust(), there.state, random=Random(1))
        seen = await rounds.measure(
            platform="x",
            vantage="here",
            kind=RoundKind.TRANSFER,
            family=Family.IPV4,
            most_legs=2,
        )
        await there.server.finished()
    assert sorted(leg.leg.role for leg in seen.legs) == [LegRole.CONTROL, LegRole.TARGET]
    assert len(there.server.visits) == 2
    assert {one.reason for one in seen.skipped} == {"data_budget"}
    assert len(seen.skipped) == 3


async def test_a_burst_that_the_data_budget_refuses_asks_nobody() -> None:
    async with world() as there:
        rounds = Rounds(there.config(), trust(), there.state)
        burst = Burst(target="object", compares=Compares.GOODPUT, read_bytes=65_536)
        observed = rounds.bursts.unmade(PlannedBurst("x", burst), vantage="here")
    assert (observed.kind, observed.legs, observed.burst) == (RoundKind.BURST, (), burst)
    assert {skip.reason for skip in observed.skipped} == {"data_budget"}
    roles = [skip.leg.role for skip in observed.skipped]
    assert roles.count(LegRole.TARGET) == roles.count(LegRole.CONTROL) == burst.each
    assert not there.server.visits


async def test_retry_after_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.measure.one_round.asker.is_exempt", lambda address: False)
    async with world() as there:
        busy = Target(name="page", url=there.url("x.test", "/busy"), compares=Compares.HANDSHAKE)
        config = there.config(busy)
        first = await there.round(config)
        second = await there.round(config)
    (refused,) = first.by_role(LegRole.TARGET)
    assert refused.http is not None
    assert refused.http.status == 429
    assert second.by_role(LegRole.TARGET) == ()
    assert [s.reason for s in second.skipped] == ["host_budget"]


async def test_one_name_that_wants_to_be_left_alone_closes_no_other_at_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("probe.measure.one_round.asker.is_exempt", lambda address: False)
    async with world() as there:
        target = there.target()
        assert target.swap is not None
        busy = replace(target, swap=replace(target.swap, path="/busy"))
        config = there.config(busy)
        await there.round(config, RoundKind.TRANSFER)
        second = await there.round(config, RoundKind.TRANSFER)
    (own,) = second.by_role(LegRole.TARGET)
    assert own.ok
    skipped = [(s.leg.role, s.reason) for s in second.skipped]
    assert skipped == [(LegRole.SWAP, "host_budget")]


async def test_a_target_that_wants_to_be_left_alone_does_not_silence_its_swap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("probe.measure.one_round.asker.is_exempt", lambda address: False)
    async with world() as there:
        target = there.target()
        assert target.swap is not None
        busy = replace(
            target,
            url=there.url("x.test", "/busy"),
            swap=replace(target.swap, path="/object"),
            decoy=None,
        )
        config = there.config(busy)
        await there.round(config, RoundKind.TRANSFER)
        second = await there.round(config, RoundKind.TRANSFER)
    assert second.by_role(LegRole.TARGET) == ()
    (swap,) = second.by_role(LegRole.SWAP)
    assert swap.ok


async def test_a_machine_without_descriptors_says_nothing_about_the_network(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with world() as there:
        config = there.config()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            seen = await there.round(config)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        again = await there.round(config)
    assert seen.legs == ()
    assert {one.reason for one in seen.skipped} == {"no_resources"}
    (said,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert said.__dict__["reason"] == "too many open files"
    assert [leg.failure for leg in again.legs] == [None] * len(seen.skipped)


async def test_what_a_page_asks_for_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is only read for its link, and closes its host to every leg all the same."""
    monkeypatch.setattr("probe.measure.one_round.asker.is_exempt", lambda address: False)
    async with world() as there:
        discovered = Target(
            name="object",
            discover=Discovery(
                page=there.url("x.test", "/busy"), pattern="/app", hosts=("x.test",)
            ),
            fallback=Fallback(url=there.url("x.test", "/object")),
            compares=Compares.HANDSHAKE,
        )
        seen = await there.round(there.config(discovered))
        await there.server.finished()
    assert seen.by_role(LegRole.TARGET) == ()
    assert {(s.leg.connect_to, s.reason) for s in seen.skipped} == {("x.test", "host_budget")}
    pages = [visit for visit in there.server.visits if b"GET /busy" in visit.request]
    assert len(pages) == 1


@pytest.mark.parametrize("port", ["99999", "port"])
async def test_a_link_that_cannot_be_used_is_told_and_not_remembered(
    port: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with world() as there:
        discovered = Target(
            name="object",
            discover=Discovery(
                page=there.url("x.test", f"/page?https://x.test:{port}/app.js"),
                pattern=r"https://x\.test:\w{1,9}/app\.js",
                hosts=("x.test",),
            ),
            compares=Compares.HANDSHAKE,
        )
        config = there.config(discovered)
        seen = [await there.round(config) for _ in range(2)]
    for one in seen:
        assert one.by_role(LegRole.TARGET) == ()
        assert [s.reason for s in one.skipped] == ["no_object"]
        assert all(leg.ok for leg in one.by_role(LegRole.CONTROL))
    assert there.state.memory("here", "x", "object").of(discovered).url is None
    (said,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert (said.__dict__["platform"], said.__dict__["target"]) == ("x", "object")
    assert "fit port" in said.__dict__["reason"]


async def test_a_discovered_object_is_fetched_and_its_page_only_once() -> None:
    async with world() as there:
        discovered = Target(
            name="object",
            discover=Discovery(
                page=there.url("x.test", "/page"),
                pattern=r"/app/main\.\w+\.js",
                hosts=("x.test",),
            ),
            min_bytes=Bytes(100_000),
        )
        config = there.config(discovered)
        first = await there.round(config)
        second = await there.round(config)
        await there.server.finished()
    for seen in (first, second):
        (target,) = seen.by_role(LegRole.TARGET)
        assert target.leg.url == there.url("x.test", "/app/main.1f.js")
        assert target.ok
    assert len(there.server.visits) == 7


@pytest.mark.parametrize("seed", range(4))
async def test_of_many_links_the_largest_is_fetched_and_kept(seed: int) -> None:
    async with world() as there:
        discovered = Target(
            name="object",
            discover=Discovery(
                page=there.url("x.test", "/page?nothing"),
                pages=(there.url("x.test", "/many"),),
                pattern=r"/app/\w{1,9}\.js",
                hosts=("x.test",),
            ),
            min_bytes=Bytes(100_000),
        )
        config = there.config(discovered)
        seen = [await there.round(config, seed=seed + n) for n in range(2)]
        await there.server.finished()
    for one in seen:
        (target,) = one.by_role(LegRole.TARGET)
        assert target.leg.url == there.url("x.test", "/app/main.js")
    # Two pages, four looks; a round is a target and two controls.
    assert len(there.server.visits) == 2 + 4 + 2 * 3
    assert seen[0].page_wire_bytes > 0 == seen[1].page_wire_bytes


GOES = ("/gone", "/moved", "/elsewhere", "/short", "/login", "/wait")


@pytest.mark.parametrize("path", GOES)
async def test_what_is_gone_gives_way_to_the_next_in_the_next_round(path: str) -> None:
    async with world() as there:
        target = Target(
            name="object",
            url=there.url("x.test", path),
            min_bytes=Bytes(100_000),
            not_a_page=True,
            candidates=(
                Candidate(url=there.url("x.test", f"{path}?again"), min_bytes=Bytes(100_000)),
                Candidate(url=there.url("neutral.test"), min_bytes=Bytes(150_000)),
            ),
        )
        config = there.config(target)
        seen = [await there.round(config, RoundKind.TRANSFER, seed=n) for n in range(4)]
    read = [one.by_role(LegRole.TARGET)[0] for one in seen if one.by_role(LegRole.TARGET)]
    # A host that asks to be left alone is not asked for another object of its own.
    waits = path == "/wait"
    assert [leg.ok for leg in read] == [False, waits, True, True]
    assert read[-1].leg.url == there.url("neutral.test")
    assert read[-1].body_bytes == read[-1].leg.max_bytes > 16_384
    assert len({leg.leg.candidate for leg in read}) == (2 if waits else 3)


@pytest.mark.parametrize("all_ended", [False, True])
async def test_a_certificate_that_has_ended_counts_where_those_of_others_have_not(
    all_ended: bool,
) -> None:
    """If none is right, this machine's clock is wrong, and somebody else may have set it."""
    past = datetime(2020, 1, 1, tzinfo=UTC)
    ended = authority().issue_cert(*NAMES, not_after=past)
    async with world(ended) as old, world() as well:
        target = Target(
            name="object",
            url=old.url("x.test"),
            min_bytes=Bytes(100_000),
            no_swap="none",
            candidates=(Candidate(url=well.url("x.test"), min_bytes=Bytes(100_000)),),
        )
        config = (old if all_ended else well).config(target)
        made = [await well.round(config, RoundKind.TRANSFER) for _ in range(2)]
    first, second = (one.by_role(LegRole.TARGET)[0] for one in made)
    assert first.failure is not None
    assert first.failure.reason == "ssl_invalid_certificate"
    assert (second.leg.candidate == first.leg.candidate) is all_ended
    assert second.ok is not all_ended


async def test_what_is_said_under_another_name_takes_nothing_away() -> None:
    """Anybody with a certificate of his own can stand in the way of a leg that records it."""
    async with world(authority().issue_cert("x.test", "one.test", "two.test")) as there:
        target = Target(
            name="object",
            url=there.url("neutral.test", "/gone"),
            verify=Verify.RECORD,
            min_bytes=Bytes(100_000),
            candidates=(Candidate(url=there.url("x.test"), min_bytes=Bytes(100_000)),),
        )
        config = there.config(target)
        seen = [await there.round(config, RoundKind.TRANSFER, seed=n) for n in range(4)]
    read = [one.by_role(LegRole.TARGET)[0] for one in seen]
    assert {leg.leg.url for leg in read} == {there.url("neutral.test", "/gone")}
    assert all(leg.failure is not None for leg in read)


async def test_a_page_without_the_link_leaves_the_target_out_and_says_so() -> None:
    async with world() as there:
        missing = Target(
            name="object",
            discover=Discovery(
                page=there.url("x.test", "/page"), pattern="other.js", hosts=("x.test",)
            ),
        )
        seen = await there.round(there.config(missing))
    assert [(s.leg.target, s.reason) for s in seen.skipped] == [("object", "no_object")]
    assert {leg.leg.role for leg in seen.legs} == {LegRole.CONTROL}


@pytest.mark.parametrize(
    ("page", "lines"),
    [("/page", 1), ("/gone", 1), ("/moved", 1), ("/reset", 0), ("x.test:9", 0), ("no.test", 0)],
)
async def test_a_page_that_answers_without_a_link_costs_a_line_a_day_and_a_dead_line_none(
    page: str, lines: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("probe.measure.objects.objects.RETRY_SECONDS", 0.0)  # asked in every round
    async with world() as there:
        url = there.url("x.test", page) if page[0] == "/" else f"https://{page}/"
        discovered = Target(
            name="object", discover=Discovery(page=url, pattern="other.js", hosts=("x.test",))
        )
        config = there.config(discovered)
        for seed in range(3):
            seen = await there.round(config, seed=seed)
            assert [(s.leg.target, s.reason) for s in seen.skipped] == [("object", "no_object")]
    said = [one for one in caplog.records if one.levelname == "WARNING"]
    assert [one.__dict__["target"] for one in said] == ["object"] * lines


async def test_every_resolver_is_asked_once_for_every_name() -> None:
    with DnsServer(answering("127.0.0.1")) as first, DnsServer(answering("127.0.0.2")) as second:
        dns = DnsConfig(
            system=False,
            resolvers=tuple(
                ResolverConfig(name=name, address=f"127.0.0.1:{server.port}")
                for name, server in (("first", first), ("second", second))
            ),
            linger=Seconds(0.1),
        )
        async with world() as there:
            seen = await there.round(there.config(dns=dns))
        asked = sorted((one.resolver, one.name) for one in seen.dns)
        names = sorted({leg.leg.connect_to for leg in seen.legs})
        assert asked == sorted((r, n) for r in ("first", "second") for n in names)
        assert len(first.udp_packets) == len(second.udp_packets) == len(names)
    assert {one.transport for one in seen.dns} == {"udp"}


async def test_visiting_a_platform_asks_over_quic_where_that_is_set() -> None:
    async with world() as there:
        target = replace(there.target(), quic=True)
        config = there.config(target)
        on = replace(config, settings=replace(config.settings, quic=True))
        found = {}
        for quic, one in ((False, config), (True, on)):
            rounds = Rounds(one, trust(), BetweenRounds())
            seen = await rounds.visit(one.platforms[0], vantage="here", family=Family.IPV4)
            found[quic] = seen.beside
    assert found[False] == ()
    swap, asked = found[True]
    assert (swap.leg.role, swap.leg.target) == (LegRole.SWAP, "object")
    assert (asked.leg.role, asked.leg.target) == (LegRole.TARGET, "object")
    # Nobody listens on the server's port for UDP.
    for made in (swap, asked):
        assert made.failure is not None
        assert (made.failure.phase, made.failure.reason) == (Phase.CONNECT, "connection_refused")


async def test_visiting_a_platform_reads_every_target_once() -> None:
    async with world() as there:
        config = there.config()
        rounds = Rounds(config, trust(), there.state)
        seen = await rounds.visit(config.platforms[0], vantage="here", family=Family.IPV4)
    assert seen.skipped == ()
    assert sorted(leg.leg.role for leg in seen.legs) == ["decoy", "swap", "target"]
    assert max(leg.body_bytes or 0 for leg in seen.legs) == 65_536


async def test_looks_end_where_what_is_set_aside_for_pages_does() -> None:
    via = VantageConfig(name="here")
    async with world() as there:
        settings = there.config().settings
        names = Names(settings, via, Family.IPV4, Random(1))
        asker = Asker(trust(), there.state, targets={}, page_seconds=5.0)
        url = there.url("x.test", "/app/main.js")
        assert await asker.look(via, names, LEG_MOST_BYTES, url) == len(BODY)
        spent = names.page_wire_bytes
        refused = await asker.look(via, names, LEG_MOST_BYTES + spent - 1, url)
        assert isinstance(refused, Failure)
        assert names.page_wire_bytes == spent


async def test_after_a_round_in_which_no_control_answered_more_are_asked() -> None:
    """The few that were drawn cannot tell a dead line from one on which most sites are cut off."""
    async with world() as there:
        config = there.config()
        silent = replace(
            config,
            controls=tuple(
                replace(
                    config.controls[0],
                    name=f"control{i}",
                    operator=f"operator{i}",
                    targets=(
                        Target(
                            name="object",
                            url=there.url("one.test", "/reset"),
                            min_bytes=Bytes(100_000),
                        ),
                    ),
                )
                for i in range(9)
            ),
        )
        answering = replace(
            silent,
            controls=tuple(
                replace(one, targets=config.controls[0].targets) for one in silent.controls
            ),
        )

        async def asked(of: Config, kind: RoundKind) -> list[Compares]:
            seen = await there.round(of, kind)
            controls = [leg for leg in seen.legs if leg.leg.role is LegRole.CONTROL]
            assert len({leg.leg.owner for leg in controls}) == len(controls)
            return sorted(leg.leg.compares for leg in controls)

        light, read = Compares.HANDSHAKE, Compares.GOODPUT
        assert await asked(silent, RoundKind.LIGHT) == [light] * 2
        assert await asked(silent, RoundKind.TRANSFER) == [read, *[light] * 5]
        assert await asked(answering, RoundKind.TRANSFER) == [read, *[light] * 5]
        assert await asked(answering, RoundKind.TRANSFER) == [read, light]
