"""Fetching a page on the legs' wire."""

from __future__ import annotations

import asyncio

import pytest

from lab.loopback.servers import (
    HERE,
    NAME,
    Visit,
    certificate,
    head_of,
    serve,
    server_context,
    trust,
)
from probe.measure.http.page import Page, fetch_page
from probe.model.failure import Failure
from probe.model.identity import Phase


async def fetch(
    port: int, *, max_bytes: int = 10_000, deadline: float = 5.0, address: str = "127.0.0.1"
) -> Page | Failure:
    return await fetch_page(
        f"https://{NAME}:{port}/page",
        address=address,
        via=HERE,
        trust=trust(),
        deadline_seconds=deadline,
        max_bytes=max_bytes,
    )


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
async def test_a_page_whatever_its_status(status: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"<html>", status=status)

    async with serve(script, server_context(certificate())) as server:
        page = await fetch(server.port)

    assert page == Page(
        status=int(status[:3]),
        url=f"https://{NAME}:{server.port}/page",
        body=b"<html>",
        whole_bytes=6,
    )
    assert server.snis == [NAME]
    assert f"Host: {NAME}:{server.port}\r\n".encode() in server.visit.request


async def test_a_redirect_is_handed_on_and_not_followed() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"", status="302 Found", fields="Location: https://b.example/x\r\n")

    async with serve(script, server_context(certificate())) as server:
        page = await fetch(server.port)

    assert isinstance(page, Page)
    assert (page.status, page.location) == (302, "https://b.example/x")
    assert len(server.visits) == 1


async def test_a_long_page_is_read_up_to_the_cap() -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"ab" * 500_000)
        await visit.gone()

    async with serve(script, server_context(certificate())) as server:
        page = await fetch(server.port, max_bytes=5_001)

    assert isinstance(page, Page)
    assert page.body == (b"ab" * 5_000)[:5_001]


async def test_the_body_does_not_show_in_the_repr() -> None:
    assert "secret" not in repr(Page(status=200, url="https://a.example/", body=b"secret"))


async def test_a_cut_page_is_a_failure() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(head_of(1_000) + b"x")
        visit.reset()

    async with serve(script, server_context(certificate())) as server:
        page = await fetch(server.port)

    assert isinstance(page, Failure)
    assert (page.phase, page.reason) == (Phase.TRANSFER, "connection_reset")


async def test_a_silent_page_is_a_failure() -> None:
    async def script(visit: Visit) -> None:
        await asyncio.Event().wait()

    async with serve(script, server_context(certificate())) as server:
        page = await fetch(server.port, deadline=0.2)

    assert isinstance(page, Failure)
    assert (page.phase, page.reason) == (Phase.PROCESSING, "generic_timeout_error")


@pytest.mark.parametrize("url", ["https://[::1/", "https://host:port/"])
async def test_a_url_that_cannot_be_asked_for(url: str) -> None:
    page = await fetch_page(
        url,
        address="127.0.0.1",
        via=HERE,
        trust=trust(),
        deadline_seconds=1.0,
        max_bytes=1,
    )

    assert isinstance(page, Failure)
    assert page.reason == "invalid_argument"
