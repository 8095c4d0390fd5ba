"""Uploads to real servers on loopback: what is acknowledged, by whom, and what a refusal leaves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from random import Random

import pytest
from msgspec.structs import replace

from lab.loopback.servers import (
    HERE,
    Visit,
    certificate,
    head_of,
    leg_to,
    serve,
    server_context,
    trust,
)
from probe.config.definition import Corner
from probe.config.probers import BY_NAME, sent
from probe.config.schema import LegsConfig
from probe.config.values import Bytes
from probe.measure.connection import tcp_info
from probe.measure.one_leg import upload as upload_module
from probe.measure.one_leg.beside import made_beside
from probe.measure.one_leg.failures import TIMEOUT, UNEXPECTED_STATUS
from probe.measure.one_leg.upload import measure_upload
from probe.measure.one_round.legs import (
    Endpoint,
    declare,
    declare_burst,
    draw_burst_controls,
)
from probe.model.burst import Burst
from probe.model.identity import Answer, Compares, LegRole, Phase, RoundKind
from probe.model.observation import LegObservation, UploadInfo
from probe.observe.effort import refused
from probe.observe.goodput import FIRST_FLIGHT_BYTES, upload_goodput
from tests.again import undisturbed
from tests.measure.test_legs import CONTROLS, endpoints

SHORT = 0.8
UPLOAD_BYTES = 65_536
SMALL_WINDOW = 8_192


async def upload_to(
    port: int, *, seconds: float = 10.0, size: int = UPLOAD_BYTES
) -> tuple[LegObservation, UploadInfo]:
    leg = replace(sent(leg_to(port), 1_024), prober="upload", send_bytes=size)
    seen = await measure_upload(
        leg, address="127.0.0.1", via=HERE, trust=trust(), deadline_seconds=seconds, order=0
    )
    assert seen.upload is not None, seen.failure
    return seen, seen.upload


async def whole_body(visit: Visit) -> int:
    head = (await visit.head()).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    left = length
    while left:
        left -= len(await visit.reader.readexactly(min(left, 16_384)))
    return length


async def takes(visit: Visit) -> None:
    await whole_body(visit)
    await visit.send(head_of(2) + b"ok")
    await visit.gone()


async def refuses_what_it_took(visit: Visit) -> None:
    await whole_body(visit)
    await visit.send(head_of(0, status="405 Method Not Allowed"))
    await visit.gone()


async def refuses_and_reads_on(visit: Visit) -> None:
    head = (await visit.head()).lower()
    left = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await visit.send(head_of(0, status="405 Method Not Allowed"))
    while left:
        left -= len(await visit.reader.readexactly(min(left, 16_384)))
    await visit.gone()


async def says_nothing(visit: Visit) -> None:
    await whole_body(visit)
    await visit.stall()


@contextlib.asynccontextmanager
async def slow_way(to: int, pace: Callable[[int], Awaitable[None]]) -> AsyncIterator[int]:
    """A port whose connections are passed on to ``to``; what is sent there waits for ``pace``, and
    this machine's kernel takes hardly more than has been passed on."""
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
        listening.setblocking(False)

        async def passes(
            one: socket.socket, other: socket.socket, wait: Callable[[int], Awaitable[None]] | None
        ) -> None:
            with contextlib.suppress(OSError):
                while data := await loop.sock_recv(one, 2_048):
                    if wait is not None:
                        await wait(len(data))
                    await loop.sock_sendall(other, data)

        async def accepts() -> None:
            near, _ = await loop.sock_accept(listening)
            far = socket.create_connection(("127.0.0.1", to))
            far.setblocking(False)
            with near, far:
                await asyncio.gather(passes(near, far, pace), passes(far, near, None))

        tasks.append(loop.create_task(accepts()))
        try:
            yield listening.getsockname()[1]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_arrives_is_seen_by_the_kernel() -> None:
    async with serve(takes, server_context(certificate())) as server:
        seen, upload = await upload_to(server.port)
    assert seen.ok
    assert seen.http is not None
    assert seen.http.status == 200
    assert upload.acked_bytes == upload.whole_bytes
    assert UPLOAD_BYTES < upload.whole_bytes < UPLOAD_BYTES * 1.05
    assert upload.seconds is not None
    assert seen.phases[Phase.TRANSFER] == upload.seconds
    assert seen.phases[Phase.PROCESSING] > 0.0
    assert {Phase.CONNECT, Phase.TLS} <= set(seen.phases)
    assert all(a.bytes < b.bytes and a.seconds <= b.seconds for a, b in pairwise(upload.curve))
    assert upload.curve[-1].bytes == upload.acked_bytes
    assert seen.wire_bytes_sent is not None
    assert seen.wire_bytes_sent > upload.whole_bytes
    assert seen.body_bytes is None, "what is answered is not read"


