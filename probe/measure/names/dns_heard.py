"""What one DNS query has brought, and the observation that it amounts to."""

from __future__ import annotations

import time

import dns.message
from msgspec import Struct
from msgspec.structs import replace

from probe.measure.connection import kernel_stamps
from probe.measure.connection.kernel_stamps import Arrival, Timeline
from probe.measure.names.dns_message import Reply, failure_of_answers, read_reply
from probe.measure.one_leg.failures import TIMEOUT
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import Clock, DnsAnswer, DnsObservation

# Over TCP and HTTPS there is room for every answer, and nowhere else to ask.
_CUT_SHORT = Failure(
    phase=Phase.RESOLVE, reason="dns_server_misbehaving", detail="truncated where nothing need be"
)


class DnsQuestion(Struct, frozen=True, kw_only=True):
    """The question of one observation: who is asked for what, by which transport.

    ``deadline_seconds`` is when an answer is too late. ``allow_private``: see
    ``failure_of_answers``.
    """

    name: str
    family: Family
    resolver: str
    transport: str
    deadline_seconds: float
    allow_private: bool


class Heard:
    """One query under way: every message that came for it, with its time.

    ``started_ns`` (monotonic) is when the query left; ``failure`` counts only if no answer came in
    time.
    """

    def __init__(self, query: dns.message.Message) -> None:
        self.query = query
        self.failure: Failure | None = None
        self.wire_bytes_sent: int | None = None
        self.wire_bytes_received: int | None = None
        self._replies: list[Reply] = []
        self._arrivals: list[Arrival] = []
        self.restart()

    def restart(self) -> None:
        """Time runs from now, because the query is about to leave."""
        self._offset_ns = kernel_stamps.wall_offset_ns()
        self.started_at = time.time()
        self.started_ns = time.monotonic_ns()

    @property
    def messages(self) -> int:
        """How many messages came, answers or not."""
        return len(self._replies)

    @property
    def answered(self) -> bool:
        """Whether one of them answers the query."""
        return any(reply.answer is not None for reply in self._replies)

    def note(self, wire: bytes, arrival: Arrival) -> None:
        """Take in the message ``wire``, which came at ``arrival``."""
        self._replies.append(read_reply(self.query, wire, seconds=0.0))
        self._arrivals.append(arrival)

    def observation(self, asked: DnsQuestion) -> DnsObservation:
        """Everything that came, timed on one clock and judged. To be called when it is over."""
        elapsed_ns = time.monotonic_ns() - self.started_ns
        timeline = Timeline(
            self._arrivals,
            started_ns=self.started_ns,
            offset_at_start_ns=self._offset_ns,
            offset_at_end_ns=kernel_stamps.wall_offset_ns(),
        )
        answers = self._answers(timeline, asked.deadline_seconds)
        if answers:
            failure = failure_of_answers(answers, allow_private=asked.allow_private)
            if failure is None and asked.transport != "udp" and _all_truncated(answers):
                failure = _CUT_SHORT
        else:
            failure = self.failure or self._no_answer()
        return DnsObservation(
            name=asked.name,
            family=asked.family,
            resolver=asked.resolver,
            transport=asked.transport,
            started_at=self.started_at,
            seconds=answers[0].seconds if answers else elapsed_ns / kernel_stamps.NANOSECONDS,
            clock=timeline.clock,
            answers=answers,
            failure=failure,
            wire_bytes_sent=self.wire_bytes_sent,
            wire_bytes_received=self.wire_bytes_received,
        )

    def _answers(self, timeline: Timeline, deadline_seconds: float) -> tuple[DnsAnswer, ...]:
        answers = []
        for reply, arrival in zip(self._replies, self._arrivals, strict=True):
            seconds = max(0, timeline.at_ns(arrival) - self.started_ns) / kernel_stamps.NANOSECONDS
            # A busy event loop reads late what came in time. Without a stamp nobody can tell.
            in_time = timeline.clock is Clock.LOOP or seconds <= deadline_seconds
            if reply.answer is not None and in_time:
                answers.append(replace(reply.answer, seconds=seconds))
        return tuple(answers)

    def _no_answer(self) -> Failure:
        rejected = next((reply for reply in self._replies if reply.rejected), None)
        if rejected is None:
            return Failure(phase=Phase.RESOLVE, reason=TIMEOUT, detail="no answer in time")
        return Failure(phase=Phase.RESOLVE, reason=rejected.rejected, detail=rejected.detail)


def _all_truncated(answers: tuple[DnsAnswer, ...]) -> bool:
    return all(answer.truncated for answer in answers)


def never_asked(asked: DnsQuestion, why: str) -> DnsObservation:
    """The observation of a question that cannot be put into a DNS message."""
    failure = Failure(phase=Phase.RESOLVE, reason="dns_non_recoverable_failure", detail=why)
    return DnsObservation(
        name=asked.name,
        family=asked.family,
        resolver=asked.resolver,
        transport=asked.transport,
        started_at=time.time(),
        seconds=0.0,
        clock=Clock.LOOP,
        failure=failure,
    )
