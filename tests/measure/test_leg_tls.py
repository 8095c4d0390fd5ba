"""A leg's TLS: whose certificate is believed, what is recorded of those that are not."""

from __future__ import annotations

import hashlib
import ssl

import pytest
import trustme

from lab.loopback.servers import (
    NAME,
    Visit,
    certificate,
    leg_to,
    measure,
    serve,
    server_context,
)
from probe.model.identity import Phase, Verify
from probe.model.observation import LegObservation


async def answer(visit: Visit) -> None:
    await visit.answer(b"x")


async def observe(leaf: trustme.LeafCert, *, tls12: bool = False, **leg: object) -> LegObservation:
    async with serve(answer, server_context(leaf, tls12=tls12)) as server:
        return await measure(leg_to(server.port, **leg))  # type: ignore[arg-type]


def fingerprint(leaf: trustme.LeafCert) -> str:
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    return hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(("tls12", "version"), [(False, "TLSv1.3"), (True, "TLSv1.2")])
async def test_what_a_good_handshake_shows(tls12: bool, version: str) -> None:
    leaf = certificate()
    observed = await observe(leaf, tls12=tls12)

    assert observed.ok
    assert observed.tls is not None
    assert observed.tls.version == version
    assert observed.tls.alpn == "http/1.1"
    assert observed.tls.cipher
    assert observed.tls.verify_error == ""
    assert observed.tls.certificate_sha256 == fingerprint(leaf)
    assert observed.tls.certificate_not_after is not None
    assert observed.tls.certificate_not_after > observed.started_at


@pytest.mark.parametrize("tls12", [False, True])
@pytest.mark.parametrize("verify", list(Verify))
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("forged", "ssl_unknown_authority"), ("expired", "ssl_invalid_certificate")],
)
async def test_a_bad_chain_fails_strict_or_not_and_leaves_its_fingerprint(
    tls12: bool, verify: Verify, fault: str, reason: str
) -> None:
    leaf = certificate(forged=fault == "forged", expired=fault == "expired")
    observed = await observe(leaf, tls12=tls12, verify=verify)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TLS, reason)
    assert observed.tls is not None
    assert observed.tls.verify_error
    assert observed.tls.certificate_sha256 == fingerprint(leaf)
    assert (fault == "expired") == (
        observed.tls.certificate_not_after is not None
        and observed.tls.certificate_not_after < observed.started_at
    )
    assert observed.http is None


@pytest.mark.parametrize("sni", [NAME, "other.example.net", ""])
async def test_a_wrong_name_fails_a_strict_leg(sni: str) -> None:
    # With its own name OpenSSL finds the mismatch; with another in the ClientHello, we do.
    leaf = certificate("wrong.example.org")
    observed = await observe(leaf, sni=sni)

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TLS, "ssl_invalid_hostname")
    assert observed.tls is not None
    assert NAME in (observed.tls.verify_error or "")
    assert observed.tls.certificate_sha256 == fingerprint(leaf)
    assert observed.http is None


async def test_a_wrong_name_is_only_recorded_by_a_recording_leg() -> None:
    observed = await observe(certificate("wrong.example.org"), verify=Verify.RECORD)

    assert observed.ok
    assert observed.tls is not None
    assert NAME in (observed.tls.verify_error or "")


async def test_a_right_name_leaves_a_recording_leg_without_error() -> None:
    observed = await observe(certificate(), verify=Verify.RECORD)

    assert observed.ok
    assert observed.tls is not None
    assert observed.tls.verify_error == ""


async def test_a_strict_leg_after_a_recording_one_is_strict() -> None:
    # One OpenSSL context serves both: the looser setting must not leak.
    wrong = certificate("wrong.example.org")
    async with serve(answer, server_context(wrong)) as server:
        recording = await measure(leg_to(server.port, verify=Verify.RECORD))
        strict = await measure(leg_to(server.port))

    assert recording.ok
    assert strict.failure is not None
    assert strict.failure.reason == "ssl_invalid_hostname"


@pytest.mark.parametrize(
    ("carried", "wanted"),
    [
        ("*.example.com", "www.example.com"),
        ("WWW.Example.com", "www.example.com"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("sni", ["", "other.example.net", "same"])
async def test_names_that_hold(carried: str, wanted: str, sni: str) -> None:
    observed = await observe(
        certificate(carried),
        certificate_name=wanted,
        sni=wanted if sni == "same" else sni,
    )

    assert observed.ok
    assert observed.tls is not None
    assert observed.tls.verify_error == ""


@pytest.mark.parametrize("verify", Verify)
async def test_a_certificate_for_a_name_that_is_expected_as_well_is_right(verify: Verify) -> None:
    async with serve(answer, server_context(certificate("wrong.example.org"))) as server:
        leg = leg_to(server.port, verify=verify, also_certified=("x.test", "wrong.example.org"))
        observed = await measure(leg)

    assert observed.ok
    assert observed.tls is not None
    assert observed.tls.verify_error == ""


async def test_no_sni_sends_none() -> None:
    async with serve(answer, server_context(certificate())) as server:
        observed = await measure(leg_to(server.port, sni=""))

    assert observed.ok
    assert server.snis == [None]


async def test_something_else_than_tls() -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.read(1)
        await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await visit.gone()

    async with serve(script) as server:
        observed = await measure(leg_to(server.port))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TLS, "ssl_failed_handshake")


async def test_an_alert() -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.read(1)
        await visit.send(b"\x15\x03\x03\0\2\2\x28")  # alert, fatal, handshake_failure
        await visit.gone()

    async with serve(script) as server:
        observed = await measure(leg_to(server.port))

    assert observed.failure is not None
    assert (observed.failure.phase, observed.failure.reason) == (Phase.TLS, "ssl_failed_handshake")
    assert "handshake failure" in observed.failure.detail
