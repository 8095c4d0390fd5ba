"""What is tried again has to be right once, and nothing else than a wrong answer is tried again."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable

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
