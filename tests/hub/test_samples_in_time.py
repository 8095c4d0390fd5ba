"""Samples and two clocks: none is lost while they disagree, and none holds up what comes after."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from probe.hub.engine import Engine, EngineAnswer
from probe.hub.enrolled import FleetPlace
from probe.hub.register import Register
from probe.hub.service import Hub
from probe.hub.welcome import WRITE_PATH
from probe.publish.forward.remote_write_answer import ReceiverResult, judge
from tests.hub.test_gate import NOW, body, labels
from tests.publish.forward.receivers import decode

MINUTE, DAY = 60.0, 86_400.0


class Kept(Engine):
    """An engine that keeps the times of what it is given."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9/")
        self.times: set[float] = set()

    async def write(self, body: bytes) -> EngineAnswer:
        for samples in decode(body).values():
            self.times |= {at / 1_000 for at, _ in samples}
        return EngineAnswer(status=204)


class Gate:
    """A hub whose clock is told, and one that sends."""

    def __init__(self, folder: Path) -> None:
        self.register, self.engine, self.now = Register(folder / "hub.sqlite3"), Kept(), NOW
        secret = self.register.invite(FleetPlace(country="PK"), until=NOW + 1.0, now=NOW)
        self.who, self.credential = self.register.join(secret, NOW)
        self.hub = Hub(self.register, self.engine, wall=lambda: self.now)

    async def sent(self, *times: float, date: float | None) -> ReceiverResult:
        samples = [(int(at * 1_000), 1.0) for at in times]
        headers = {"Authorization": f"Bearer {self.credential}"}
        if date is not None:
            headers["Date"] = formatdate(date, usegmt=True)
        transport = httpx.ASGITransport(app=self.hub.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            answer = await client.post(
                WRITE_PATH, content=body((labels(state="ok"), samples)), headers=headers
            )
        said = dict(answer.headers)
        return judge(answer.status_code, said, answer.content, whole_body=True, now=NOW).result


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.register.close()


@pytest.mark.parametrize(
    "wrong", [-400 * DAY, -9 * MINUTE, -7 * MINUTE, 31 * DAY - 4 * MINUTE, 400 * DAY]
)
@pytest.mark.parametrize("hubs", [True, False])
async def test_while_two_clocks_disagree_no_sample_is_lost(
    wrong: float, hubs: bool, gate: Gate
) -> None:
    """Be it the hub's that is wrong, or the sender's; also where some of a request would pass."""
    off = 0.0 if hubs else -wrong
    times = [NOW + off - n * MINUTE for n in range(9, -1, -1)]
    gate.now = NOW + (wrong if hubs else 0.0)
    first = await gate.sent(*times, date=NOW + off)
    assert first is ReceiverResult.LATER
    assert not gate.engine.times
    gate.now = NOW + off
    assert await gate.sent(*times, date=NOW + off) is ReceiverResult.ACCEPTED
    assert gate.engine.times == set(times)


async def test_what_was_measured_by_a_wrong_clock_holds_nothing_up(gate: Gate) -> None:
    """The clock was put right since: those of before are refused in words that go on."""
    assert await gate.sent(NOW + 90 * DAY, date=NOW) is ReceiverResult.REFUSED
    assert await gate.sent(NOW - 90 * DAY, date=NOW) is ReceiverResult.REFUSED
    assert await gate.sent(NOW, date=NOW) is ReceiverResult.ACCEPTED
    assert gate.engine.times == {NOW}


async def test_who_does_not_say_its_time_is_asked_to_keep_it(gate: Gate) -> None:
    assert await gate.sent(NOW + 90 * DAY, date=None) is ReceiverResult.DENIED
    assert await gate.sent(NOW, date=None) is ReceiverResult.ACCEPTED
