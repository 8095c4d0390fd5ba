"""Points in time and durations as people write them, in one time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

# As verdicts and findings keep a moment in their sentences.
_KEPT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC\b")
# Steps between ticks, in seconds, and how a tick is written.
_STEPS = (
    (60, "%H:%M"),
    (300, "%H:%M"),
    (900, "%H:%M"),
    (3_600, "%H:%M"),
    (10_800, "%H:%M"),
    (21_600, "%-d %b %H:%M"),
    (86_400, "%a %-d"),
    (172_800, "%-d %b"),
    (604_800, "%-d %b"),
    (2_592_000, "%b %Y"),
)


class TimeWriter:
    """Writes Unix seconds in ``zone``."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone

    def _at(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self._zone)

    def moment(self, at: float) -> str:
        """``20 January 2026, 13:40 UTC``; of another zone with UTC beside it:
        ``20 January 2026, 18:40 PKT (13:40 UTC)``, with the day where that differs."""
        local = self._at(at)
        said = f"{local:%-d %B %Y, %H:%M %Z}"
        if self._zone is UTC:
            return said
        utc = datetime.fromtimestamp(at, UTC)
        form = "%H:%M UTC" if utc.date() == local.date() else "%-d %B, %H:%M UTC"
        return f"{said} ({utc:{form}})"

    def retold(self, text: str) -> str:
        """``text``, which has moments as verdicts and findings keep them (``2026-01-20 13:40
        UTC``), with each as ``moment`` writes it; in UTC it stays as it is. Whatever is shown in a
        zone is read by this, so that no sentence has a time that its neighbour has not."""
        if self._zone is UTC:
            return text
        return _KEPT.sub(lambda found: self.moment(_kept(found[0])), text)

    def iso(self, at: float) -> str:
        """``2026-01-20T13:40:00+00:00``: RFC 3339, to the second, with the zone's offset."""
        return self._at(at).isoformat(timespec="seconds")

    def hour(self, at: float) -> str:
        """``13:40 UTC``."""
        return f"{self._at(at):%H:%M %Z}"

    def brief(self, at: float) -> str:
        """``20 Jan 13:40``."""
        return f"{self._at(at):%-d %b %H:%M}"

    def day(self, at: float) -> str:
        """``20 January 2026``."""
        return f"{self._at(at):%-d %B %Y}"

    @property
    def zone(self) -> str:
        """The zone's name."""
        return str(self._zone)

    def ticks(self, start: float, end: float, most: int = 8) -> Iterator[tuple[float, str]]:
        """Round times from ``start`` to ``end``, at most ``most``, with their words."""
        step, form = next(((s, f) for s, f in _STEPS if (end - start) / s <= most), _STEPS[-1])
        at = self._at(start).replace(hour=0, minute=0, second=0, microsecond=0)
        if step > 604_800:
            at = at.replace(day=1)
        while at.timestamp() <= end:
            if at.timestamp() >= start:
                yield at.timestamp(), f"{at:{form}}"
            if step > 604_800:
                at = (at + timedelta(days=32)).replace(day=1)
            else:
                at += timedelta(seconds=step)


def _kept(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC).timestamp()


def duration(seconds: float) -> str:
    """``40 seconds``, ``12 minutes``, ``8 h 30 min``, ``3 days 4 h``."""
    minutes = round(seconds / 60.0)
    if seconds < 90.0:
        whole = round(seconds)
        return f"{whole} second" if whole == 1 else f"{whole} seconds"
    if minutes < 60:
        return f"{minutes} minutes"
    if minutes < 2_880:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    days, hours = divmod(round(minutes / 60.0), 24)
    return f"{days} days {hours} h" if hours else f"{days} days"


def lasted(start: float, end: float) -> float:
    """Seconds from ``start`` to ``end`` as whoever reads both to the minute works them out."""
    if end - start < 90.0:
        return end - start
    return end // 60.0 * 60.0 - start // 60.0 * 60.0


def listed(words: list[str] | tuple[str, ...]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
