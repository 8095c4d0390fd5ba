"""Tests of what a busy machine can only make worse, and for how long they wait."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

TRIES = 3
# How long what has to come is waited for. Most tests run at the lowest priority, beside all that
# this machine does: a second of work may take half a minute. Who waits in vain fails later by that.
SOON_SECONDS = 120.0


def undisturbed(test: Callable[..., Any]) -> Callable[..., Any]:
    """``test`` is tried three times, and has to be right once.

    For what is late or slow when this machine has something else to do, which can make nothing
    right that is wrong.
    """
    if inspect.iscoroutinefunction(test):

        @wraps(test)
        async def tried_in_a_loop(*args: Any, **kwargs: Any) -> None:
            for _ in range(TRIES - 1):
                with suppress(AssertionError):
                    await test(*args, **kwargs)
                    return
            await test(*args, **kwargs)

        return tried_in_a_loop

    @wraps(test)
    def tried(*args: Any, **kwargs: Any) -> None:
        for _ in range(TRIES - 1):
            with suppress(AssertionError):
                test(*args, **kwargs)
                return
        test(*args, **kwargs)

    return tried
