"""Definitions in one signed file, which are taken up without a release of the program.

A bundle is JSON: a ``manifest`` (a text, which is what is signed), its ``signatures``, the
``files`` that the manifest has the hashes of, and ``handovers``: how the keys that sign came to be
others. Nothing is compressed in it, and no name in it ever becomes a path. Nothing is read of what
is not signed, but for its form. ``opened`` says what a file is; ``judged`` whether it may take the
place of another. Neither reads, writes or asks anybody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from probe.config.signing import is_signed
from probe.config.values import PublicKey
from probe.model.foreign import read_json

FORMAT = 1
MOST_BYTES = 1_048_576
"""Of a bundle. All that ships with the program has a fifth."""
MOST_FILES = 256
MOST_KEYS = 16
MOST_SIGNATURES = 32
MOST_HANDOVERS = 64
# What is signed begins with what it is: a signature of one kind of text is none of another's.
_MANIFEST = "throttlewatch bundle\n"
_HANDOVER = "throttlewatch handover\n"
_RELEASE = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")

FileName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\.yaml\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Release = Annotated[str, Meta(pattern=r"^\d{1,6}\.\d{1,6}\.\d{1,6}\Z")]
_Text = Annotated[str, Meta(max_length=MOST_BYTES)]


class BundleRefusal(StrEnum):
    """Why a bundle is not used."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    SIGNATURE = "signature"
    CONTENT = "content"
    PROGRAM = "program"
    OLDER = "older"
    ALTERED = "altered"
    EXPIRED = "expired"
    DEFINITIONS = "definitions"


class BundleRefusedError(ValueError):
    """A bundle is not used; the text says why, for a person."""

    def __init__(self, refusal: BundleRefusal, why: str) -> None:
        super().__init__(why)
        self.refusal = refusal


class Signers(Struct, frozen=True):
    """Whose signatures count, and how many of them are needed."""

    keys: Annotated[tuple[PublicKey, ...], Meta(min_length=1, max_length=MOST_KEYS)]
    threshold: Annotated[int, Meta(ge=1, le=MOST_KEYS)] = 1

    def same_as(self, other: Signers) -> bool:
        """Whether they are the same, in whatever order they are named."""
        return set(self.keys) == set(other.keys) and self.threshold == other.threshold


class KeySignature(Struct, frozen=True):
    """What the owner of ``key`` signed."""

    key: PublicKey
    signature: Annotated[str, Meta(max_length=128)]


class SignedText(Struct, frozen=True):
    """A text, and who signed it."""

    text: _Text
    signatures: Annotated[tuple[KeySignature, ...], Meta(max_length=MOST_SIGNATURES)] = ()


class Handover(Struct, frozen=True):
    """From now on others sign. It takes enough signatures of both."""

    before: Signers
    after: Signers


class Manifest(Struct, frozen=True, kw_only=True):
    """What is in a bundle. ``version`` only grows; after ``expires`` it is no longer taken;
    ``least_program`` is the release of this program from which on it can be read."""

    format: int
    version: Annotated[int, Meta(ge=1, le=2**53)]
    expires: Annotated[datetime, Meta(tz=True)]
    least_program: Release
    files: Annotated[dict[FileName, Digest], Meta(min_length=1, max_length=MOST_FILES)]


class BundleFile(Struct, frozen=True):
    """The form of the whole file."""

    manifest: SignedText
    files: Annotated[dict[FileName, _Text], Meta(max_length=MOST_FILES)]
    handovers: Annotated[tuple[SignedText, ...], Meta(max_length=MOST_HANDOVERS)] = ()


class Bundle(Struct, frozen=True, kw_only=True):
    """What a file is, once enough of those that count have signed it. ``signers`` count for the
    next one; ``signed_by`` are those of them that signed this one; ``digest`` is the manifest's."""

    version: int
    expires: float
    least_program: str
    files: Mapping[str, str]
    handovers: tuple[SignedText, ...]
    signers: Signers
    signed_by: tuple[str, ...]
    digest: str

    def expired(self, now: float) -> bool:
        """Whether it is too old to be taken at ``now`` (Unix seconds)."""
        return now > self.expires


class _Format(Struct, frozen=True):
    format: int


def opened(body: bytes, signers: Signers, *, known: Iterable[SignedText] = ()) -> Bundle:
    """The bundle in ``body``. ``signers`` are those of the configuration, ``known`` the handovers
    that have been seen already: whoever withholds one does not undo it. Raises
    ``BundleRefusedError``."""
    if len(body) > MOST_BYTES:
        raise BundleRefusedError(
            BundleRefusal.TOO_LARGE,
            f"more than {MOST_BYTES:,} bytes, the most of a bundle",
        )
    file = form_of_bundle(body)
    handovers = tuple(dict.fromkeys((*known, *file.handovers)))[:MOST_HANDOVERS]
    now = after_handovers(signers, handovers)
    signed_by = signers_of(manifest_to_sign(file.manifest.text), file.manifest, now)
    if len(signed_by) < now.threshold:
        raise BundleRefusedError(
            BundleRefusal.SIGNATURE,
            f"{len(signed_by)} signature(s) of keys that are trusted; {now.threshold} are needed",
        )
    manifest = manifest_of(file)
    _whole(manifest, file)
    return Bundle(
        version=manifest.version,
        expires=manifest.expires.timestamp(),
        least_program=manifest.least_program,
        files=file.files,
        handovers=handovers,
        signers=now,
        signed_by=signed_by,
        digest=hashlib.sha256(file.manifest.text.encode()).hexdigest(),
    )


