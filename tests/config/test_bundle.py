"""What may take the place of definitions: what enough trusted keys signed, whole, and newer."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.config.bundle import (
    MOST_BYTES,
    Bundle,
    BundleFile,
    BundleRefusal,
    BundleRefusedError,
    SignedText,
    Signers,
    form_of_bundle,
    judged,
    manifest_to_sign,
    opened,
    signed_manifest,
)
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

ONE = Signers(KEYS[:1])
TWO_OF_THREE = Signers(KEYS[:3], 2)


def refused(body: bytes, signers: Signers = ONE) -> BundleRefusal:
    with pytest.raises(BundleRefusedError) as caught:
        opened(body, signers)
    assert str(caught.value)
    return caught.value.refusal


def not_judged(bundle: Bundle, before: Bundle | None, program: str = "0.1.0") -> BundleRefusal:
    with pytest.raises(BundleRefusedError) as caught:
        judged(bundle, instead_of=before, now=NOW, program=program)
    return caught.value.refusal


def test_one_that_is_right_is_opened() -> None:
    found = opened(body_of(), ONE)
    assert dict(found.files) == {"listed.yaml": LISTED}
    assert (found.version, found.signed_by) == (1, KEYS[:1])
    assert judged(found, instead_of=None, now=NOW, program="0.1.0")
    assert not judged(found, instead_of=found, now=NOW, program="0.1.0")


@pytest.mark.parametrize(
    ("pems", "enough"),
    [((0, 1), True), ((0, 2), True), ((1, 2), True)]
    + [((n,), False) for n in range(4)]
    + [((0, 3), False), ((0, 0), False)],
)
def test_two_of_three_must_sign(pems: tuple[int, ...], enough: bool) -> None:
    body = body_of(pems=[PEMS[n] for n in pems])
    if enough:
        assert len(opened(body, TWO_OF_THREE).signed_by) == 2
    else:
        assert refused(body, TWO_OF_THREE) is BundleRefusal.SIGNATURE


def test_one_key_in_two_spellings_is_one_key() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = letters[letters.index(KEYS[0][42]) + 1]
    other = KEYS[0][:42] + last + "="
    file = json.loads(body_of())
    file["manifest"]["signatures"].append(dict(file["manifest"]["signatures"][0], key=other))
    assert refused(json.dumps(file).encode(), TWO_OF_THREE) is BundleRefusal.MALFORMED


def test_what_was_signed_as_something_else_is_no_manifest() -> None:
    text = signed_manifest(manifest_of({"listed.yaml": LISTED}))
    whole = BundleFile(signed(text, text, PEMS[:1]), {"listed.yaml": LISTED})
    assert refused(msgspec.json.encode(whole)) is BundleRefusal.SIGNATURE


@pytest.mark.parametrize(
    "name",
    [
        "../x.yaml",
        "/etc/passwd",
        "a/b.yaml",
        "x.yml",
        "X.yaml",
        ".yaml",
        "x.yaml\n",
        "x\0.yaml",
        "a" * 41 + ".yaml",
        "..%2fx.yaml",
        "x.yaml/",
        "",
        "con\\x.yaml",
    ],
)
def test_no_name_is_a_path(name: str) -> None:
    file = json.loads(body_of())
    file["files"][name] = LISTED
    assert refused(json.dumps(file).encode()) is BundleRefusal.MALFORMED
    text = json.loads(signed_manifest(manifest_of({"listed.yaml": LISTED})))
    text["files"][name] = text["files"]["listed.yaml"]
    said = json.dumps(text)
    whole = BundleFile(signed(said, manifest_to_sign(said), PEMS[:1]), {"listed.yaml": LISTED})
    assert refused(msgspec.json.encode(whole)) is BundleRefusal.MALFORMED


def test_there_is_a_most_of_files() -> None:
    file = json.loads(body_of())
    file["files"] |= {f"a{n}.yaml": "" for n in range(256)}
    assert refused(json.dumps(file).encode()) is BundleRefusal.MALFORMED


def test_files_are_those_of_the_manifest_to_the_letter() -> None:
    file = json.loads(body_of())
    for change in ({}, {"listed.yaml": LISTED + " "}, {"listed.yaml": LISTED, "b.yaml": ""}):
        assert refused(json.dumps(file | {"files": change}).encode()) is BundleRefusal.CONTENT


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", BundleRefusal.MALFORMED),
        (b"PK\x03\x04" + bytes(200), BundleRefusal.MALFORMED),
        (b"\x1f\x8b\x08" + bytes(200), BundleRefusal.MALFORMED),
        (b"[" * 60_000, BundleRefusal.MALFORMED),
        (b'{"manifest":' + b"[" * 60_000, BundleRefusal.MALFORMED),
        (b" " * (MOST_BYTES + 1), BundleRefusal.TOO_LARGE),
        (body_of(format=2), BundleRefusal.PROGRAM),
        (body_of(pems=()), BundleRefusal.SIGNATURE),
        (body_of(pems=PEMS[1:2]), BundleRefusal.SIGNATURE),
        (body_of(pems=PEMS * 9), BundleRefusal.MALFORMED),
    ],
)  # fmt: skip
def test_others_are_not(body: bytes, why: BundleRefusal) -> None:
    assert refused(body) is why


def test_versions_only_grow_and_what_is_too_old_or_too_new_is_not_taken() -> None:
    second = opened(body_of(version=2), ONE)
    assert judged(opened(body_of(version=3), ONE), instead_of=second, now=NOW, program="0.1.0")
    assert not_judged(opened(body_of(), ONE), second) is BundleRefusal.OLDER
    other = opened(body_of(version=2, least_program="0.0.9"), ONE)
    assert not_judged(other, second) is BundleRefusal.ALTERED
    past = datetime.fromtimestamp(NOW - 1.0, UTC)
    assert (
        not_judged(opened(body_of(version=3, expires=past), ONE), second) is BundleRefusal.EXPIRED
    )
    newer = opened(body_of(version=3, least_program="0.10.0"), ONE)
    assert not_judged(newer, second, program="0.9.7") is BundleRefusal.PROGRAM
    assert judged(newer, instead_of=second, now=NOW, program="0.10.0")


def test_the_one_in_use_is_no_news_when_it_has_expired() -> None:
    past = opened(body_of(expires=datetime.fromtimestamp(NOW - 1.0, UTC)), ONE)
    assert past.expired(NOW)
    assert not judged(past, instead_of=past, now=NOW, program="0.1.0")


def chain() -> tuple[SignedText, SignedText]:
    """From the first key to the second and third, then to the fourth."""
    later, last = Signers(KEYS[1:3], 2), Signers(KEYS[3:])
    return (
        handover_of(ONE, later, PEMS[:3]),
        handover_of(later, last, PEMS[1:]),
    )


def test_keys_are_handed_over_by_those_who_had_them() -> None:
    first, second = chain()
    assert opened(body_of(pems=PEMS[1:3], handovers=[first]), ONE).signers.threshold == 2
    # Whatever order they stand in, and whoever of them is already known.
    for given_, known in (((second, first), ()), ((second,), (first,))):
        found = opened(body_of(pems=PEMS[3:], handovers=given_), ONE, known=known)
        assert found.signed_by == KEYS[3:]
        assert set(found.handovers) == {first, second}
    # A configuration that names later keys begins there.
    assert opened(body_of(pems=PEMS[3:], handovers=[first, second]), Signers(KEYS[3:]))


def test_who_has_handed_over_signs_no_more() -> None:
    first, second = chain()
    assert refused(body_of(pems=PEMS[:1], handovers=[first])) is BundleRefusal.SIGNATURE
    # Whoever leaves a handover out does not undo it.
    with pytest.raises(BundleRefusedError):
        opened(body_of(pems=PEMS[:1]), ONE, known=[first])
    with pytest.raises(BundleRefusedError):
        opened(body_of(pems=PEMS[1:3]), ONE, known=[first, second])


@pytest.mark.parametrize("pems", [(), (0,), (0, 1), (1, 2), (0, 3)])
def test_a_handover_takes_enough_of_both(pems: tuple[int, ...]) -> None:
    other = handover_of(ONE, Signers(KEYS[1:3], 2), [PEMS[n] for n in pems])
    assert refused(body_of(pems=PEMS[1:3], handovers=[other])) is BundleRefusal.SIGNATURE
    assert opened(body_of(handovers=[other]), ONE).signers == ONE


def test_the_order_of_keys_makes_no_difference() -> None:
    later = Signers(KEYS[3:])
    moved = handover_of(Signers(KEYS[2::-1], 2), later, PEMS)
    assert opened(body_of(pems=PEMS[3:], handovers=[moved]), TWO_OF_THREE).signers == later


def _spoilt(body: bytes, kind: str, place: int, other: int) -> bytes:
    """``body`` as somebody on the way, or a disk, would leave it."""
    at = place % len(body)
    if kind == "bit":
        return body[:at] + bytes([body[at] ^ (1 << other % 8)]) + body[at + 1 :]
    if kind == "cut":
        return body[:at]
    if kind == "twice":
        return body[:at] + body
    if kind == "insert":
        return body[:at] + bytes([other % 256]) * (1 + other % 50) + body[at:]
    if kind == "zeros":
        return body[:at] + bytes(len(body) - at)
    if kind == "swap":
        end = at + other % 64
        return body[:at] + body[at:end][::-1] + body[end:]
    file = json.loads(body)
    if kind == "signature":
        file["manifest"]["signatures"][0]["signature"] = "A" * (other % 128)
    elif kind == "version":
        text = json.loads(file["manifest"]["text"])
        file["manifest"]["text"] = json.dumps(text | {"version": 2 + other})
    elif kind == "expires":
        text = json.loads(file["manifest"]["text"])
        file["manifest"]["text"] = json.dumps(text | {"expires": "9999-01-01T00:00:00Z"})
    elif kind == "file":
        file["files"]["listed.yaml"] = LISTED.replace("listed.example", f"h{other}.example")
    elif kind == "name":
        file["files"]["../" * (1 + other % 9) + "etc/x.yaml"] = LISTED
    elif kind == "stranger":
        file = json.loads(body_of(pems=PEMS[1:2], version=2 + other))
        file["manifest"]["signatures"][0]["key"] = KEYS[0]
    elif kind == "handover":
        stolen = handover_of(ONE, Signers(KEYS[1:2]), PEMS[1:3])
        file = json.loads(body_of(pems=PEMS[1:2], version=2 + other, handovers=[stolen]))
    return json.dumps(file).encode()


KINDS = ("bit", "cut", "twice", "insert", "zeros", "swap", "signature", "version", "expires",
         "file", "name", "stranger", "handover")  # fmt: skip


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 1_000_000), st.integers(0, 1_000_000))
def test_whatever_is_done_to_one_nothing_else_than_was_signed_is_used(
    kind: str, place: int, other: int
) -> None:
    whole = body_of()
    good = opened(whole, ONE)
    try:
        found = opened(_spoilt(whole, kind, place, other), ONE)
    except BundleRefusedError:
        return
    # JSON has several ways to write the same.
    assert (found.digest, dict(found.files)) == (good.digest, dict(good.files))
    assert found.signers == ONE


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_with_words(body: bytes) -> None:
    with pytest.raises(BundleRefusedError):
        opened(body, ONE)


def test_the_form_is_read_without_trust() -> None:
    assert form_of_bundle(body_of(pems=())).files == {"listed.yaml": LISTED}
