"""A page, a look-up or a proxy that hangs for one platform holds no other's round, and its own no
longer than a bound. Real servers; what is asserted is who is done first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from random import Random

import dns.message
import dns.rcode
import pytest

from lab.loopback.servers import Visit, authority, head_of, serve, server_context, trust
from probe.config.definition import Definition, Discovery, Target
from probe.config.schema import (
    Config,
    DnsConfig,
    LegsConfig,
    ScheduleConfig,
    Settings,
    VantageConfig,
)
from probe.config.values import Bytes, Seconds
from probe.measure.one_round import between_rounds
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.line_turn import LineTurn
from probe.measure.one_round.round import Rounds
from probe.model.identity import Family, LegRole, RoundKind
from probe.model.observation import RoundObservation
from tests.measure.dns_server import DnsServer, Script, Step, answering, reply

pytestmark = pytest.mark.usefixtures("unblocked")

PATIENCE = 0.1
PAGES = 2.0
HOSTS = ("hung.test", "well.test", "one.test", "two.test")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only waits hands on soon."""
    monkeypatch.setattr(between_rounds, "LineTurn", lambda: LineTurn(PATIENCE))


async def silent(visit: Visit) -> None:
    await visit.stall()


async def byte_a_while(visit: Visit) -> None:
    while True:
        await visit.send(b"x")
        await asyncio.sleep(PATIENCE / 2)


async def endless_page(visit: Visit) -> None:
    await visit.send(head_of(500_000))
    await byte_a_while(visit)


async def endless_redirects(visit: Visit) -> None:
    await asyncio.sleep(PAGES / 2)
    await visit.send(head_of(0, status="302 Found", fields="Location: /page\r\n"))


HANGS = [silent, byte_a_while, endless_page, endless_redirects]


def definition(name: str, port: int, kind: str = "platform", *, pages: int = 0) -> Definition:
    """One target, and as many more that are looked for on pages."""
    url = f"https://{name}.test:{port}"
    known = Target(name="known", url=f"{url}/o", min_bytes=Bytes(1_000))
    found = (
        Target(
            name=f"found{n}",
            discover=Discovery(page=f"{url}/page{n}", pattern="/(o)", hosts=HOSTS),
            min_bytes=Bytes(1_000),
        )
        for n in range(pages)
    )
    return Definition(
        name=name,
        title=name,
        why="",
        hosts=HOSTS,
        operator=name,
        kind=kind,
        targets=(known, *found),
    )


class Here:
    """A daemon's rounds of two platforms, of which one hangs."""

    def __init__(
        self,
        port: int,
        *,
        pages: int = 0,
        vantage: VantageConfig | None = None,
        deadline: float = 1.0,
        lookups: bool = False,
    ) -> None:
        config = Config(
            settings=Settings(
                vantages=(vantage or VantageConfig(name="here"),),
                dns=DnsConfig(
                    system=False, resolvers=(), deadline=Seconds(deadline), allow_private=True
                ),
                schedule=ScheduleConfig(light=Seconds(1.0)),
                legs=LegsConfig(light_deadline=Seconds(PAGES), transfer_deadline=Seconds(PAGES)),
                resolve={} if lookups else dict.fromkeys(HOSTS, ("127.0.0.1",)),
            ),
            platforms=(definition("hung", port, pages=pages), definition("well", port)),
            controls=tuple(definition(name, port, "control") for name in ("one", "two")),
        )
        self.rounds = Rounds(config, trust(), BetweenRounds(), random=Random(1))

    async def round(self, platform: str, kind: RoundKind = RoundKind.LIGHT) -> RoundObservation:
        return await self.rounds.measure(
            platform=platform, vantage="here", kind=kind, family=Family.IPV4
        )

    async def both(self) -> tuple[RoundObservation, RoundObservation]:
        """The hung platform's round, in the midst of which the other's is begun and ended."""
        loop = asyncio.get_running_loop()
        hung = loop.create_task(self.round("hung"))
        await asyncio.sleep(PATIENCE)
        well = loop.create_task(self.round("well"))
        await asyncio.wait({hung, well}, return_when=asyncio.FIRST_COMPLETED)
        assert well.done(), "what hangs has held the other platform"
        assert not hung.done(), "nothing hung: this shows nothing"
        return await asyncio.wait_for(hung, 60.0), well.result()


