"""What is tried again has to be right once, and nothing else than a wrong answer is tried again."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.again import TRIES, undisturbed


def wrong_until(times: int, error: type[Exception], seen: list[int]) -> Callable[[], None]:
    def test() -> None:
        seen.append(len(seen))
        if len(seen) <= times:
            raise error

    return test


def in_a_loop(test: Callable[[], None]) -> Callable[[], None]:
    async def waits() -> None:
        await asyncio.sleep(0)
        test()

    decorated = undisturbed(waits)
    assert inspect.iscoroutinefunction(decorated), "pytest would not run it"
    return lambda: asyncio.run(decorated())


@pytest.mark.parametrize("made", [undisturbed, in_a_loop])
def test_right_once_in_three_is_right(
    made: Callable[[Callable[[], None]], Callable[[], None]],
) -> None:
    for times in range(TRIES):
        seen: list[int] = []
        made(wrong_until(times, AssertionError, seen))()
        assert len(seen) == times + 1
    seen = []
    with pytest.raises(AssertionError):
        made(wrong_until(TRIES, AssertionError, seen))()
    assert len(seen) == TRIES
    seen = []
    with pytest.raises(OSError):  # noqa: PT011  # any
        made(wrong_until(1, OSError, seen))()
    assert len(seen) == 1


def test_what_measures_real_servers_is_run_where_nothing_computes() -> None:
    """How fast a stage's servers are says what the machine did beside it, so the tests that judge
    by that do not run at the lowest priority, beside all that computes."""
    tests = Path(__file__).parent
    said = re.search(r'^timed="(.*)"$', (tests.parent / "tools" / "test").read_text(), re.MULTILINE)
    assert said is not None
    timed = [tests.parent / one for one in said[1].split()]
    assert all(one.exists() for one in timed)
    measures = {
        path
        for path in tests.rglob("test_*.py")
        if "\nfrom probe.demo.stage import" in path.read_text()
    }
    assert measures, "the pattern finds nothing"
    assert not [one for one in measures if not any(one.is_relative_to(root) for root in timed)]
