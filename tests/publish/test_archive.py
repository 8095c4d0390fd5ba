"""A hub's archive: whole or not at all, each round once, and read like a history."""

from __future__ import annotations

import errno
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from probe.config.schema import StoreConfig, VantageConfig
from probe.config.values import Seconds
from probe.model.identity import Role
from probe.model.stored import StoredRound
from probe.model.verdict import State
from probe.publish.parcels import archive as archives
from probe.publish.parcels.archive import (
    HOUR_SECONDS,
    NAMES,
    PLACE,
    Added,
    Archive,
    NoRoomError,
)
from probe.publish.parcels.archive_reader import ArchivedHistory
from probe.publish.parcels.zstandard import NotPackedError, press, unpress
from probe.publish.privacy.configured_names import NOTHING, Named
from probe.store.history import History, HistoryError
from probe.store.writer import Store
from tests.store.rounds import CONFIG, START, stored

A, B = "pk-17557-aaaaa", "pk-9541-bbbbb"


def some(vantage: str, numbers: range) -> list[StoredRound]:
    """Two platforms in turns, the third hour of them wrong."""
    return [
        stored(
            n,
            platform=("x", "facebook")[n % 2],
            vantage=vantage,
            state=State.IMPAIRED if 24 <= n < 36 else State.OK,
        )
        for n in numbers
    ]


def files(root: Path) -> list[str]:
    return sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.is_file())


def test_a_round_is_kept_once_and_as_it_came_first(tmp_path: Path) -> None:
    archive, rounds = Archive(tmp_path), some(A, range(30))
    assert archive.add(A, rounds[:20]) == Added(new=20)
    before = {file: (tmp_path / file).read_bytes() for file in files(tmp_path)}
    assert archive.add(A, rounds[:20]) == Added(known=20), "the same parcel again"
    changed = [replace(one, verdict=replace(one.verdict, sentence="another")) for one in rounds]
    assert archive.add(A, changed[:20]) == Added(known=20), "nothing is said again otherwise"
    assert {file: (tmp_path / file).read_bytes() for file in files(tmp_path)} == before
    assert archive.add(A, rounds[10:]) == Added(new=10, known=10)
    with ArchivedHistory(tmp_path) as history:
        assert list(history.rounds()) == rounds
    names = [file for file in files(tmp_path) if not file.endswith(PLACE)]
    assert names == [f"{A}/2023-11-1{d}/{h}.jsonl.zst" for d, h in ((4, 22), (4, 23), (5, "00"))]
    assert all((tmp_path / file).stat().st_mode & 0o077 == 0 for file in names)


def test_what_was_not_written_here_is_read_past(tmp_path: Path) -> None:
    """Days of no year, of other digits, and files that never end."""
    archive, rounds = Archive(tmp_path), some(A, range(30))
    archive.add(A, rounds)
    for day in ("0000-00-00", "2023-02-30", "\u0662\u0660\u0662\u0663-11-14"):
        (tmp_path / A / day).mkdir()
        (tmp_path / A / day / "05.jsonl.zst").write_bytes(b"x")
    (tmp_path / A / "2023-11-16").mkdir()
    os.mkfifo(tmp_path / A / "2023-11-16" / "03.jsonl.zst")
    (tmp_path / A / "2023-11-16" / "04.jsonl.zst").symlink_to("/dev/zero")
    with ArchivedHistory(tmp_path) as history:
        assert list(history.rounds()) == rounds
        assert history.unreadable == 0


def test_a_folder_of_other_things_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "music" / "2023").mkdir(parents=True)
    with pytest.raises(HistoryError, match="is it what a hub keeps"):
        ArchivedHistory(tmp_path)


@pytest.mark.parametrize("name", ["..", "../x", "/etc", "", "a/b", ".hidden", "x" * 41, "A"])
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    with pytest.raises(ValueError, match="no name"):
        Archive(root).add(name, some(name, range(1)))
    assert files(tmp_path) == []


def test_an_hour_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_HOUR_ROUNDS", 8)
    archive = Archive(tmp_path)
    same = [replace(o, observed=replace(o.observed, started_at=START)) for o in some(A, range(12))]
    assert archive.add(A, same) == Added(new=8, full=4)
    monkeypatch.setattr(archives, "MOST_HOUR_BYTES", 1_000)
    later = [stored(n, at=START + HOUR_SECONDS, vantage=A) for n in range(20, 23)]
    assert archive.add(A, later) == Added(full=3)


