"""What is kept of objects says in the next run what it said in this one, and no more than that."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config import load
from probe.config.candidates import candidates_of, mark_of
from probe.measure.objects.kept_objects import KeptObject, KeptObjects, kept, taken_up
from probe.measure.objects.objects import (
    MOST_REMEMBER_SECONDS,
    NOTHING,
    KnownObject,
    KnownTarget,
    after_leg,
    after_page,
    object_now,
    page_to_ask,
)

CONFIG = load(None, {})
VANTAGE = CONFIG.settings.vantages[0].name
X = next(one for one in CONFIG.platforms if one.name == "x")
OBJECT = next(one for one in X.targets if one.name == "object")
KEY = (VANTAGE, "x", "object")
LINK = "https://abs.twimg.com/responsive-web/client-web/main.{}.js"
WALL = 1_900_000_000.0
STEP = st.tuples(
    st.sampled_from(["gone", "there", "link", "dry"]), st.integers(0, 3), st.floats(1.0, 90_000.0)
)


def lived(steps: list[tuple[str, int, float]]) -> tuple[KnownTarget, float]:
    """What is remembered after ``steps``, and when."""
    memory, now = KnownTarget(), 10.0
    for what, number, seconds in steps:
        now += seconds
        candidate = candidates_of(OBJECT)[number]
        known = memory.of(candidate)
        if what in ("link", "dry"):
            link = LINK.format(number) if what == "link" else None
            candidate = candidates_of(OBJECT)[0]
            known = after_page(memory.of(candidate), link, now, trouble="" if link else "none")
        else:
            known = after_leg(candidate, known, what == "there", now)
        memory = memory.after(candidate, known)
    return memory, now


@given(
    steps=st.lists(STEP, max_size=12),
    off=st.floats(0.0, 400_000.0),
    start=st.floats(0.0, 1e6),
    later=st.floats(0.0, 900_000.0),
)
def test_the_next_run_asks_for_what_this_one_would_have(
    steps: list[tuple[str, int, float]], off: float, start: float, later: float
) -> None:
    memory, now = lived(steps)
    stored = msgspec.json.encode(kept({KEY: memory}, now=now, wall=WALL))
    left = msgspec.json.decode(stored, type=KeptObjects)
    found = taken_up(left, {}, CONFIG, now=start, wall=WALL + off).get(KEY, KnownTarget())
    # Times are kept to a tenth of a second: nobody is asked at the very edge of one.
    edges = [
        at - now
        for known in memory.candidates.values()
        for at in (known.again_at, known.gone_until)
    ]
    passed = off + later
    if any(abs(edge - passed) < 0.5 for edge in edges):
        return
    then, here = now + passed, start + later
    assert object_now(OBJECT, found, here) == object_now(OBJECT, memory, then)
    assert page_to_ask(OBJECT, found, here) == page_to_ask(OBJECT, memory, then)


NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.none()


@given(
    known=st.builds(
        KnownObject,
        url=st.sampled_from([None, LINK.format("a"), "https://evil.test/main.js", "x", ""]),
        gone=st.integers(-(2**40), 2**40),
        dry=st.integers(-(2**40), 2**40),
        size=st.integers(-(2**60), 2**60),
        refused=st.lists(st.sampled_from([LINK.format("b"), "https://evil.test/"])).map(tuple),
        trouble=st.text(max_size=5),
    ),
    times=st.tuples(NUMBER, NUMBER, NUMBER, NUMBER),
    wall=st.floats(allow_nan=False, allow_infinity=False),
    number=st.integers(0, 3),
)
def test_whatever_stands_in_the_file_nobody_else_is_asked_nor_anybody_forgotten(
    known: KnownObject,
    times: tuple[float | None, float | None, float | None, float | None],
    wall: float,
    number: int,
) -> None:
    candidate = candidates_of(OBJECT)[number]
    one = KeptObject(
        vantage=VANTAGE,
        owner="x",
        target="object",
        mark=mark_of(candidate),
        known=known,
        looked_at=times[0],
        again_at=times[1],
        gone_at=times[2],
        gone_until=times[3],
    )
    found = taken_up(KeptObjects(wall, (one,)), {}, CONFIG, now=50.0, wall=WALL)
    memory = found.get(KEY, KnownTarget())
    _, chosen = object_now(OBJECT, memory, 50.0)
    assert chosen is None or "evil" not in chosen.url
    assert all("evil" not in link for link in memory.of(candidate).refused)
    # And what it says holds for no longer than it could have been said for.
    after = memory.of(candidate)
    assert after.gone_until <= 50.0 + MOST_REMEMBER_SECONDS
    for there in (True, False, None):
        after_leg(candidate, after, there, 60.0)
    after_page(after, None, 60.0, trouble="none")


@pytest.mark.parametrize(
    "other", [{"vantage": "gone"}, {"owner": "gone"}, {"target": "gone"}, {"mark": "00000000"}]
)
def test_what_the_configuration_names_no_more_is_left(other: dict[str, str]) -> None:
    mine = KeptObject(
        vantage=VANTAGE,
        owner="x",
        target="object",
        mark=mark_of(candidates_of(OBJECT)[1]),
        known=KnownObject(gone=1),
        gone_at=-1.0,
        gone_until=100.0,
    )
    for one, count in ((mine, 1), (replace(mine, **other), 0)):
        assert len(taken_up(KeptObjects(WALL, (one,)), {}, CONFIG, now=5.0, wall=WALL)) == count


def test_what_is_gone_for_years_is_still_asked_for_now_and_then() -> None:
    """Thousands of tries in a row, each of which doubles the time until the next one."""
    candidate, known, now = candidates_of(OBJECT)[0], NOTHING, 0.0
    for _ in range(3_000):
        now += 90_000.0
        known = after_leg(candidate, known, False, now)
        known = after_page(known, None, now, trouble="none")
        assert now < known.gone_until <= now + MOST_REMEMBER_SECONDS
