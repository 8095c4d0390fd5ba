"""The last week's verdicts as spans, for the landing page: filled from the history once, then live.

Held in memory, so that a page never asks the disk; bounded by time and by number.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from math import inf

from probe.config.schema import StoreConfig
from probe.model.identity import VantagePlatform
from probe.model.stored import VerdictSpan
from probe.model.verdict import Verdict
from probe.publish.report.gather import VerdictSpans
from probe.publish.report.report_parts import StateSpan, Window
from probe.store.history import History, HistoryError

KEPT_SECONDS = 7 * 86_400.0
_ALWAYS = Window(start=-inf, end=inf, bin_seconds=inf)


def stored_spans(config: StoreConfig, *, now: float | None = None) -> tuple[VerdictSpan, ...]:
    """What the history has of the last week; nothing, where it has none or cannot be read. Blocks
    on the disk."""
    since = (time.time() if now is None else now) - KEPT_SECONDS
    try:
        with History.open(config) as history:
            return tuple(history.verdict_spans(since=since))
    except HistoryError:
        return ()  # the store itself says what is wrong with the file


class Recent:
    """Spans of every vantage and platform, not older than a week."""

    def __init__(self) -> None:
        self._slots: dict[VantagePlatform, VerdictSpans] = {}

    def remember(self, stored: Iterable[VerdictSpan]) -> None:
        """Take what the history has, before the first live verdict."""
        for span in stored:
            spans = self._slots.setdefault((span.vantage, span.platform), VerdictSpans(_ALWAYS))
            spans.told(span)

    def add(self, verdict: Verdict) -> None:
        """Take a live verdict."""
        slot = (verdict.vantage, verdict.platform)
        spans = self._slots.setdefault(slot, VerdictSpans(_ALWAYS))
        spans.add(verdict)
        spans.forget_before(verdict.at - KEPT_SECONDS)

    def keep(self, slots: frozenset[VantagePlatform]) -> None:
        """Forget every vantage and platform that is not configured any more."""
        self._slots = {slot: spans for slot, spans in self._slots.items() if slot in slots}

    def at(self, now: float) -> Mapping[VantagePlatform, tuple[StateSpan, ...]]:
        """The spans as they are, none reaching beyond ``now``."""
        return {
            slot: tuple(
                StateSpan(state=span.state, start=span.start, end=min(span.end, now))
                for span in spans.finish()
                if span.start < now
            )
            for slot, spans in self._slots.items()
        }