@undisturbed
async def test_the_rate_is_that_of_the_way_and_not_of_what_was_written() -> None:
    """The whole of it lies in this machine's buffer at once; two ways differ by four times."""
    rates = []
    async with serve(takes, server_context(certificate())) as server:
        for pace in (100_000, 400_000):

            async def paced(size: int, pace: int = pace) -> None:
                await asyncio.sleep(size / pace)

            async with slow_way(server.port, paced) as port:
                seen, upload = await upload_to(port)
            assert seen.ok, seen.failure
            rate = upload_goodput(upload)
            assert rate is not None
            rates.append(rate)
            assert upload.window_limited_seconds is not None
            assert upload.window_limited_seconds > 0.0, "the kernel says what it waited for"
    assert rates[0] < 200_000
    assert 2.0 < rates[1] / rates[0] < 8.0


async def test_a_refusal_of_what_was_carried_keeps_the_rate() -> None:
    async def paced(size: int) -> None:
        await asyncio.sleep(size / 400_000)

    async with (
        serve(refuses_what_it_took, server_context(certificate())) as server,
        slow_way(server.port, paced) as port,
    ):
        seen, upload = await upload_to(port)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.reason) == (Phase.PROCESSING, UNEXPECTED_STATUS)
    assert refused(seen), "no failure of the way"
    assert upload.acked_bytes == upload.whole_bytes
    assert upload_goodput(upload) is not None


@undisturbed
async def test_who_says_no_early_and_reads_on_is_measured_whole() -> None:
    """As a server does that wants to keep the connection."""

    async def paced(size: int) -> None:
        await asyncio.sleep(size / 100_000)

    async with (
        serve(refuses_and_reads_on, server_context(certificate())) as server,
        slow_way(server.port, paced) as port,
    ):
        seen, upload = await upload_to(port)
    assert seen.failure is not None
    assert seen.failure.reason == UNEXPECTED_STATUS
    assert upload.acked_bytes == upload.whole_bytes
    assert seen.phases[Phase.PROCESSING] < seen.phases[Phase.TRANSFER], "it said so early"


async def test_who_says_that_it_closes_is_written_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload_module, "REST_SECONDS", SHORT)
    size, came = 16 * 1_048_576, 0

    async def closes(visit: Visit) -> None:
        nonlocal came
        await visit.head()
        fields = "Connection: close\r\n"
        await visit.send(head_of(0, status="413 Content Too Large", fields=fields))
        while data := await visit.reader.read(65_536):
            came += len(data)

    async with serve(closes, server_context(certificate())) as server:
        seen, upload = await upload_to(server.port, size=size)
    assert seen.failure is not None
    assert seen.failure.reason == UNEXPECTED_STATUS
    assert came < size
    assert upload.acked_bytes < upload.whole_bytes


async def test_an_early_no_leaves_what_came_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "REST_SECONDS", 0.1)

    async def refuses(visit: Visit) -> None:
        await visit.head()
        await visit.send(head_of(0, status="413 Content Too Large"))
        await visit.stall()

    async with serve(refuses, server_context(certificate())) as server:
        seen, upload = await upload_to(server.port, size=16 * 1_048_576)
    assert seen.failure is not None
    assert seen.failure.reason == UNEXPECTED_STATUS
    assert upload.acked_bytes < upload.whole_bytes
    assert Phase.TRANSFER not in seen.phases
    sooner_than_a_tick = replace(upload, acked_bytes=upload.whole_bytes, seconds=0.0)
    assert upload_goodput(sooner_than_a_tick) is None, "the kernel's clock tells no rate"
    few = replace(upload, acked_bytes=FIRST_FLIGHT_BYTES)
    assert upload_goodput(few) is None, "one flight takes a round trip at any rate"


async def test_silence_after_the_body_is_not_a_slow_upload() -> None:
    async with serve(says_nothing, server_context(certificate())) as server:
        seen, upload = await upload_to(server.port, seconds=SHORT)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.reason) == (Phase.PROCESSING, TIMEOUT)
    assert upload.acked_bytes == upload.whole_bytes


async def test_a_way_that_stops_leaves_a_part_and_says_where() -> None:
    passed = 0

    async def stops(size: int) -> None:
        nonlocal passed
        passed += size
        if passed > 24_000:
            await asyncio.Event().wait()

    async with (
        serve(takes, server_context(certificate())) as server,
        slow_way(server.port, stops) as port,
    ):
        seen, upload = await upload_to(port, seconds=SHORT)
    assert seen.failure is not None
    assert (seen.failure.phase, seen.failure.reason) == (Phase.TRANSFER, TIMEOUT)
    assert 20_000 < upload.acked_bytes < upload.whole_bytes
    assert upload.seconds is not None
    assert upload.seconds < SHORT / 2, "the time of the last that was acknowledged, not of the cut"


@pytest.mark.parametrize("size", [524_288, 4 * 1_048_576])
async def test_nothing_leaves_after_the_deadline(size: int) -> None:
    """What this machine's kernel holds of a cut upload is dropped: the way up is opened again after
    the leg, and what comes by then is no more than was counted."""
    passed, over = 0, asyncio.Event()

    async def stops(came: int) -> None:
        nonlocal passed
        passed += came
        if passed > 24_000:
            await over.wait()

    async with (
        serve(takes, server_context(certificate())) as server,
        slow_way(server.port, stops) as port,
    ):
        seen, upload = await upload_to(port, seconds=SHORT, size=size)
        over.set()
        before = -1
        while before < passed:
            before = passed
            await asyncio.sleep(0.3)
    assert seen.failure is not None
    assert seen.failure.reason == TIMEOUT
    assert seen.wire_bytes_sent is not None
    assert upload.acked_bytes < upload.whole_bytes
    assert 24_000 < passed <= seen.wire_bytes_sent
    assert seen.wire_bytes_sent < size / 2


