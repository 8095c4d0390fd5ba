"""A thousand bundles that must not be used: the last good one stays, to the letter."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from probe.config import load
from probe.config.bundle import (
    MOST_BYTES,
    Bundle,
    BundleFile,
    BundleRefusal,
    BundleRefusedError,
    SignedText,
    Signers,
    manifest_to_sign,
    signed_manifest,
)
from probe.config.bundle_places import beside, read_bundle
from probe.config.schema import Config
from probe.store.bundle_install import install
from tests.config.bundles import (
    KEYS,
    LISTED,
    NOW,
    PEMS,
    body_of,
    handover_of,
    manifest_of,
    signed,
)
from tests.config.files import written

CASES = 1_000
IN_USE = 5
LATER = Signers(KEYS[1:3], 2)
HANDOVER = handover_of(Signers(KEYS[:1]), LATER, PEMS[:3])


class Setting(Struct, frozen=True):
    """Whom a configuration trusts, who signs what it has, with which handovers, and who else holds
    too few keys to be believed."""

    signers: Signers
    pems: tuple[str, ...]
    handovers: tuple[SignedText, ...] = ()
    too_few: tuple[tuple[str, ...], ...] = ()


SETTINGS = {
    "one key": Setting(Signers(KEYS[:1]), PEMS[:1], (), ((), PEMS[1:2], PEMS[1:4])),
    "two of three": Setting(
        Signers(KEYS[:3], 2),
        PEMS[:2],
        (),
        ((), PEMS[:1], PEMS[2:3], (PEMS[0], PEMS[0]), (PEMS[0], PEMS[3])),
    ),
    "a key handed over": Setting(
        Signers(KEYS[:1]),
        PEMS[1:3],
        (HANDOVER,),
        (PEMS[:1], PEMS[1:2], (PEMS[0], PEMS[3]), PEMS[3:]),
    ),
}
Drawn = tuple[bytes, frozenset[BundleRefusal]]
"""A body, and why it may be refused."""
FORM = frozenset({BundleRefusal.MALFORMED})
SIGNED = frozenset({BundleRefusal.SIGNATURE})
SPOILT = frozenset(BundleRefusal)


def newer(one: Setting, random: Random, **more: Any) -> bytes:
    """What would be used."""
    more = {"version": random.randint(IN_USE + 1, 10**6)} | more
    return body_of(pems=one.pems, handovers=one.handovers, **more)


def other_keys(one: Setting, random: Random) -> Drawn:
    return (
        body_of(
            pems=random.choice(one.too_few),
            handovers=random.choice([one.handovers, ()]),
            version=random.randint(IN_USE + 1, 10**6),
        ),
        SIGNED | FORM,
    )


def borrowed(one: Setting, random: Random) -> Drawn:
    """Signatures of another manifest."""
    file, other = json.loads(newer(one, random)), json.loads(newer(one, random))
    file["manifest"]["text"] = other["manifest"]["text"].replace('"version":', '"version": ')
    return json.dumps(file).encode(), SIGNED


def older(one: Setting, random: Random) -> Drawn:
    version = random.randint(1, IN_USE - 1)
    return newer(one, random, version=version), frozenset({BundleRefusal.OLDER})


def altered(one: Setting, random: Random) -> Drawn:
    """Another one of the same version."""
    body = newer(one, random, version=IN_USE, least_program=f"0.0.{random.randint(1, 99)}")
    return body, frozenset({BundleRefusal.ALTERED})


def expired(one: Setting, random: Random) -> Drawn:
    ended = datetime.fromtimestamp(NOW - random.uniform(1.0, 5e8), UTC)
    return newer(one, random, expires=ended), frozenset({BundleRefusal.EXPIRED})


def too_new(one: Setting, random: Random) -> Drawn:
    least = f"{random.randint(1, 99)}.{random.randint(0, 99)}.{random.randint(0, 99)}"
    return newer(one, random, least_program=least), frozenset({BundleRefusal.PROGRAM})


def huge(one: Setting, random: Random) -> Drawn:
    body = newer(one, random) + b" " * (MOST_BYTES + random.randint(1, 100))
    return body, frozenset({BundleRefusal.TOO_LARGE})


PACKERS: tuple[Callable[[bytes], bytes], ...] = (
    gzip.compress,
    zlib.compress,
    bz2.compress,
    lzma.compress,
)


def packed(one: Setting, random: Random) -> Drawn:
    """Nothing is ever unpacked, be it a good one or a great many zeros."""
    inside = newer(one, random) if random.random() < 0.5 else bytes(1_000_000)
    return random.choice(PACKERS)(inside), FORM


def paths(one: Setting, random: Random) -> Drawn:
    """Names that lead elsewhere, and the right people signed them."""
    up = "../" * random.randint(1, 9)
    name = random.choice([f"{up}etc/x.yaml", "/tmp/x.yaml", "a/b.yaml", "..", "x\0.yaml", f"{up}h"])
    said = json.loads(signed_manifest(manifest_of({"listed.yaml": LISTED}, version=IN_USE + 1)))
    text = json.dumps(said | {"files": {name: said["files"]["listed.yaml"]}})
    whole = BundleFile(signed(text, manifest_to_sign(text), one.pems), {name: LISTED})
    return msgspec.json.encode(whole), FORM


def half(one: Setting, random: Random) -> Drawn:
    body = newer(one, random)
    return body[: random.randrange(len(body))], SPOILT


def holes(one: Setting, random: Random) -> Drawn:
    body = newer(one, random)
    begin = random.randrange(len(body))
    end = min(len(body), begin + random.choice([1, 16, 512]))
    return body[:begin] + bytes(end - begin) + body[end:], SPOILT


def flipped(one: Setting, random: Random) -> Drawn:
    body = bytearray(newer(one, random))
    body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return bytes(body), SPOILT


def handed_to_a_thief(one: Setting, random: Random) -> Drawn:
    """Who has too few keys hands over to a key of its own."""
    moved = handover_of(one.signers, Signers(KEYS[3:]), (*random.choice(one.too_few), PEMS[3]))
    return (
        body_of(pems=PEMS[3:], handovers=(*one.handovers, moved), version=IN_USE + 1),
        SIGNED | FORM,
    )


def not_definitions(one: Setting, random: Random) -> Drawn:
    """Rightly signed, and no configuration."""
    text = random.choice(
        [
            "name: [",
            "",
            "[" * random.randint(50, 500),
            LISTED.replace("why:", "wy:"),
            LISTED.replace("listed.example", f"192.168.1.{random.randint(1, 254)}"),
            LISTED.replace("https:", "http:"),
            "a: &a [" + "1, " * 90 + "1]\nb: &b [" + "*a, " * 90 + "*a]\nc: [" + "*b, " * 90 + "]",
        ]
    )
    body = body_of(
        {"listed.yaml": text}, pems=one.pems, handovers=one.handovers, version=IN_USE + 1
    )
    return body, frozenset({BundleRefusal.DEFINITIONS})


def noise(one: Setting, random: Random) -> Drawn:
    return random.randbytes(random.randint(0, 2_000)), FORM


Kind = Callable[[Setting, Random], Drawn]
CHEAP: tuple[Kind, ...] = (
    other_keys, borrowed, older, altered, expired, too_new, packed, paths, half, holes, flipped,
    handed_to_a_thief, noise,
)  # fmt: skip
DEAR: tuple[Kind, ...] = (huge, not_definitions)
DEAR_SHARE = 0.03


class Machine:
    """One whose last good bundle is installed. What the configuration names is read where a bundle
    gets so far that it is tried, and only then."""

    def __init__(self, folder: Path, one: Setting) -> None:
        (folder / "state").mkdir()
        self.folder, self.setting = folder, one
        self.history = folder / "state" / "h"
        keys = f"keys: [{', '.join(one.signers.keys)}], threshold: {one.signers.threshold}"
        self.main = written(folder, f"store: {{path: state/h}}\ntargets: {{{keys}}}\n")
        self.used = load(self.main, {})
        self.good = newer(one, Random(0), version=IN_USE)
        self.take(self.good)
        self.before = self.found()

    def take(self, body: bytes) -> Bundle:
        return install(
            body,
            self.history,
            self.setting.signers,
            tried=self.config,
            used=self.used,
            agreed=lambda bundle, change: True,
            now=NOW,
        ).bundle

    def refuses(self, body: bytes) -> BundleRefusal | None:
        """Why it does not take ``body``; ``None``: it did."""
        try:
            self.take(body)
        except BundleRefusedError as refused:
            return refused.refusal if str(refused) else None
        return None

    def config(self, bundle: Bundle) -> Config:
        return load(self.main, {}, bundle=bundle)

    def found(self) -> dict[Path, bytes]:
        """Everything that is on this machine."""
        return {one: one.read_bytes() for one in self.folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("one", SETTINGS.values(), ids=[*SETTINGS])
def test_the_last_good_one_stays_in_use(one: Setting, tmp_path: Path) -> None:
    machine, random = Machine(tmp_path, one), Random(24)
    met: Counter[str] = Counter()
    for _ in range(CASES // len(SETTINGS) + 1):
        kind = random.choice(DEAR if random.random() < DEAR_SHARE else CHEAP)
        body, why = kind(one, random)
        met[kind.__name__] += 1
        if (refused := machine.refuses(body)) is None:
            # JSON has several ways to write the same, so what was spoilt may be what was signed.
            assert why is SPOILT, kind.__name__
            beside(machine.history).unlink()
            machine.take(machine.good)
        else:
            assert refused in why, kind.__name__
        assert machine.found() == machine.before, kind.__name__
    assert min(met[kind.__name__] for kind in CHEAP) >= 10
    still = read_bundle(beside(machine.history), one.signers).bundle
    assert still is not None
    assert still.version == IN_USE
    assert machine.take(newer(one, random)).version > IN_USE
