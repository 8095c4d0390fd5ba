"""A reference's document: what its vantages see, as bytes that anybody can check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from probe.config.readable import must_be_file
from probe.config.signing import sign
from probe.model.identity import LegRole, Role
from probe.model.reference_document import VERSION, Document, SeenOutside, SeenTarget, Signed
from probe.model.verdict import State, Verdict
from probe.observe.goodput import goodput
from probe.publish.latest.overdue import NOT_MEASURED
from probe.publish.latest.snapshot import Snapshot
from probe.verdict.ladder.facts import Elsewhere, elsewhere


class ServedDocument(Struct, frozen=True, kw_only=True):
    """The document that is served, and the name of this version of it."""

    body: bytes
    etag: str


class OutsidePage:
    """Makes a new document when something else is seen, and else serves the last one again."""

    def __init__(self) -> None:
        self._seen: tuple[SeenOutside, ...] | None = None
        self._made_at = 0.0
        self._answer: ServedDocument | None = None

    def answer(self, snapshot: Snapshot) -> ServedDocument | None:
        """What to serve; ``None`` unless the configuration says with which key to sign. Blocks.
        Raises ``OSError`` or ``KeyUnusableError`` (a ``ValueError``) if the key cannot be used."""
        if snapshot.outside_key_file is None:
            return None
        must_be_file(snapshot.outside_key_file)
        seen = seen_outside(snapshot)
        if self._answer is None or seen != self._seen:
            # Whatever the clock does, the time of a document only grows.
            self._made_at = max(snapshot.taken_at, self._made_at)
            body = signed(
                Document(version=VERSION, made_at=self._made_at, platforms=seen),
                Path(snapshot.outside_key_file).read_text(encoding="ascii", errors="replace"),
            )
            digest = hashlib.sha256(body).hexdigest()[:32]
            self._seen, self._answer = seen, ServedDocument(body=body, etag=f'"{digest}"')
        return self._answer


def signed(document: Document, pem: str) -> bytes:
    """``document`` with the signature of the key in ``pem``. Raises ``KeyUnusableError``."""
    text = msgspec.json.encode(document).decode()
    return msgspec.json.encode(Signed(document=text, signature=sign(pem, text)))


def seen_outside(snapshot: Snapshot) -> tuple[SeenOutside, ...]:
    """What the reference vantages see of each platform. Several are weighed; where they disagree,
    nothing is said."""
    outside = {v.name for v in snapshot.vantages if v.role is Role.REFERENCE}
    found = []
    for platform in snapshot.platforms:
        said = [
            verdict
            for (vantage, name), verdict in snapshot.verdicts.items()
            if vantage in outside and name == platform.name
            if verdict is not None and verdict.reason != NOT_MEASURED
        ]
        verdict = _weighed(said)
        if verdict is not None:
            found.append(_seen(snapshot, verdict))
    return tuple(found)


def _weighed(said: Iterable[Verdict]) -> Verdict | None:
    several = tuple(said)
    if len(several) > 1:
        together = elsewhere(several)
        speaking = [v for v in several if elsewhere((v,)) is not Elsewhere.NOBODY_LOOKED]
        if together is Elsewhere.NOBODY_LOOKED:
            # None says how the platform is; of single targets the latest may.
            return None if speaking else max(several, key=lambda verdict: verdict.at)
        fine = together is Elsewhere.FINE
        several = tuple(v for v in speaking if (v.state is State.OK) is fine)
    return max(several, key=lambda verdict: verdict.at, default=None)


def _seen(snapshot: Snapshot, verdict: Verdict) -> SeenOutside:
    reads = [
        (leg.body_bytes, pace)
        for key, leg in snapshot.reads.items()
        if (key.vantage, key.owner.name, key.role)
        == (verdict.vantage, verdict.platform, LegRole.TARGET)
        and leg.body_bytes
        and (pace := goodput(leg)) is not None
    ]
    size, pace = max(reads, default=(None, None))
    controls = [
        theirs
        for key, leg in snapshot.reads.items()
        if key.vantage == verdict.vantage and key.role is LegRole.CONTROL
        if (theirs := goodput(leg)) is not None
    ]
    return SeenOutside(
        platform=verdict.platform,
        state=verdict.state.value,
        reason=verdict.reason,
        at=round(verdict.at, 3),
        holds_until=round(verdict.holds_until, 3),
        bytes=size,
        bytes_per_second=None if pace is None else round(pace, 1),
        control_bytes_per_second=round(max(controls), 1) if controls else None,
        read_at=None if verdict.read_at is None else round(verdict.read_at, 3),
        targets=tuple(
            SeenTarget(
                target=one.target,
                at=round(one.at, 3),
                read_at=round(one.read_at, 3),
                long_at=round(one.long_at, 3),
            )
            for one in verdict.vouches
        ),
    )
