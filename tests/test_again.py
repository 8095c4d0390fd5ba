"""What is tried again has to be right once, and nothing else than a wrong answer is tried again."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.again import SOON_SECONDS, TRIES, undisturbed

TESTS = Path(__file__).parent
# Labs and what is judged by its times run before all that computes, and those of a hub in its room.
APART = ("lab", "hub", "measure")
LEAST_SECONDS = 60.0
ASKS = {"httpx.Client", "httpx.AsyncClient", "httpx.get", "httpx.post"}


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
    tests = TESTS
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


def seconds(node: ast.expr | None) -> float | None:
    """A number that stands there as such."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    return None


def meant_to_pass(tree: ast.AST) -> set[ast.AST]:
    """What stands where the end of a time is what is expected."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        caught: list[ast.expr] = []
        if isinstance(node, ast.Try):
            caught = [one.type for one in node.handlers if one.type is not None]
        elif isinstance(node, ast.With | ast.AsyncWith):
            caught = [one.context_expr for one in node.items]
        if any(re.search(r"Timeout(Error|Expired)", ast.unparse(one)) for one in caught):
            found |= set(ast.walk(node))
    return found


def short_waits(text: str) -> Iterator[str]:
    """Where something has to come within less than a minute, or within a library's few seconds."""
    tree = ast.parse(text)
    meant = meant_to_pass(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            end = node.right if ast.unparse(node.left).endswith("monotonic()") else None
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {one.arg: one.value for one in node.keywords}
            if called in ASKS and not given.keys() & {"timeout", "transport"}:
                yield f"{node.lineno}: {called} waits 5 s"
            place = {"asyncio.timeout": 0, "asyncio.wait_for": 1}.get(called, len(node.args))
            end = given.get("timeout", next(iter(node.args[place:]), None))
        else:
            continue
        most = seconds(end)
        if most is not None and most < LEAST_SECONDS and node not in meant:
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_what_has_to_come_is_waited_for_as_long_as_a_busy_machine_needs() -> None:
    """A short time is there to pass: whoever waits for something has ``SOON_SECONDS``."""
    assert SOON_SECONDS >= LEAST_SECONDS
    hasty = [
        f"{path.relative_to(TESTS)}:{one}"
        for path in TESTS.rglob("*.py")
        if path.relative_to(TESTS).parts[0] not in APART and path != Path(__file__)
        for one in short_waits(path.read_text())
    ]
    assert hasty == []


def test_a_short_wait_is_found() -> None:
    wrong = (
        "asyncio.timeout(5)",
        "asyncio.wait_for(it, 5.0)",
        "subprocess.run(it, timeout=30)",
        "until = time.monotonic() + 20.0",
        "httpx.get(url)",
    )
    right = (
        "asyncio.timeout(SOON_SECONDS)",
        "subprocess.run(it, timeout=60)",
        "httpx.get(url, timeout=SOON_SECONDS)",
        "with pytest.raises(TimeoutError):\n    asyncio.wait_for(it, 0.1)",
        "sleep(0.1)",
    )
    assert [len(list(short_waits(one))) for one in wrong] == [1] * len(wrong)
    assert [list(short_waits(one)) for one in right] == [[]] * len(right)