def test_a_vantage_has_room_of_its_own(tmp_path: Path) -> None:
    """Never more than that on the disk; others are not pushed out, and what goes makes room."""
    archive, rounds = Archive(tmp_path, room_bytes=14_000), some(A, range(96))
    with pytest.raises(NoRoomError):
        archive.add(A, rounds)
    before = files(tmp_path)

    def size() -> int:
        found = (one for one in (tmp_path / A).rglob("*") if one.is_file())
        return sum(one.stat().st_size for one in found)

    assert 7_000 < size() <= 14_000
    assert archive.sizes == {A: size()}
    assert archive.add(B, some(B, range(12))).new == 12, "others have their own"
    again = Archive(tmp_path, room_bytes=14_000)
    with pytest.raises(NoRoomError):
        again.add(A, rounds[-1:])
    assert again.add(A, rounds[:12]) == Added(known=12), "what is there is said to be"
    assert set(before) <= set(files(tmp_path))
    again.count()
    assert again.sizes[A] == size()
    next(again.hours(A)).path.unlink()
    again.count()
    assert again.add(A, rounds[:12]).new > 0
    assert again.sizes[A] == size() <= 14_000
    again.remove(A)
    assert A not in again.sizes
    assert again.add(A, rounds[:12]).new == 12


def test_what_is_cut_off_in_the_middle_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, rounds = Archive(tmp_path), some(A, range(12))
    archive.add(A, rounds[:6])
    before = {file: (tmp_path / file).read_bytes() for file in files(tmp_path)}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as trouble:
        trouble.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            archive.add(A, rounds)
    assert {file: (tmp_path / file).read_bytes() for file in files(tmp_path)} == before
    # What a kill has left is no round, and goes at the next start.
    left = tmp_path / A / "2023-11-14" / ".22.jsonl.zst.abcd.part"
    left.write_bytes(b"half")
    with ArchivedHistory(tmp_path) as history:
        assert len(list(history.rounds())) == 6
        assert history.unreadable == 0
    archive.begin()
    assert not left.exists()
    assert archive.add(A, rounds) == Added(new=6, known=6)


@pytest.mark.parametrize("damage", [b"", b"x", b"\x28\xb5\x2f\xfd" + b"\x00" * 9])
def test_a_damaged_file_is_passed_over_and_set_aside(damage: bytes, tmp_path: Path) -> None:
    archive, rounds = Archive(tmp_path), some(A, range(24))
    archive.add(A, rounds)
    hour = next(archive.hours(A)).path
    hour.write_bytes(damage)
    with ArchivedHistory(tmp_path) as history:
        assert 0 < len(list(history.rounds())) < 24
        assert history.unreadable == 1
    added = archive.add(A, rounds)
    assert added.new + added.known == 24
    assert added.new > 0
    with ArchivedHistory(tmp_path) as history:
        assert list(history.rounds()) == rounds
        assert history.unreadable == 0


def test_it_forgets_whole_days(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.add(A, [stored(n, at=START + 86_400.0 * n, vantage=A) for n in range(4)])
    assert archive.forget(START + 2 * 86_400.0) == 2
    with ArchivedHistory(tmp_path) as history:
        assert [one.observed.started_at for one in history.rounds()] == [
            START + 2 * 86_400.0,
            START + 3 * 86_400.0,
        ]


def test_nothing_that_is_not_its_own_is_deleted(tmp_path: Path) -> None:
    """Somebody may name a folder that has other things in it: a home, say."""
    archive = Archive(tmp_path)
    archive.add(A, some(A, range(30)))
    others = [
        "photos/2020-01-20/wedding.jpg",
        "photos/2020-01-20/.draft.part",
        "music/.song.mp3.part",
        f"{A}/2023-11-14/notes.txt",
        f"{A}/2023-11-14/22.jsonl.zst.bak",
    ]
    for name in others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("of somebody")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "13.jsonl.zst").write_text("of somebody")
    (tmp_path / A / "2023-11-01").symlink_to(elsewhere)
    archive.begin()
    archive.forget(START + 86_400.0 * 10)
    archive.remove(A)
    left = {*files(tmp_path)}
    assert left == {*others, "elsewhere/13.jsonl.zst"}


def test_what_cannot_be_deleted_keeps_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path)
    for name in (A, B):
        archive.add(name, [stored(n, at=START + 86_400.0 * n, vantage=name) for n in range(3)])
    stuck, unlink = next(archive.hours(A)).path, Path.unlink

    def refuses(path: Path, missing_ok: bool = False) -> None:
        if path == stuck:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuses)
    with pytest.raises(PermissionError):
        archive.forget(START + 86_400.0 * 10)
    assert [tmp_path / one for one in files(tmp_path)] == [stuck]


