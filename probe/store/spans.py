"""From one verdict after another to spans of time in which the same one held."""

from __future__ import annotations

import sqlite3

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import VantagePlatform
from probe.model.stored import StoredRound, VerdictSpan
from probe.store.codec import pack_value


class Numbered(Struct, frozen=True, kw_only=True):
    """A span with the number of its row, and when it began and ended by the history's own clock
    (reckoning.py; ``None``: an older version wrote it)."""

    number: int
    span: VerdictSpan
    reckoned_from: float | None = None
    reckoned_until: float | None = None


class Spans:
    """The open span of every vantage and platform, and what of it the file does not have yet.

    A span is over when its last verdict does not reach the next round: the time between them is
    not covered by any.
    """

    def __init__(self) -> None:
        self._open: dict[VantagePlatform, Numbered] = {}
        self._unsaved: dict[int, Numbered] = {}
        self._next = 1

    def resume(self, number: int, spans: dict[VantagePlatform, Numbered], by: float = 0.0) -> None:
        """Go on after ``number``, the last one of the file, with its last spans. Once; spans that
        began before the file could be read are numbered anew, and moved ``by`` seconds on the
        history's own clock."""

        def moved(one: Numbered) -> Numbered:
            return replace(
                one,
                number=one.number + number,
                reckoned_from=(one.reckoned_from or 0.0) + by,
                reckoned_until=(one.reckoned_until or 0.0) + by,
            )

        self._open = {key: moved(one) for key, one in self._open.items()}
        self._unsaved = {one.number + number: moved(one) for one in self._unsaved.values()}
        self._next += number
        for key, numbered in spans.items():
            own = self._open.setdefault(key, numbered)
            if own is not numbered and own.span.started_at == numbered.span.started_at:
                # The same span, which goes on: the file's row becomes as long as it is now.
                self._open[key] = replace(own, number=numbered.number)
                self._unsaved.pop(own.number, None)
                self._unsaved[numbered.number] = self._open[key]

    def add(self, stored: StoredRound, reckoned: float) -> bool:
        """Take one more round, of that time by the history's own clock; whether a new span began
        with it."""
        observed, verdict = stored.observed, stored.verdict
        key = (observed.vantage, observed.platform)
        ended_at = observed.ended_at
        known = self._open.get(key)
        if known is not None and self._goes_on(known.span, stored):
            span = replace(
                known.span,
                ended_at=max(ended_at, known.span.ended_at),
                rounds=known.span.rounds + 1,
                last=verdict,
            )
            numbered = replace(known, span=span, reckoned_until=reckoned)
        else:
            span = VerdictSpan(
                vantage=observed.vantage,
                platform=observed.platform,
                state=verdict.state,
                started_at=observed.started_at,
                ended_at=ended_at,
                rounds=1,
                first=verdict,
                last=verdict,
            )
            numbered = Numbered(
                number=self._next, span=span, reckoned_from=reckoned, reckoned_until=reckoned
            )
            self._next += 1
        self._open[key] = numbered
        self._unsaved[numbered.number] = numbered
        return span.rounds == 1

    @property
    def unsaved(self) -> tuple[Numbered, ...]:
        """Spans that the file does not have, or has shorter."""
        return tuple(self._unsaved.values())

    def saved(self) -> None:
        """The file has all of them."""
        self._unsaved.clear()

    def _goes_on(self, span: VerdictSpan, stored: StoredRound) -> bool:
        verdict, at = stored.verdict, stored.observed.started_at
        same = (verdict.state, verdict.reason, verdict.method, verdict.trigger) == (
            span.state,
            span.reason,
            span.method,
            span.trigger,
        )
        return same and span.last.reaches(at)


def write_span(connection: sqlite3.Connection, slot: int, numbered: Numbered) -> None:
    """Insert the span, or make the file's one as long as it is now."""
    span = numbered.span
    connection.execute(
        "INSERT OR REPLACE INTO spans (id, slot, state, reason, method, trigger, started_at, "
        "ended_at, rounds, first, last, reckoned_from, reckoned_until) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            numbered.number,
            slot,
            span.state.value,
            span.reason,
            span.method.value if span.method is not None else "",
            span.trigger.value if span.trigger is not None else "",
            span.started_at,
            span.ended_at,
            span.rounds,
            pack_value(span.first),
            pack_value(span.last),
            numbered.reckoned_from,
            numbered.reckoned_until,
        ),
    )
