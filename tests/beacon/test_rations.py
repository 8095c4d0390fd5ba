"""What a beacon understands, and how much it gives: over any requests, in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import floats, integers, lists, sampled_from, text, tuples

from probe.beacon.rations import BURST_SHARE, DAY_SECONDS, MOST_ADDRESSES, MOST_CONNECTIONS, Rations
from probe.beacon.wishes import USUAL_BYTES, Denied, GivenBytes, Offer, TakenBytes, understood

DAY = 8_000_000
PLENTY = 10**15
LARGEST = 5_000_000
OPEN = Offer(largest_bytes=LARGEST)
KEY = "a-key-of-letters-1"
LOCKED = Offer(largest_bytes=LARGEST, key=KEY)


def wish(
    path: str, method: str = "GET", asked_range: str = "", announced: int | None = None,
    offer: Offer = OPEN,
) -> GivenBytes | TakenBytes | Denied:  # fmt: skip
    return understood(offer, method, path, asked_range=asked_range, announced=announced)


def status(found: GivenBytes | TakenBytes | Denied) -> int:
    return found.status if isinstance(found, Denied) else 200


def test_a_number_is_an_object_of_that_size_and_any_other_path_is_the_usual_one() -> None:
    assert wish("/65536") == GivenBytes(whole_bytes=65_536, size=65_536)
    assert wish("/0") == GivenBytes(whole_bytes=0, size=0)
    for path in ("/", "/robots.txt", "/65536/", "/-1", "/1e3", "/٣", "//"):
        assert wish(path) == GivenBytes(whole_bytes=USUAL_BYTES, size=USUAL_BYTES), path
    assert status(wish(f"/{LARGEST + 1}")) == 404
    assert status(wish("/" + "9" * 5_000)) == 404


def test_what_is_sent_is_taken_up_to_the_most() -> None:
    assert wish("/", "POST", announced=LARGEST) == TakenBytes(most_bytes=LARGEST)
    assert wish("/any", "PUT") == TakenBytes(most_bytes=LARGEST)
    assert status(wish("/", "POST", announced=LARGEST + 1)) == 413
    assert status(wish("/", "DELETE")) == 405


def test_with_a_key_nothing_is_done_for_who_does_not_say_it() -> None:
    assert wish(f"/{KEY}/9", offer=LOCKED) == GivenBytes(whole_bytes=9, size=9)
    assert wish(f"/{KEY}", "POST", offer=LOCKED) == TakenBytes(most_bytes=LARGEST)
    for path in ("/", "/9", f"/{KEY}x/9", f"/{KEY[:-1]}/9", f"/x/{KEY}", "/é/9"):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            assert status(wish(path, method, offer=LOCKED)) == 404


@given(
    size=integers(0, LARGEST),
    said=tuples(
        integers(0, 10**15 - 1), sampled_from(["", *map(str, range(0, 9_000_000, 999_983))])
    ),
)
def test_a_range_is_a_part_of_the_whole(size: int, said: tuple[int, str]) -> None:
    found = wish(f"/{size}", asked_range=f"bytes={said[0]}-{said[1]}")
    if isinstance(found, Denied):
        assert found.status == 416
        assert said[0] >= size or (said[1] and int(said[1]) < said[0])
    else:
        assert isinstance(found, GivenBytes)
        assert found.part
        assert found.size > 0
        assert found.first == said[0]
        assert found.first + found.size <= found.whole_bytes == size


@given(text(max_size=30))
def test_a_range_that_is_none_is_left_out(said: str) -> None:
    found = wish("/10", asked_range=said)
    assert isinstance(found, Denied) or found == GivenBytes(whole_bytes=10, size=10) or found.part  # type: ignore[union-attr]


@given(lists(tuples(floats(0, 3_600), integers(0, 3 * DAY)), max_size=60))
def test_over_any_time_no_more_is_given_than_was_earned(asked: list[tuple[float, int]]) -> None:
    rations, now, given, largest = Rations(DAY, PLENTY, 0.0), 0.0, 0, 0
    for pause, size in asked:
        now += pause
        if rations.wait("192.0.2.1", size, now) == 0.0:
            given += size
            largest = max(largest, size)
    # What is larger than is ever there at once is given when all of it is there, and owed then.
    burst = DAY * BURST_SHARE
    assert given <= burst + DAY * now / DAY_SECONDS + max(0.0, largest - burst) + 1.0


@given(integers(1, 3 * DAY))
def test_who_waits_as_long_as_is_said_is_served(size: int) -> None:
    rations = Rations(DAY, PLENTY, 0.0)
    rations.count("192.0.2.1", DAY, 0.0)
    seconds = rations.wait("192.0.2.1", size, 0.0)
    assert seconds > 0.0
    assert rations.wait("192.0.2.1", size, seconds * 1.001 + 0.001) == 0.0


def test_one_address_takes_nothing_from_another_and_all_share_one_bucket() -> None:
    rations = Rations(DAY, 2 * DAY, 0.0)
    burst = int(DAY * BURST_SHARE)
    assert rations.wait("192.0.2.1", burst, 0.0) == 0.0
    assert rations.wait("192.0.2.1", 1_000, 0.0) > 0.0
    assert rations.wait("::ffff:192.0.2.1", 1_000, 0.0) > 0.0
    assert rations.wait("2001:db8::1", burst, 0.0) == 0.0
    assert rations.wait("2001:db8::2:3", 1_000, 0.0) > 0.0, "the same home"
    assert rations.wait("2001:db8:0:1::1", 1_000, 0.0) > 0.0, "all have had twice as much"


def test_connections_of_an_address_are_bounded_and_memory_is() -> None:
    rations = Rations(DAY, PLENTY, 0.0)
    assert all(rations.enter("192.0.2.1") for _ in range(MOST_CONNECTIONS))
    assert not rations.enter("192.0.2.1")
    assert rations.enter("192.0.2.2")
    rations.leave("192.0.2.1")
    assert rations.enter("192.0.2.1")
    for number in range(MOST_ADDRESSES + 500):
        rations.wait(f"2001:db8:{number:x}::1", 1, 0.0)
    assert len(rations._of) <= MOST_ADDRESSES
