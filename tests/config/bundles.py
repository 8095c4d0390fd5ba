"""Bundles that a test makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from probe.config.bundle import (
    FORMAT,
    BundleFile,
    Handover,
    KeySignature,
    Manifest,
    SignedText,
    Signers,
    digest_of,
    handover_to_sign,
    manifest_to_sign,
    signed_handover,
    signed_manifest,
)
from probe.config.signing import new_key, public_key, sign

NOW = 1_800_000_000.0
PEMS = tuple(new_key() for _ in range(4))
KEYS = tuple(map(public_key, PEMS))
LISTED = """\
name: listed
title: Listed
why: a platform that came in a bundle
hosts: [listed.example]
targets:
  - {name: page, why: its page, url: "https://listed.example/a", compares: handshake}
"""


def manifest_of(files: Mapping[str, str], **change: object) -> Manifest:
    """What a bundle of ``files`` says, changed."""
    said: dict[str, object] = {
        "format": FORMAT,
        "version": 1,
        "expires": datetime.fromtimestamp(NOW + 86_400.0, UTC),
        "least_program": "0.1.0",
        "files": {name: digest_of(text) for name, text in files.items()},
    }
    return msgspec.convert(said | change, Manifest)


def signed(text: str, to_sign: str, pems: Iterable[str]) -> SignedText:
    """``text`` with the signatures of ``to_sign``."""
    return SignedText(text, tuple(KeySignature(public_key(p), sign(p, to_sign)) for p in pems))


def body_of(
    files: Mapping[str, str] | None = None,
    *,
    pems: Iterable[str] = PEMS[:1],
    handovers: Iterable[SignedText] = (),
    **change: object,
) -> bytes:
    """A bundle, signed by ``pems``, whose manifest is changed."""
    files = {"listed.yaml": LISTED} if files is None else files
    text = signed_manifest(manifest_of(files, **change))
    whole = BundleFile(signed(text, manifest_to_sign(text), pems), dict(files), tuple(handovers))
    return msgspec.json.encode(whole)


def handover_of(before: Signers, after: Signers, pems: Iterable[str]) -> SignedText:
    """From ``before`` to ``after``, signed by ``pems``."""
    text = signed_handover(Handover(before, after))
    return signed(text, handover_to_sign(text), pems)