@asynccontextmanager
async def server_of(page: object) -> AsyncIterator[int]:
    async def script(visit: Visit) -> None:
        head = (await visit.head()).decode().lower()
        if head.split(" ")[1].startswith("/page"):
            await page(visit)  # type: ignore[operator]
        size = int(head.split("bytes=0-")[1].split("\r\n")[0]) + 1
        fields = f"Content-Range: bytes 0-{size - 1}/200000\r\n"
        await visit.send(head_of(size, status="206 Partial Content", fields=fields) + b"x" * size)

    async with serve(script, server_context(authority().issue_cert(*HOSTS))) as server:
        yield server.port


@pytest.mark.parametrize("hangs", HANGS)
async def test_a_page_that_hangs(hangs: object) -> None:
    async with server_of(hangs) as port:
        here = Here(port, pages=3)
        hung, well = await here.both()
        assert all(leg.ok for leg in well.legs)
        # Its own other legs are made, after no more than all of its pages together may take.
        assert [leg.leg.target for leg in hung.by_role(LegRole.TARGET)] == ["known"]
        assert all(leg.ok for leg in hung.legs)
        assert hung.duration_seconds < 2.5 * PAGES


async def test_a_page_that_there_was_no_time_for_is_looked_at_in_the_next_round() -> None:
    asked: list[int] = []

    async def page(visit: Visit) -> None:
        asked.append(len(asked))
        await visit.stall()

    async with server_of(page) as port:
        here = Here(port, pages=2)
        for pages in (1, 2, 2):
            await here.round("hung")
            assert len(asked) == pages


def late_servfail(query: dns.message.Message) -> Iterable[Step]:
    return [Step(reply(query, rcode=dns.rcode.SERVFAIL), 0.4)]


def truncated(query: dns.message.Message) -> Iterable[Step]:
    return [Step(reply(query, truncated=True))]


def never(query: dns.message.Message) -> Iterable[Step]:
    return [Step(b"", 60.0)]


def only_for(hung: Script) -> Script:
    """``hung`` for the names of the platform that hangs, addresses for all else."""

    def script(query: dns.message.Message) -> Iterable[Step]:
        name = query.question[0].name.to_text()
        return (hung if name.startswith("hung.") else answering("127.0.0.1"))(query)

    return script


@pytest.mark.parametrize(
    ("udp", "tcp"),
    [(lambda query: (), None), (late_servfail, None), (truncated, never)],
    ids=["silence", "SERVFAIL, late", "TCP that hangs"],
)
async def test_a_look_up_that_hangs(udp: Script, tcp: Script | None) -> None:
    with DnsServer(only_for(udp), tcp) as resolver:
        async with server_of(silent) as port:
            via = VantageConfig(name="here", nameservers=(resolver.address,))
            hung, well = await Here(port, vantage=via, lookups=True).both()
    assert all(leg.ok for leg in well.legs)
    (failed,) = hung.by_role(LegRole.TARGET)
    assert failed.failure is not None
    assert failed.failure.phase == "resolve"
    assert all(leg.ok for leg in hung.by_role(LegRole.CONTROL))


@pytest.mark.parametrize("drips", [False, True])
async def test_a_proxy_that_hangs(drips: bool) -> None:
    async with server_of(silent) as port:

        async def proxy(visit: Visit) -> None:
            head = (await visit.head()).decode()
            if "hung.test" in head:
                await (byte_a_while if drips else silent)(visit)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
            up = asyncio.create_task(_copied(visit.reader, writer))
            try:
                while data := await reader.read(65_536):
                    await visit.send(data)
            finally:
                up.cancel()
                writer.close()

        async with serve(proxy) as outer:
            via = VantageConfig(name="here", proxy=f"http://127.0.0.1:{outer.port}")
            hung, well = await Here(port, vantage=via, lookups=True).both()
    assert all(leg.ok for leg in well.legs)
    (failed,) = hung.by_role(LegRole.TARGET)
    assert failed.failure is not None
    assert failed.failure.phase == "connect"


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
