"""Notifications as an outlet: from rounds to a real receiver, over restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec.structs import replace

from probe.app import Daemon
from probe.config.schema import (
    Config,
    NotifyConfig,
    NotifyReceiver,
    Settings,
    StoreConfig,
    VantageConfig,
)
from probe.config.values import Seconds
from probe.model.identity import Role
from probe.model.verdict import State
from probe.outlets.events import Begun, Configured, RoundJudged
from probe.outlets.to_notify import ToNotify
from probe.verdict.remembered.memory import Memory
from synth.shape import config, full_round, verdict_of
from tests.publish.notify.receivers import Heard, down, listening, receiver, taken

SENTENCE = "X: 13.6 kB/s beside 306 kB/s under another name."


def configured(folder: Path, *receivers: NotifyReceiver, gather: float = 0.0) -> Config:
    return config(
        settings=Settings(
            vantages=(
                VantageConfig(name="default"),
                VantageConfig(name="abroad", role=Role.REFERENCE),
            ),
            store=StoreConfig(path=str(folder / "history"), batch=Seconds(0.0)),
            notify=NotifyConfig(receivers=receivers, gather=Seconds(gather)),
        )
    )


def judged(of: Config, state: State, vantage: str = "default") -> RoundJudged:
    observed = full_round(of, "x", vantage=vantage)
    return RoundJudged(
        observed=observed,
        verdict=verdict_of(observed, state, sentence=SENTENCE),
        before=None,
        memory=Memory(),
    )


class Living:
    """The outlet of a daemon that is not run, with its history."""

    def __init__(self, of: Config) -> None:
        self.of = of
        self.daemon = Daemon(of, lambda: of)
        self.outlet = ToNotify(self.daemon._parts)

    async def __aenter__(self) -> Living:
        self.outlet.tell(Begun(listen="127.0.0.1:1", slots=1))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.outlet.close()
        self.daemon._store.close(10.0)


async def heard_of(heard: Heard, count: int) -> list[str]:
    return [one["title"] for one in await asyncio.to_thread(heard.wait, count)]


async def test_a_restriction_and_its_end_reach_a_web_hook_over_a_restart(tmp_path: Path) -> None:
    with listening() as heard:
        place = f"127.0.0.1:{heard.port}"
        of = configured(tmp_path, receiver(tmp_path, f"json://{place}/", place))
        async with Living(of) as one:
            one.outlet.tell(judged(of, State.THROTTLED, "abroad"))  # a reference's own affair
            one.outlet.tell(judged(of, State.OK))
            one.outlet.tell(judged(of, State.THROTTLED))
            assert await heard_of(heard, 1) == ["X is being throttled on this line (default)"]
            assert heard.letters[0]["message"].startswith(f"{SENTENCE}\n")
            # Away: what happens meanwhile waits for the next run.
            heard.answer = down
            before = heard.requests
            one.outlet.tell(judged(of, State.BLOCKED))
            while heard.requests == before:
                await asyncio.sleep(0.02)
        heard.answer = taken
        async with Living(of) as another:
            another.outlet.tell(judged(of, State.BLOCKED))  # told already
            assert (await heard_of(heard, 2))[1:] == ["X is blocked on this line (default)"]
            another.outlet.tell(judged(of, State.OK))
            assert (await heard_of(heard, 3))[2:] == ["X is fine (default)"]


async def test_without_a_receiver_nothing_is_started_or_kept(tmp_path: Path) -> None:
    of = configured(tmp_path)
    async with Living(of) as one:
        one.outlet.tell(judged(of, State.THROTTLED))
        assert one.daemon._store.load("notify") is None
        assert len(asyncio.all_tasks()) == 1


async def test_a_reload_changes_who_is_told(tmp_path: Path) -> None:
    with listening() as heard:
        place = f"127.0.0.1:{heard.port}"
        of = configured(tmp_path)
        to = receiver(tmp_path, f"json://{place}/", place)
        async with Living(of) as one:
            settings = replace(of.settings, notify=NotifyConfig(receivers=(to,), gather=Seconds(0)))
            one.outlet.tell(Configured(config=replace(of, settings=settings)))
            one.outlet.tell(judged(of, State.THROTTLED))
            assert len(await heard_of(heard, 1)) == 1
            one.outlet.tell(Configured(config=of))
            assert [task for task in asyncio.all_tasks() if not task.cancelling()]
            one.outlet.tell(judged(of, State.OK))
            assert len(heard.letters) == 1
