"""Curtains in a report: when they hung, and what they did."""

from __future__ import annotations

from probe.publish.report.report_parts import Gathered
from probe.publish.report.times import TimeWriter
from probe.verdict.words.words_curtain import curtain


def told_of_curtains(gathered: Gathered, clock: TimeWriter) -> tuple[str, ...]:
    """A sentence for each curtain at each vantage."""
    return tuple(
        f"Seen from {clock.moment(max(hung.curtain.since, gathered.window.start))} to "
        f"{clock.moment(hung.last_at)} at {hung.vantage}: {curtain(hung.curtain)}"
        for hung in gathered.curtains
    )
