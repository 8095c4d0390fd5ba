"""A leg's connection: where from, where to, and what a lost or refused SYN looks like."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from lab.loopback.servers import Visit, certificate, leg_to, measure, serve, server_context
from probe.config.schema import VantageConfig
from probe.model.identity import Family, Phase


async def answer(visit: Visit) -> None:
    await visit.answer(b"x")


def vantage(*, source_address: str | None = None, interface: str | None = None) -> VantageConfig:
    return VantageConfig(name="bound", source_address=source_address, interface=interface)


async def test_the_source_address_is_bound_before_the_first_packet() -> None:
    async with serve(answer, server_context(certificate())) as server:
        observed = await measure(leg_to(server.port), via=vantage(source_address="127.0.0.2"))

    assert observed.ok
    assert server.visit.peer == "127.0.0.2"


@pytest.mark.parametrize(
    ("via", "reason"),
    [
        (vantage(source_address="192.0.2.1"), "address_not_available"),
        (vantage(source_address="::1"), "address_family_not_supported"),
        (vantage(interface="nosuch0"), "network_down"),
    ],
)
async def test_a_vantage_that_this_machine_does_not_have(via: VantageConfig, reason: str) -> None:
    async with serve(answer, server_context(certificate())) as server:
        observed = await measure(leg_to(server.port), via=via)
        assert server.visits == []

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.CONNECT, reason)
    assert observed.failure.detail
    assert "192.0.2.1" not in observed.failure.detail
    assert observed.tls is None


async def test_an_interface_is_bound() -> None:
    if not hasattr(socket, "SO_BINDTODEVICE"):
        pytest.skip("this system cannot bind to an interface")
    async with serve(answer, server_context(certificate())) as server:
        observed = await measure(leg_to(server.port), via=vantage(interface="lo"))

    if observed.failure is not None and observed.failure.reason == "permission_denied":
        pytest.skip("binding to an interface needs CAP_NET_RAW here")
    assert observed.ok


async def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    async with serve(answer, server_context(certificate()), host="::1") as server:
        observed = await measure(leg_to(server.port), address="::1")

    assert observed.ok
    assert observed.family is Family.IPV6


async def test_refused() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        observed = await measure(leg_to(bound.getsockname()[1]))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (
        Phase.CONNECT,
        "connection_refused",
    )
    assert list(observed.phases) == [Phase.CONNECT]
    assert observed.tcp is None
    assert observed.curve == ()


@pytest.mark.parametrize("address", ["www.example.com", "", None])
async def test_a_leg_without_a_usable_address(address: str | None) -> None:
    observed = await measure(leg_to(1), address=address)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.CONNECT, "bad_address")


@pytest.mark.parametrize("url", ["https://[::1/", "https://host:port/"])
async def test_a_url_that_cannot_be_asked_for(url: str) -> None:
    observed = await measure(leg_to(1, url=url))

    assert observed.failure is not None
    assert observed.failure.reason == "invalid_argument"


@contextlib.contextmanager
def full_backlog() -> Iterator[socket.socket]:
    """A listener whose queue is full, so that the kernel drops every further SYN."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = stack.enter_context(socket.socket())
        waiting.connect(listener.getsockname())
        yield listener


async def test_a_dropped_syn_runs_into_the_deadline() -> None:
    with full_backlog() as listener:
        observed = await measure(leg_to(listener.getsockname()[1]), deadline=0.2)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (
        Phase.CONNECT,
        "generic_timeout_error",
    )
    assert observed.phases[Phase.CONNECT] >= 0.2


async def test_a_lost_syn_shows_in_the_connect_phase() -> None:
    # The first SYN is dropped, the kernel's second (about a second later) gets through. The round
    # trip of that one is tiny; the user waited for both.
    with full_backlog() as listener:
        leg = asyncio.create_task(measure(leg_to(listener.getsockname()[1])))
        await asyncio.sleep(0.2)
        listener.setblocking(False)
        for _ in range(2):
            accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
            accepted.close()
        observed = await leg

    assert observed.failure is not None
    assert observed.failure.phase is Phase.TLS, "nobody speaks TLS there"
    assert observed.connect_rtt_seconds is None, "which of the two was answered is not known"
    assert observed.tcp is not None
    assert observed.tcp.min_rtt_seconds is not None
    assert observed.phases[Phase.CONNECT] > 10 * observed.tcp.min_rtt_seconds