def test_of_one_vantage_all_goes(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for name in (A, B):
        archive.place(VantageConfig(name=name))
        archive.add(name, some(name, range(60)))
    left = tmp_path / A / ".vantage.json.abcd0123.part"
    left.write_bytes(b"half")
    assert archive.remove(A) == 2
    assert archive.vantages() == [B]
    assert archive.remove(A) == 0, "and again"
    with pytest.raises(ValueError, match="no name"):
        archive.remove("../x")


@pytest.mark.parametrize("size", [10, 10_000, 3_000_000])
def test_what_is_packed_takes_the_room_that_it_needs(size: int) -> None:
    body = press(b"x" * size)
    tracemalloc.start()
    try:
        assert unpress(body, 2 * archives.MOST_HOUR_BYTES) == b"x" * size
        (_, most) = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # It and its copy, and what was too small before; never the whole of what an hour may have.
    assert most < 20 * size + 200_000
    with pytest.raises(NotPackedError):
        unpress(body, size - 1)


def test_it_is_read_as_the_history_is(tmp_path: Path) -> None:
    rounds = some(A, range(60))
    # At other times: of rounds that began at once a history has its own order.
    rounds += [stored(n, at=START + 300.0 * n + 7.0, vantage=B) for n in range(40, 90)]
    # Two that overlap over the end of an hour, judged in the other order.
    edge = START - START % HOUR_SECONDS + HOUR_SECONDS
    early = stored(900, at=edge - 5.0, vantage=A)
    early = replace(
        early,
        observed=replace(early.observed, duration_seconds=200.0),
        verdict=replace(early.verdict, at=edge + 195.0),
    )
    late = stored(901, at=edge + 1.0, vantage=A, platform="facebook")
    rounds += [late, early]
    judged = sorted(rounds, key=lambda one: (one.verdict.at, one.observed.started_at))
    store = Store.open(StoreConfig(path=str(tmp_path / "h"), batch=Seconds(0.0)))
    for one in judged:
        store.round_finished(one.observed, one.verdict)
    assert store.close(20.0)
    archive = Archive(tmp_path / "archive")
    for name in (A, B):
        archive.add(name, [one for one in rounds if one.observed.vantage == name])
    of: list[dict[str, Any]] = [{}, {"vantage": A}, {"platform": "x"}]
    of += [{**one, "since": START + 3_000.0, "until": START + 12_000.0} for one in of]
    with History(tmp_path / "h") as whole, ArchivedHistory(tmp_path / "archive") as archived:
        assert archived.bounds() == whole.bounds()
        assert archived.vantages() == whole.vantages()
        assert set(archived.slots()) == set(whole.slots())
        for asked in of:
            for as_judged in (False, True):
                found = list(archived.rounds(**asked, as_judged=as_judged))
                assert found == list(whole.rounds(**asked, as_judged=as_judged)), asked
            sums = [one.summary for one in archived.summaries(**asked)]
            assert sums == [one.summary for one in whole.summaries(**asked)]
        assert list(archived.verdict_spans()) == list(whole.verdict_spans())
        assert not list(archived.incidents())
        assert not list(archived.findings())


def test_where_vantages_are_is_what_the_hub_said(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.add(A, some(A, range(2)))
    place = VantageConfig(name=A, country="PK", asn=17_557, role=Role.REFERENCE)
    archive.place(place)
    archive.place(place)
    with ArchivedHistory(tmp_path) as history:
        assert history.placed(CONFIG).settings.vantages == (place,)
    archive.place(VantageConfig(name=B, country="TR"))
    alone = VantageConfig(name=A)
    copied = (tmp_path / B / PLACE).read_bytes()
    for damaged in (copied, b"{", b"", b"\xff"):
        (tmp_path / A / PLACE).write_bytes(damaged)
        with ArchivedHistory(tmp_path) as history:
            found = history.placed(CONFIG).settings.vantages
        # Of whom nothing is known but the name, and in nobody else's place.
        assert found == (alone, VantageConfig(name=B, country="TR")), damaged


def test_names_that_were_given_add_up(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.begin()
    first = Named.of_texts([("url", "https://one.example/a"), ("hosts", "*.cdn.example")])
    second = Named.of_texts([("url", "https://two.example:8443/b"), ("pattern", r"/m\.js")])
    assert archive.named() == NOTHING
    for given in (first, second, first, NOTHING):
        archive.name(given)
    found = archive.named()
    assert found == first | second == second | first
    assert found.url("https://two.example:8443/b") == "https://two.example:8443/b"
    assert (tmp_path / NAMES).stat().st_mode & 0o777 == 0o600
    before = (tmp_path / NAMES).stat()
    archive.name(second)
    assert (tmp_path / NAMES).stat().st_ino == before.st_ino, "it is no news"
    left = tmp_path / f".{NAMES}.abcd0123.part"
    left.write_bytes(b"half")
    archive.begin()
    assert not left.exists()
    for damaged in (b"{", b"", b"\xff", b"[]"):
        (tmp_path / NAMES).write_bytes(damaged)
        assert archive.named() == NOTHING
        archive.name(first)
        assert archive.named() == first


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "not an archive").mkdir()
    for path in (tmp_path, tmp_path / "not an archive"):
        with pytest.raises(HistoryError, match="has no vantage's rounds"):
            ArchivedHistory(path)