def form_of_bundle(body: bytes) -> BundleFile:
    """The parts of a file that may be a bundle, unchecked. Raises ``BundleRefusedError``."""
    try:
        return read_json(body, BundleFile)
    except ValueError as error:
        raise BundleRefusedError(BundleRefusal.MALFORMED, "no bundle: another form") from error


def manifest_of(file: BundleFile) -> Manifest:
    """What its manifest says. Raises ``BundleRefusedError``."""
    try:
        found = read_json(file.manifest.text, _Format).format
        if found == FORMAT:
            return read_json(file.manifest.text, Manifest)
    except ValueError as error:
        raise BundleRefusedError(
            BundleRefusal.MALFORMED, "its manifest has another form than this program knows"
        ) from error
    raise BundleRefusedError(
        BundleRefusal.PROGRAM, f"a bundle of format {found}; this program reads format {FORMAT}"
    )


def judged(bundle: Bundle, *, instead_of: Bundle | None, now: float, program: str) -> bool:
    """Whether ``bundle`` is to take the place of the one in use (``False``: it is that very one).
    ``program`` is the release that runs, ``now`` in Unix seconds. Raises ``BundleRefusedError``."""
    readable(bundle, program)
    if instead_of is not None:
        if bundle.version < instead_of.version:
            raise BundleRefusedError(
                BundleRefusal.OLDER,
                f"version {bundle.version}; version {instead_of.version} is in use, and an older "
                "one is never taken",
            )
        if bundle.version == instead_of.version:
            if bundle.digest == instead_of.digest:
                return False
            raise BundleRefusedError(
                BundleRefusal.ALTERED,
                f"version {bundle.version} is in use with another content: one version, one list",
            )
    if bundle.expired(now):
        raise BundleRefusedError(
            BundleRefusal.EXPIRED,
            f"it expired on {shown_date(bundle.expires)}; there must be a newer one",
        )
    return True


def readable(bundle: Bundle, program: str) -> None:
    """Raises ``BundleRefusedError`` if the release ``program`` is too old for it."""
    if _release(program) < _release(bundle.least_program):
        raise BundleRefusedError(
            BundleRefusal.PROGRAM,
            f"it is for throttlewatch {bundle.least_program} and later; this is {program}",
        )


def after_handovers(signers: Signers, handovers: Iterable[SignedText]) -> Signers:
    """Who signs after all of those ``handovers`` that lead on from ``signers``; others are left."""
    waiting = list(handovers)
    while (step := _next(signers, waiting)) is not None:
        waiting.remove(step[0])
        signers = step[1]
    return signers


def signers_of(text: str, signed: SignedText, signers: Signers) -> tuple[str, ...]:
    """Those of ``signers`` whose signatures of ``text`` stand in ``signed``, each of them once."""
    return tuple(
        key
        for key in dict.fromkeys(signers.keys)
        if any(one.key == key and is_signed(key, text, one.signature) for one in signed.signatures)
    )


def signed_manifest(manifest: Manifest) -> str:
    """The manifest's text, as it stands in a bundle."""
    return msgspec.json.encode(manifest, order="sorted").decode()


def signed_handover(handover: Handover) -> str:
    """The handover's text, as it stands in a bundle."""
    return msgspec.json.encode(handover).decode()


def manifest_to_sign(text: str) -> str:
    """What a key signs of a manifest's text."""
    return _MANIFEST + text


def handover_to_sign(text: str) -> str:
    """What a key signs of a handover's text."""
    return _HANDOVER + text


def digest_of(text: str) -> str:
    """The hash of a file, as a manifest has it (SHA-256 of its UTF-8, in hexadecimal)."""
    return hashlib.sha256(text.encode()).hexdigest()


def shown_date(seconds: float) -> str:
    """A point in time (Unix seconds) as the day that it is in, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _next(signers: Signers, handovers: list[SignedText]) -> tuple[SignedText, Signers] | None:
    for one in handovers:
        try:
            handover = read_json(one.text, Handover)
        except ValueError:
            continue
        if (
            handover.before.same_as(signers)
            and _are_enough(one, handover.before)
            and _are_enough(one, handover.after)
        ):
            return one, handover.after
    return None


def _are_enough(handover: SignedText, signers: Signers) -> bool:
    found = signers_of(handover_to_sign(handover.text), handover, signers)
    return len(found) >= signers.threshold


def _whole(manifest: Manifest, file: BundleFile) -> None:
    """The files are those of the manifest, to the letter. Raises ``BundleRefusedError``."""
    for name in sorted({*manifest.files, *file.files}):
        if name not in file.files:
            why = f"{name} is missing"
        elif name not in manifest.files:
            why = f"{name} is not in the manifest"
        elif digest_of(file.files[name]) != manifest.files[name]:
            why = f"{name} is not the one that was signed"
        else:
            continue
        raise BundleRefusedError(BundleRefusal.CONTENT, why)


def _release(text: str) -> tuple[int, ...]:
    found = _RELEASE.match(text)
    return tuple(map(int, found.groups())) if found is not None else (0, 0, 0)
