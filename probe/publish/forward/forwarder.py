"""Sends what was recorded to the receiver: in order, at a bounded rate, as often as it takes.

The cursor (the last frame that the receiver has taken or refused) is kept in the history and moves
only after the answer; so a kill costs at most that a request is sent again, with the same times and
values, which receivers take for what it is.

A refusal (HTTP 400) is about some of the samples, but receivers may have dropped the whole request.
So it is cut in halves, the older first, down to single points and single halves of their series,
until what is fine has been taken. Where nothing at all is taken any more, that is given up.

A refusal that anybody on the way could have made (a portal, a proxy) is first compared with a
control: other samples, by the same way, at the same time. While those are refused alike, it is the
way, and all is kept and tried again. When they are taken, or refused in a receiver's own words, the
refusal is about these samples, and they are cut in halves as above. The control is what the
receiver has taken before (to send it twice changes nothing), else single samples of what is refused
as a whole, and after an hour what was recorded next.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from probe.config.schema import ForwardConfig
from probe.publish.forward.forward_health import ForwardHealth
from probe.publish.forward.remote_write import Receiver
from probe.publish.forward.remote_write_answer import ReceiverAnswer, ReceiverResult
from probe.publish.forward.remote_write_message import encode
from probe.publish.forward.remote_write_points import Point, by_series, points
from probe.store.cells import count_cell, word_cell
from probe.store.samples import Frame, Samples, SamplesError
from probe.store.writer import FORWARDED, Store

log = logging.getLogger(__name__)

CURSOR = FORWARDED
INSTANCE = "forward/instance"
SAMPLES_PER_REQUEST = 5_000
FRAMES_AT_ONCE = 60
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
# How often it asks the writer whether there may be new frames when all have been sent.
LOOK_SECONDS = 5.0
# After so many times it looks into the file though the writer has written nothing: it may be
# another file by now.
MOST_IDLE_LOOKS = 12
FAULT = "fault"
# So many requests in a row without one sample taken: the rest of the batch is given up too.
MOST_REFUSALS = 16
# So often a refusal that is unclear must come before a control is asked for: most pass by then.
UNCLEAR_TRIES = 4
# Single samples of a request that are tried as its control.
MOST_CONTROLS = 8
STUCK_SECONDS = 3_600.0


class Forwarder:
    """Forwards until it is cancelled."""

    def __init__(self, config: ForwardConfig, store: Store, receiver: Receiver) -> None:
        assert store.path is not None
        self._config = config
        self._store = store
        self._receiver = receiver
        self._samples = Samples(store.path)
        self._kept_cursor = count_cell(store, CURSOR)
        self._kept_name = word_cell(store, INSTANCE)
        self._previous: Frame | None = None
        self._cursor = self._kept_cursor.take() or 0
        self._external = self._labels(self._kept_name.take() or self._new_name())
        self._trouble = ""
        self._waiting: tuple[int, int] | None = None
        self._last_sent_at: float | None = None
        self._sent = 0
        self._refused: Counter[str] = Counter()
        self._refusals_in_a_row = 0
        self._control: tuple[Point, ...] = ()
        # What the writer had committed when all was sent; ``None``: there may be more.
        self._idle_since: int | None = None
        self._idle_looks = 0

    def health(self) -> ForwardHealth:
        """How it is doing."""
        return ForwardHealth(
            trouble=self._trouble,
            waiting=self._waiting[0] if self._waiting else 0,
            oldest_at=float(self._waiting[1]) if self._waiting else None,
            last_sent_at=self._last_sent_at,
            sent=self._sent,
            refused=tuple(sorted(self._refused.items())),
        )

    async def run(self) -> None:
        """Send whatever waits, then wait for more."""
        try:
            while True:
                try:
                    if self._may_be_more() and await self._turn():
                        continue
                except Exception:
                    # A fault of ours must not end it for the months to come.
                    log.exception("forwarding failed; it goes on")
                    self._trouble = FAULT
                    await asyncio.sleep(LONGEST_PAUSE_SECONDS)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._samples.close()
            await self._receiver.close()

    def _may_be_more(self) -> bool:
        """Whether to look into the file. To open a database every few seconds costs more than all
        else of forwarding, and most of the time nothing was written since."""
        self._idle_looks += 1
        return (
            self._idle_since is None
            or self._idle_since != self._store.commits
            or self._idle_looks >= MOST_IDLE_LOOKS
        )

    async def _turn(self) -> bool:
        """Send the next frames; whether there were any."""
        self._idle_since, self._idle_looks = None, 0
        commits = self._store.commits
        self._take_up()
        try:
            previous, frames = await asyncio.to_thread(self._read)
        except SamplesError as error:
            self._is_in_trouble("store", str(error))
            return False
        if not frames:
            self._idle_since = commits
            return False
        waiting = list(points(previous, frames))
        for some in _requests(waiting):
            await self._deliver(some)
        self._refusals_in_a_row = 0
        self._previous, self._cursor = frames[-1], frames[-1].seq
        # With more waiting, a kill now costs sending this much again; otherwise it can wait for the
        # batch in which the next frame is written.
        more = self._waiting is not None and self._waiting[0] > len(frames)
        self._kept_cursor.put(self._cursor, now=more)
        self._waiting = None if not more else self._waiting
        return True

    def _take_up(self) -> None:
        """What an earlier run left, if the disk was in trouble at the start."""
        name, cursor = self._kept_name.take(), self._kept_cursor.take()
        if name is not None:
            self._external = self._labels(name)
        if cursor is not None:
            self._cursor, self._previous = cursor, None

    def _labels(self, name: str) -> dict[str, str]:
        """What tells this daemon's series from another's with the same vantage names."""
        return {"job": "throttlewatch", "instance": name, **self._config.external_labels}

    def _new_name(self) -> str:
        """A random one, kept in the history: it says nothing about who or where it is."""
        name = random.SystemRandom().randbytes(5).hex()
        self._kept_name.put(name)
        return name

    def _read(self) -> tuple[Frame | None, list[Frame]]:
        try:
            self._waiting = self._samples.waiting(self._cursor)
            if self._waiting is None:
                return None, []
            previous = self._previous or self._samples.frame(self._cursor)
            return previous, self._samples.frames(self._cursor, FRAMES_AT_ONCE)
        finally:
            # A file that was emptied cannot be begun anew while anybody has it open, and a receiver
            # may take hours to answer.
            self._samples.close()

    async def _deliver(self, some: Sequence[Point]) -> None:
        """Send until every sample was taken or refused."""
        size = sum(len(point.values) for point in some)
        if not size:
            return
        if self._refusals_in_a_row >= MOST_REFUSALS:
            self._refused["given_up"] += size
            return
        answer = await self._insist(some, size)
        if answer.result is ReceiverResult.ACCEPTED:
            self._refusals_in_a_row = 0
            self._control = _control(some)
            self._sent += size
            self._last_sent_at = time.time()
            return
        halves = _halves(some)
        if halves is None:
            self._refused[answer.reason] += size
            self._refusals_in_a_row += answer.result in (
                ReceiverResult.REFUSED,
                ReceiverResult.UNCLEAR,
            )
            return
        for half in halves:
            await self._deliver(half)

    async def _insist(self, some: Sequence[Point], size: int) -> ReceiverAnswer:
        """The receiver's word on these samples, however long that takes. ``unclear`` it is only if
        a control was taken."""
        body = await asyncio.to_thread(self._encode, some)
        pause, unclear, since = FIRST_PAUSE_SECONDS, 0, time.monotonic()
        while True:
            began = time.monotonic()
            answer = await self._receiver.send(body)
            if answer.result is ReceiverResult.TOO_LARGE and size == 1:
                # No receiver has less room than for one sample.
                answer = replace(answer, result=ReceiverResult.UNCLEAR, reason="unclear")
            about_these = answer.result in (
                ReceiverResult.ACCEPTED,
                ReceiverResult.REFUSED,
                ReceiverResult.TOO_LARGE,
            )
            if answer.result is ReceiverResult.UNCLEAR:
                unclear += 1
                if unclear >= UNCLEAR_TRIES or self._refusals_in_a_row:
                    stuck = time.monotonic() - since > STUCK_SECONDS
                    about_these = await self._takes_others(some, stuck=stuck)
            if about_these:
                self._is_well(answer)
                spent = time.monotonic() - began
                await asyncio.sleep(max(0.0, size / self._config.samples_per_second - spent))
                return answer
            self._is_in_trouble(answer.reason, answer.text)
            if answer.wait_seconds is not None:
                await asyncio.sleep(answer.wait_seconds)
            # Many senders that lost one receiver must not all come back at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _takes_others(self, some: Sequence[Point], *, stuck: bool) -> bool:
        """Whether a receiver is at the other end just now: the control of an unclear refusal."""
        controls = [self._control] if self._control else []
        singles = _singles(some)
        if not controls and len(singles) > 1:
            controls = [(single,) for single in singles[:MOST_CONTROLS]]
        if stuck:
            controls += [(point,) for point in await asyncio.to_thread(self._next_recorded)]
        for control in controls:
            answer = await self._receiver.send(await asyncio.to_thread(self._encode, control))
            if answer.result is ReceiverResult.ACCEPTED:
                self._control = control
            if answer.result in (ReceiverResult.ACCEPTED, ReceiverResult.REFUSED):
                return True
        return False

    def _next_recorded(self) -> list[Point]:
        try:
            frames = self._samples.frames(self._cursor + FRAMES_AT_ONCE, 1)
        except SamplesError:
            return []  # the next turn says so
        finally:
            self._samples.close()
        return [Point(at=frame.at, values=frame.values) for frame in frames]

    def _encode(self, some: Sequence[Point]) -> bytes:
        return encode(by_series(some), self._external)

    def _is_well(self, answer: ReceiverAnswer) -> None:
        if self._trouble:
            log.info("metrics are forwarded again")
        self._trouble = ""
        refused = answer.result in (ReceiverResult.REFUSED, ReceiverResult.UNCLEAR)
        if refused and self._refusals_in_a_row == 0:
            log.warning(
                "the receiver refuses samples; forwarding goes on with the next",
                extra={"reason": answer.reason},
            )

    def _is_in_trouble(self, reason: str, text: str) -> None:
        if reason != self._trouble:
            log.warning(
                "metrics cannot be forwarded; they wait in the history",
                extra={"reason": reason},
            )
        self._trouble = reason


def _requests(some: Sequence[Point]) -> list[list[Point]]:
    """Points in order, in portions for one request each."""
    found: list[list[Point]] = []
    size = SAMPLES_PER_REQUEST
    for point in some:
        if size + len(point.values) > SAMPLES_PER_REQUEST:
            found.append([])
            size = 0
        found[-1].append(point)
        size += len(point.values)
    return found


def _singles(some: Sequence[Point]) -> list[Point]:
    """The samples of the first point, each by itself: the oldest of their series, so that no other
    comes too late after them."""
    values = some[0].values
    return [Point(at=some[0].at, values={labels: values[labels]}) for labels in sorted(values)]


def _control(some: Sequence[Point]) -> tuple[Point, ...]:
    """The first of ``_singles``."""
    at, values = some[0].at, some[0].values
    first = min(values)
    return (Point(at=at, values={first: values[first]}),)


def _halves(some: Sequence[Point]) -> tuple[Sequence[Point], Sequence[Point]] | None:
    """Two parts of ``some``, the older first; of one point, two parts of its series; ``None``: one
    sample has none."""
    if len(some) > 1:
        middle = len(some) // 2
        return some[:middle], some[middle:]
    (point,) = some
    if len(point.values) < 2:
        return None
    series = sorted(point.values)
    middle = len(series) // 2
    first, second = (
        [Point(at=point.at, values={labels: point.values[labels] for labels in part})]
        for part in (series[:middle], series[middle:])
    )
    return first, second
