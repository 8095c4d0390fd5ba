"""A swap that takes any answer of the server: a certificate of any name, or an alert."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from lab.loopback.servers import (
    Script,
    Visit,
    certificate,
    leg_to,
    measure,
    serve,
    server_context,
)
from probe.measure.tls.alerts import ALERTS, OTHER, alert_of
from probe.model.identity import Answer, Compares, LegRole, Phase, Verify
from probe.model.observation import LegObservation
from probe.observe.effort import Measure, effort

STRANGE = "deb.debian.example"


async def silent(visit: Visit) -> None:
    """Whoever asks for something is told so: nothing may be asked."""
    assert await visit.reader.read() == b"", "a request was made"


async def gone(visit: Visit) -> None:
    """A server that shakes hands and goes."""


def refusing(description: ssl.AlertDescription) -> Script:
    """A server that answers a name that it does not know by an alert. asyncio's own closes without
    having sent it, so OpenSSL works on buffers here."""

    async def refuse(visit: Visit) -> None:
        context = server_context(certificate())
        context.sni_callback = lambda *_: description
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(await visit.reader.read(65_536))
        with pytest.raises(ssl.SSLError):
            session.do_handshake()
        await visit.send(outgoing.read())
        visit.cut()

    return refuse


async def knock(
    script: Script, context: ssl.SSLContext | None = None, deadline: float = 5.0
) -> LegObservation:
    async with serve(script, context) as server:
        leg = replace(
            leg_to(server.port, sni=STRANGE, certificate_name="", verify=Verify.RECORD),
            role=LegRole.SWAP,
            answer=Answer.ANY,
            compares=Compares.HANDSHAKE,
            max_bytes=0,
        )
        return await measure(leg, deadline=deadline)


def plain12() -> ssl.SSLContext:
    return server_context(certificate(), tls12=True)


@pytest.mark.parametrize(
    "context",
    [
        lambda: server_context(certificate()),
        lambda: server_context(certificate(forged=True)),
        lambda: server_context(certificate(expired=True)),
        plain12,
    ],
)
async def test_a_certificate_of_any_name_is_an_answer(
    context: Callable[[], ssl.SSLContext],
) -> None:
    observed = await knock(silent, context())
    assert observed.ok, observed.failure
    assert observed.tls is not None
    assert observed.tls.alert == ""
    assert observed.tls.certificate_sha256
    assert observed.http is None
    assert observed.body_bytes is None
    assert set(observed.phases) == {Phase.CONNECT, Phase.TLS}
    found = effort(observed, Measure.HANDSHAKE)
    assert found == pytest.approx(sum(observed.phases.values()))


@pytest.mark.parametrize(
    "description",
    [
        ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME,
        ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE,
        ssl.AlertDescription.ALERT_DESCRIPTION_ACCESS_DENIED,
        ssl.AlertDescription.ALERT_DESCRIPTION_INTERNAL_ERROR,
    ],
)
async def test_an_alert_is_an_answer_and_is_named(description: ssl.AlertDescription) -> None:
    observed = await knock(refusing(description))
    assert observed.ok, observed.failure
    assert observed.tls is not None
    assert observed.tls.alert == description.name.removeprefix("ALERT_DESCRIPTION_").lower()
    assert set(observed.phases) == {Phase.CONNECT, Phase.TLS}


async def test_the_same_alert_to_a_target_is_a_failure_that_names_it() -> None:
    script = refusing(ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
    async with serve(script) as server:
        observed = await measure(leg_to(server.port))
    assert observed.failure is not None
    assert observed.failure.reason == "ssl_failed_handshake"
    assert observed.tls is not None
    assert observed.tls.alert == "unrecognized_name"


async def test_a_close_and_a_reset_and_plain_text_and_silence_are_no_answer() -> None:
    async def close(visit: Visit) -> None:
        visit.cut()

    async def reset(visit: Visit) -> None:
        await visit.reader.read(1)
        visit.reset()

    async def plain(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def mute(visit: Visit) -> None:
        await visit.reader.read()

    reasons = []
    for script in (close, reset, plain, mute):
        observed = await knock(script, deadline=0.5)
        assert observed.failure is not None
        assert observed.failure.phase is Phase.TLS
        reasons.append(observed.failure.reason)
    assert reasons == [
        "eof_error",
        "connection_reset",
        "ssl_failed_handshake",
        "generic_timeout_error",
    ]


def test_what_openssl_itself_finds_wrong_is_no_alert() -> None:
    def error(reason: str) -> ssl.SSLError:
        made = ssl.SSLError(1, "x")
        made.reason = reason
        return made

    assert alert_of(error("WRONG_VERSION_NUMBER")) == ""
    assert alert_of(error("CERTIFICATE_VERIFY_FAILED")) == ""
    assert alert_of(error("TLSV1_ALERT_USER_CANCELLED")) in ALERTS
    assert alert_of(error("TLSV1_ALERT_FROM_1999")) == OTHER
    assert alert_of(ssl.SSLCertVerificationError(1, "x")) == ""


async def test_a_certificate_that_nobody_verified_is_read_in_full_for_whoever_does() -> None:
    """The one is kept for the other, and without its names it would be another name's."""
    shown = certificate("platform.example")
    async with serve(silent, server_context(shown)) as server:
        leg = leg_to(server.port, sni=STRANGE, certificate_name="")
        assert (await measure(replace(leg, answer=Answer.ANY))).failure is None
    async with serve(gone, server_context(shown)) as server:
        observed = await measure(leg_to(server.port, certificate_name="platform.example"))
    assert observed.tls is not None
    assert observed.tls.verify_error == ""
    assert observed.tls.certificate_not_after is not None
    assert observed.failure is not None
    assert observed.failure.phase is Phase.PROCESSING
