"""Outlets: who is told, in which order, and that nobody's fault is another's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from probe.app import Daemon
from probe.config.schema import Settings, StoreConfig
from probe.config.values import Seconds
from probe.model.identity import RoundKind
from probe.outlets import events
from probe.outlets.order import OUTLETS
from probe.outlets.outlet import Makes, Outlet, Outlets, Parts
from probe.store.files import belonging, of_outlet
from probe.verdict.remembered.memory import Memory
from synth.shape import config, full_round, verdict_of

FOLDER = Path(__file__).parents[2] / "probe" / "outlets"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    of = config(settings=Settings(store=StoreConfig(path=str(tmp_path / "h"), batch=Seconds(0.0))))
    daemon = Daemon(of, lambda: of)
    yield daemon
    daemon._store.close(10.0)


@pytest.fixture
def parts(daemon: Daemon) -> Parts:
    return daemon._parts


def a_round(before: bool = False) -> events.RoundJudged:
    observed = full_round(config(), "x", kind=RoundKind.TRANSFER)
    verdict = verdict_of(observed)
    return events.RoundJudged(
        observed=observed, verdict=verdict, before=verdict if before else None, memory=Memory()
    )


def test_the_order_is_this_one_and_every_file_has_its_line() -> None:
    names = [make.__name__ for make in OUTLETS if isinstance(make, type)]
    assert names == [
        "ToDataBudget",
        "ToMemories",
        "ToLineWatch",
        "ToBoard",
        "ToHistory",
        "ToLog",
        "ToForward",
        "ToHub",
        "ToNotify",
    ]
    files = {path.stem.replace("_", "") for path in FOLDER.glob("to_*.py")}
    assert files == {name.lower() for name in names}


async def test_they_are_told_in_order_and_closed_in_the_opposite_one(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    class Named(Outlet):
        def __init__(self, name: str) -> None:
            self.name = name

        def tell(self, event: events.Event) -> None:
            seen.append(self.name)
            if self.name == "b":
                raise RuntimeError("a fault of ours")

        async def close(self) -> None:
            seen.append(f"closed {self.name}")
            if self.name == "b":
                raise RuntimeError("a fault of ours")

    def makes(name: str) -> Makes:
        return lambda _: Named(name)

    outlets = Outlets([makes(name) for name in "abc"], parts)
    outlets.tell(a_round())
    assert seen == ["a", "b", "c"]
    # What fails at every round for months is said once.
    outlets.tell(a_round())
    assert seen[3:] == ["a", "b", "c"]
    await outlets.close()
    assert seen[6:] == ["closed c", "closed b", "closed a"]
    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failed) == 2


def test_what_was_spent_and_learnt_is_known_to_whoever_shows_it(daemon: Daemon) -> None:
    """The order that matters: budget and memories before the board, the board before the log."""
    told: list[tuple[int, bool]] = []

    class Last(Outlet):
        def tell(self, event: events.Event) -> None:
            view = daemon._data.view().balances["default"]
            shown = daemon.snapshot().verdicts["default", "x"] is not None
            told.append((view.used, shown))

    one = a_round()
    Outlets([*OUTLETS, lambda _: Last()], daemon._parts).tell(one)
    ((used, shown),) = told
    assert used > 0
    assert shown


def test_what_an_outlet_keeps_is_the_historys_and_goes_with_it(
    parts: Parts, tmp_path: Path
) -> None:
    file = parts.own_file("toy")
    assert file == of_outlet(tmp_path / "h", "toy")
    assert file is not None
    file.write_text("told")
    assert file in belonging(tmp_path / "h")


@pytest.mark.parametrize("event", get_args(events.Event), ids=lambda event: event.__name__)
def test_every_event_is_somebodys(event: type) -> None:
    """None is told that no outlet looks at."""
    texts = [path.read_text() for path in FOLDER.glob("to_*.py")]
    assert any(event.__name__ in text for text in texts)
