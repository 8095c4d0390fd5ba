"""One redirect to another path of the same host is followed, on the same connection; no other."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping

import pytest

from lab.loopback.hostile import frame
from lab.loopback.servers import (
    NAME,
    Http2,
    Script,
    Visit,
    certificate,
    head_of,
    measure_script,
    server_context,
)
from probe.model.failure import PROTOCOL_ERROR
from probe.model.identity import Phase
from probe.model.observation import LegObservation
from probe.observe.goodput import goodput, handshake_seconds

BODY = b"x" * 40_000
WAIT = 0.2
ALPN = pytest.mark.parametrize("alpn", ["http/1.1", "h2"])


def context(alpn: str) -> ssl.SSLContext:
    return server_context(certificate(), alpn=(alpn,))


class Site:
    """Answers any number of requests on a connection: paths lead to paths, all else is the object.

    ``asked`` are the paths. A redirect is sent after ``wait`` seconds, with ``text``.
    """

    def __init__(
        self, leads: Mapping[str, str], *, status: int = 302, wait: float = 0.0, text: bytes = b""
    ) -> None:
        self.leads = leads
        self.status = status
        self.wait = wait
        self.text = text
        self.asked: list[str] = []
        self.closes = False

    async def http1(self, visit: Visit) -> None:
        while True:
            path = (await visit.head()).split(b" ")[1].decode()
            self.asked.append(path)
            if path in self.leads:
                await asyncio.sleep(self.wait)
                fields = f"Location: {self.leads[path]}\r\n"
                if self.closes:
                    fields += "Connection: close\r\n"
                head = head_of(len(self.text), status=f"{self.status} Found", fields=fields)
                await visit.send(head + self.text)
            else:
                await visit.send(head_of(len(BODY)) + BODY)

    async def h2(self, visit: Visit) -> None:
        http = Http2(visit)
        while True:
            stream = await http.request()
            path = http.headers[":path"]
            self.asked.append(path)
            if path in self.leads:
                await asyncio.sleep(self.wait)
                await http.head(stream, ("location", self.leads[path]), status=self.status)
                await http.body(stream, self.text)
                if self.closes:
                    # A farewell: this stream was the last.
                    await visit.send(frame(7, 0, 0, stream.to_bytes(4) + bytes(4)))
            else:
                await http.head(stream, ("content-length", str(len(BODY))))
                await http.body(stream, BODY)

    def script(self, alpn: str) -> Script:
        return self.h2 if alpn == "h2" else self.http1


async def lead(site: Site, alpn: str, **leg: object) -> LegObservation:
    return await measure_script(site.script(alpn), context=context(alpn), **leg)  # type: ignore[arg-type]


@ALPN
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["/there", "there", f"https://{NAME}/there", f"//{NAME}:443/there#part"]
)
async def test_it_is_followed(alpn: str, status: int, location: str) -> None:
    site = Site({"/object?v=1": location}, status=status, text=b"Found there." * 50)
    observed = await lead(site, alpn, min_bytes=len(BODY))

    assert observed.ok, observed.failure
    assert site.asked == ["/object?v=1", "/there"]
    assert observed.http is not None
    assert (observed.http.status, observed.http.redirect_status) == (200, status)
    assert observed.body_bytes == len(BODY)
    assert set(observed.phases) == set(Phase) - {Phase.RESOLVE}


@ALPN
async def test_its_time_is_a_phase_of_its_own_and_goodput_begins_after_it(alpn: str) -> None:
    site = Site({"/object?v=1": "/there"}, wait=WAIT)
    observed = await lead(site, alpn)
    direct = await lead(Site({}), alpn)

    assert observed.phases[Phase.REDIRECT] >= WAIT
    rest = sum(observed.phases[p] for p in (Phase.PROCESSING, Phase.TRANSFER))
    assert rest < WAIT / 2
    assert observed.curve[0].seconds < WAIT / 2
    # The first answer is not in it (nor what came beside that: tickets, settings).
    assert len(BODY) < observed.curve[-1].bytes <= direct.curve[-1].bytes
    fast, slow = goodput(direct), goodput(observed)
    assert fast is not None
    assert slow is not None
    assert slow > len(BODY) / WAIT, "the wait is not in it"
    assert handshake_seconds(observed) is not None
    assert direct.http is not None
    assert direct.http.redirect_status is None
    assert Phase.REDIRECT not in direct.phases


REFUSED = [
    ("https://elsewhere.example/there", "off the declared hosts"),
    (f"https://{NAME}.elsewhere.example/", "off the declared hosts"),
    (f"http://{NAME}/there", "https URL"),
    (f"https://{NAME}:8443/there", "another port"),
    (f"https://me@{NAME}/there", "without user"),
    (f"https://{NAME}:99999/", "fit port"),
    ("https://[::1", "no URL"),
    ("/" + "a" * 9_000, "longer than"),
]


@ALPN
@pytest.mark.parametrize(("location", "why"), REFUSED)
async def test_elsewhere_it_is_not(alpn: str, location: str, why: str) -> None:
    site = Site({"/object?v=1": location})
    observed = await lead(site, alpn)

    assert len(site.asked) == 1
    assert observed.failure is not None
    assert observed.failure.phase is Phase.PROCESSING
    assert observed.failure.reason == "http_unexpected_status_code"
    assert observed.failure.detail.startswith("status 302, a redirect that is not followed: ")
    assert why in observed.failure.detail
    assert Phase.REDIRECT not in observed.phases
    assert observed.http is not None
    assert observed.http.status == 302


@ALPN
@pytest.mark.parametrize(
    "leads", [{"/a": "/b", "/b": "/c"}, {"/a": "/a"}, {"/a": "/b", "/b": "/a"}]
)
async def test_a_second_one_is_not(alpn: str, leads: dict[str, str]) -> None:
    site = Site(leads)
    observed = await lead(site, alpn, url=f"https://{NAME}/a")

    assert len(site.asked) == 2
    assert observed.failure is not None
    assert observed.failure.reason == "http_unexpected_status_code"
    assert observed.failure.detail == "status 302, after a redirect"
    assert observed.http is not None
    assert observed.http.redirect_status == 302


@ALPN
async def test_a_connection_that_ends_with_it_is_told(alpn: str) -> None:
    site = Site({"/object?v=1": "/there"})
    site.closes = True
    observed = await lead(site, alpn)

    assert len(site.asked) == 1
    assert observed.failure is not None
    assert observed.failure.detail == "status 302, a redirect, and the connection ends with it"


@pytest.mark.parametrize("end", [Visit.cut, Visit.reset, None])
async def test_a_server_that_closes_after_it_without_a_word_is_told(
    end: Callable[[Visit], None] | None,
) -> None:
    async def script(visit: Visit) -> None:
        await visit.answer(b"", status="302 Found", fields="Location: /there\r\n")
        if end is None:
            visit.writer.close()
        else:
            await visit.head()
            end(visit)

    observed = await measure_script(script)
    assert observed.failure is not None
    assert observed.failure.reason == "http_unexpected_status_code"
    assert observed.failure.detail == "status 302, a redirect, and the connection ends with it"
    assert Phase.REDIRECT not in observed.phases
    assert observed.http is not None
    assert observed.http.status == 302


@ALPN
async def test_a_redirect_with_a_long_text_is_not_read_to_its_end(alpn: str) -> None:
    site = Site({"/object?v=1": "/there"}, text=b"t" * 200_000)
    observed = await lead(site, alpn)

    assert len(site.asked) == 1
    assert observed.failure is not None
    assert "ends with it" in observed.failure.detail
    assert observed.wire_bytes_received is not None


@ALPN
async def test_one_that_is_expected_is_the_answer(alpn: str) -> None:
    site = Site({"/object?v=1": "/there"})
    observed = await lead(site, alpn, expect_status=(200, 302))

    assert observed.ok
    assert len(site.asked) == 1
    assert observed.http is not None
    assert (observed.http.status, observed.http.redirect_status) == (302, None)


async def test_the_host_may_ask_to_wait_first() -> None:
    async def script(visit: Visit) -> None:
        fields = "Location: /there\r\nRetry-After: 5\r\n"
        await visit.answer(b"", status="302 Found", fields=fields)
        await visit.gone()

    observed = await measure_script(script)
    assert observed.failure is not None
    assert observed.failure.detail.endswith("it asks to wait")


@ALPN
async def test_silence_after_a_redirect_is_silence_for_the_object(alpn: str) -> None:
    class Silent(Site):
        async def http1(self, visit: Visit) -> None:
            await visit.answer(b"", status="302 Found", fields="Location: /there\r\n")
            await visit.stall()

        async def h2(self, visit: Visit) -> None:
            http = Http2(visit)
            stream = await http.request()
            await http.head(stream, ("location", "/there"), status=302, end=True)
            await visit.stall()

    observed = await measure_script(
        Silent({}).script(alpn), context=context(alpn), deadline=2 * WAIT
    )
    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (
        Phase.PROCESSING,
        "generic_timeout_error",
    )
    assert observed.phases[Phase.REDIRECT] < WAIT
    assert observed.phases[Phase.PROCESSING] > WAIT
    assert observed.http is None
    assert observed.body_bytes is None


async def test_what_comes_unasked_is_no_answer() -> None:
    async def script(visit: Visit) -> None:
        await visit.head()
        await visit.send(
            head_of(0, status="302 Found", fields="Location: /there\r\n") + head_of(3) + b"abc"
        )
        await visit.gone()

    observed = await measure_script(script)
    assert observed.failure is not None
    assert observed.failure.reason in ("http_unexpected_status_code", PROTOCOL_ERROR)
