"""What holds for every test."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings

from probe.publish.log import event_lines
from tests import untouched
from tests.blocking import nothing_waits

# How long an example takes says something about the machine, not about the code.
settings.register_profile("throttlewatch", deadline=None)
settings.load_profile("throttlewatch")


@pytest.fixture(autouse=True, scope="session")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test writes a history where this machine keeps its own."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def own_state_folder(monkeypatch: pytest.MonkeyPatch, state_folder: Path) -> None:
    """What one test leaves there no other finds; and none erases what the machine's service has."""
    # A number that is free is looked for among all before: with some thousand tests, for long.
    own = Path(mkdtemp(dir=state_folder))
    for name in ("state", "system"):
        (own / name).mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", str(own / "state"))
    monkeypatch.setattr("probe.config.folders.SYSTEM", own / "system")


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """What a command sets of the log is set for the process: no other test may find it so."""
    loggers = [logging.getLogger(), logging.getLogger(event_lines.OURS)]
    levels = [one.level for one in loggers]
    handlers = list(loggers[0].handlers)
    yield
    loggers[0].handlers[:] = handlers
    logging.captureWarnings(False)
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


@pytest.fixture(autouse=True, scope="module")
def nothing_kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a module's own caches hold (every file's syntax tree, say: a million objects, which each
    look for garbage then goes through) ends with it."""
    yield
    for each in list(vars(request.module).values()):
        if isinstance(each, _lru_cache_wrapper) and each.__module__ == request.module.__name__:
            each.cache_clear()


@pytest.fixture
def unblocked() -> Iterator[None]:
    """Nothing of the program may wait in the event loop while the test runs."""
    with nothing_waits():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--synthetic-seeds",
        type=int,
        default=2,
        help="how often each scenario is played in the world of numbers (scenarios)",
    )


FOUND = pytest.StashKey[untouched.Seen]()
PACKAGES = pytest.StashKey[tuple[int, ...]]()
HARM = pytest.StashKey[list[str]]()


def _is_worker(config: pytest.Config) -> bool:
    """Whether this is one of the processes that pytest-xdist shares the tests out to."""
    return hasattr(config, "workerinput")


def pytest_sessionstart(session: pytest.Session) -> None:
    if not _is_worker(session.config):
        session.config.stash[FOUND] = untouched.seen()
        session.config.stash[PACKAGES] = untouched.packages()


def pytest_collection() -> None:
    """What is imported and collected is no garbage: to look for it takes a quarter of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What was imported and collected lives until the end. To look through it again and again, as
    each ``gc.collect`` of a test does, takes a fifth of a second."""
    gc.enable()
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The machine's devices and configuration are as before: no test of ours may touch them."""
    if not _is_worker(session.config):
        harm = untouched.harm(session.config.stash[FOUND], untouched.seen())
        session.config.stash[HARM] = harm
        installed = session.config.stash[PACKAGES] != untouched.packages()
        if any(not installed or line.startswith(str(untouched.DEVICES)) for line in harm):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if harm := terminalreporter.config.stash.get(HARM, []):
        terminalreporter.section("this machine was changed while the tests ran", red=True)
        for line in harm:
            terminalreporter.write_line(line)