async def test_a_reset_keeps_what_was_acknowledged() -> None:
    async def resets(visit: Visit) -> None:
        await visit.head()
        await visit.reader.readexactly(20_000)
        visit.reset()

    async with serve(resets, server_context(certificate())) as server:
        seen, upload = await upload_to(server.port, size=16 * 1_048_576)
    assert seen.failure is not None
    assert seen.failure.reason in ("connection_reset", "eof_error")
    assert seen.failure.phase is Phase.TRANSFER
    assert upload.acked_bytes < upload.whole_bytes


@pytest.mark.parametrize(
    "answer", [b"", b"\x00" * 64, b"HTTP/1.1 100 Continue\r\n\r\n" * 200, b"HTTP/1.1 2"]
)
async def test_what_is_no_answer_is_the_servers_own(answer: bytes) -> None:
    async def says(visit: Visit) -> None:
        await whole_body(visit)
        await visit.send(answer)

    async with serve(says, server_context(certificate())) as server:
        seen, _ = await upload_to(server.port)
    assert seen.failure is not None
    assert seen.failure.reason == "http_protocol_error"
    assert refused(seen)
    assert seen.http is None


async def test_a_certificate_of_somebody_else_is_sent_nothing() -> None:
    async with serve(takes, server_context(certificate(forged=True))) as server:
        leg = replace(sent(leg_to(server.port), 1_024), prober="upload")
        seen = await measure_upload(
            leg, address="127.0.0.1", via=HERE, trust=trust(), deadline_seconds=5.0, order=0
        )
    assert seen.failure is not None
    assert seen.failure.phase is Phase.TLS
    assert seen.upload is None


def test_a_kernel_that_says_less_leaves_fields_out() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert tcp_info.read_sending(one) is None


def test_uploads_are_made_of_targets_that_take_them_beside_a_control_in_some_reading_rounds() -> (
    None
):
    prober, settings = BY_NAME["upload"], LegsConfig()
    all_three = (LegRole.CONTROL, LegRole.SWAP, LegRole.TARGET)
    speaks = {(one.definition.name, one.target.name) for one in (*endpoints()[:1], *CONTROLS[:1])}

    def made(kind: RoundKind, seed: int) -> tuple[LegRole, ...]:
        legs, _ = declare(endpoints(), CONTROLS, kind, legs=settings, beacon="beacon.test")
        found = made_beside(
            prober, legs, CONTROLS, kind, speaks=speaks, settings=settings, random=Random(seed)
        )
        size = settings.long_bytes if kind is RoundKind.LONG else settings.transfer_bytes
        assert all(leg.send_bytes == size and leg.prober == "upload" for leg in found)
        return tuple(sorted(leg.role for leg in found))

    assert {made(RoundKind.LIGHT, seed) for seed in range(50)} == {()}
    assert {made(RoundKind.LONG, seed) for seed in range(50)} == {all_three}
    rounds = [made(RoundKind.TRANSFER, seed) for seed in range(300)]
    assert set(rounds) == {(), all_three}
    assert 60 < len([one for one in rounds if one]) < 140


def any_answer(endpoint: Endpoint) -> Endpoint:
    """Its server knows no neutral name: who asks it one is shown another certificate."""
    corner = Corner(why="none", answer=Answer.ANY)
    return replace(endpoint, target=replace(endpoint.target, swap=corner, no_swap=None))


@pytest.mark.parametrize("takes_any", [False, True])
@pytest.mark.parametrize("size", [65_536, 524_288])
def test_a_burst_sends_what_its_plan_says_whatever_there_is_to_read(
    takes_any: bool, size: int
) -> None:
    """A neutral name that is answered under another's certificate is sent no body."""
    target = any_answer(endpoints()[0]) if takes_any else endpoints()[0]
    control = replace(
        CONTROLS[0], target=replace(CONTROLS[0].target, upload=True, min_bytes=Bytes(1_024))
    )
    burst = Burst(
        target=target.target.name,
        compares=Compares.GOODPUT,
        read_bytes=size,
        over="upload",
        with_swap=True,
    )
    drawn = draw_burst_controls([control, *CONTROLS[1:]], burst, random=Random(1))
    assert {one.definition.name for one in drawn} == {control.definition.name}
    legs = declare_burst([target], drawn, burst, legs=LegsConfig())
    roles = [leg.role for leg in legs]
    assert roles.count(LegRole.TARGET) == roles.count(LegRole.CONTROL) == burst.each
    assert roles.count(LegRole.SWAP) == (0 if takes_any else burst.each)
    assert {(leg.prober, leg.send_bytes, leg.answer) for leg in legs} == {
        ("upload", size, Answer.EXPECTED)
    }
