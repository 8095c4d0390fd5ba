"""Who signed a certificate, for whom, and whether a public log has it: by real handshakes."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from lab.loopback.servers import (
    NAME,
    Visit,
    authority,
    leg_to,
    measure,
    serve,
    server_context,
    stranger,
)
from probe.measure.tls.certificate import is_logged
from probe.model.identity import Answer
from probe.model.observation import LegObservation
from probe.observe.effort import (
    Measure,
    effort,
    failed,
    hard,
    of_unknown_authority,
    refused,
    turned_away,
)

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
TIMESTAMPS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def _sized(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


# One timestamp (RFC 6962, section 3.2) of a log that is nobody's, as an octet string in DER.
ONE = b"\0" + bytes(32) + (1_700_000_000_000).to_bytes(8, "big") + _sized(b"")
STAMP = _sized(ONE + b"\4\3" + _sized(bytes(70)))
LIST = _sized(STAMP)
LOGGED = bytes([4, len(LIST)]) + LIST


def made(folder: Path, name: str, *, logged: bool, by: str = "Somebody") -> ssl.SSLContext:
    """A server that shows a certificate for ``name``, signed by an authority that nobody knows."""
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    if logged:
        stamps = x509.UnrecognizedExtension(TIMESTAMPS, LOGGED)
        builder = builder.add_extension(stamps, critical=False)
    shown = builder.sign(signer, hashes.SHA256())
    file = folder / f"{name}-{logged}-{by}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + shown.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def answer(visit: Visit) -> None:
    await visit.answer(b"x")


async def met(context: ssl.SSLContext, *, any_answer: bool = False) -> LegObservation:
    async with serve(answer, context) as server:
        leg = leg_to(server.port)
        if any_answer:
            leg = replace(leg, answer=Answer.ANY, certificate_name="")
        return await measure(leg)


@pytest.mark.parametrize("logged", [True, False])
@pytest.mark.parametrize("name", [NAME, "other.example"])
async def test_for_whom_it_is_and_whether_a_log_has_it_is_noted(
    tmp_path: Path, name: str, *, logged: bool
) -> None:
    observed = await met(made(tmp_path, name, logged=logged))
    assert observed.failure is not None
    assert observed.failure.reason == "ssl_unknown_authority"
    assert observed.tls is not None
    assert observed.tls.for_name is (name == NAME)
    assert observed.tls.logged is logged
    own = name == NAME and logged
    assert of_unknown_authority(observed) is own
    assert refused(observed) is own
    assert failed(observed) is not own
    assert (hard(observed) is None) is own
    assert turned_away(observed)
    assert (effort(observed, Measure.HANDSHAKE) is None) is own


async def test_who_signed_is_told_apart_and_named_by_nobody(tmp_path: Path) -> None:
    first = await met(made(tmp_path, NAME, logged=False, by="The Smiths at 5 Elm Street"))
    again = await met(made(tmp_path, NAME, logged=False, by="The Smiths at 5 Elm Street"))
    other = await met(made(tmp_path, NAME, logged=False, by="Somebody else"))
    shown = [one.tls.issuer for one in (first, again, other) if one.tls is not None]
    assert shown[0] == shown[1] != shown[2]
    assert all(issuer is not None and len(issuer) == 4 for issuer in shown)


async def test_a_swap_that_takes_any_answer_says_who_signed_and_for_whom(tmp_path: Path) -> None:
    for name in (NAME, "other.example"):
        observed = await met(made(tmp_path, name, logged=False, by="Box"), any_answer=True)
        assert observed.ok
        assert observed.tls is not None
        assert observed.tls.for_name is (name == NAME)
        assert observed.tls.issuer
        assert observed.tls.logged is None


@pytest.mark.parametrize("by", [authority, stranger])
async def test_a_trusted_one_has_an_issuer_as_well(by: object) -> None:
    signer: trustme.CA = by()  # type: ignore[operator]
    observed = await met(server_context(signer.issue_cert(NAME)))
    assert observed.tls is not None
    assert observed.tls.for_name is True
    assert observed.tls.issuer
    assert observed.ok is (by is authority)
    assert observed.tls.logged is (None if observed.ok else False)


@pytest.mark.parametrize("junk", [b"", b"\x30", b"\x30\x82\xff\xff", bytes(500)])
def test_what_is_no_certificate_is_not_known(junk: bytes) -> None:
    assert is_logged(junk) is None
