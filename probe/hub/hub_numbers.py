"""What the hub publishes of itself: names of vantages, places and counts; nothing of who."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from probe.hub.enrolled import ArchivedRounds, Enrolled, VantageHeard

_WHO = ("vantage", "country", "role")


class HubNumbers:
    """The hub's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._heard = self._gauge(
            "throttlewatch_hub_heard_timestamp_seconds",
            "Unix time at which something of this vantage last passed the gate; before that, at "
            "which it joined.",
        )
        self._newest = self._gauge(
            "throttlewatch_hub_newest_timestamp_seconds",
            "Unix time of the newest sample of this vantage that passed, by its own clock.",
        )
        self._ahead = self._gauge(
            "throttlewatch_hub_clock_ahead_seconds",
            "How far this vantage's clock was ahead of the hub's at its last request.",
        )
        self._revoked = Gauge(
            "throttlewatch_hub_revoked_timestamp_seconds",
            "Unix time since which nothing of this vantage is taken.",
            ("vantage",),
            registry=self.registry,
        )
        self._archive_bytes = self._gauge(
            "throttlewatch_hub_archive_bytes",
            "Bytes that rounds of this vantage take in the archive.",
        )
        self._archive_room = self._gauge(
            "throttlewatch_hub_archive_room_bytes",
            "Bytes that rounds of this vantage may take in the archive.",
        )
        self.passed = Counter(
            "throttlewatch_hub_passed_samples",
            "Samples that passed the gate and that the engine took.",
            ("vantage",),
            registry=self.registry,
        )
        self.dropped = Counter(
            "throttlewatch_hub_dropped",
            "Series, or samples because of their time, that did not pass the gate, by reason.",
            ("vantage", "reason"),
            registry=self.registry,
        )
        self.rounds = Counter(
            "throttlewatch_hub_rounds",
            "Rounds that vantages sent and that are kept.",
            ("vantage",),
            registry=self.registry,
        )
        self.left_out = Counter(
            "throttlewatch_hub_rounds_left_out",
            "Rounds that vantages sent and that did not pass, by reason.",
            ("vantage", "reason"),
            registry=self.registry,
        )
        self.refused = Counter(
            "throttlewatch_hub_refused_requests",
            "Requests of which nothing passed, by reason.",
            ("reason",),
            registry=self.registry,
        )

    def text(
        self,
        members: Iterable[Enrolled],
        heard: Mapping[str, VantageHeard],
        archived: Mapping[str, ArchivedRounds],
    ) -> bytes:
        """The page, with when each who takes part was heard, and what is kept of its rounds."""
        of_members = (self._heard, self._newest, self._ahead, self._revoked)
        for gauge in (*of_members, self._archive_bytes, self._archive_room):
            gauge.clear()
        for who in members:
            if who.revoked is not None:
                self._revoked.labels(who.name).set(who.revoked)
                continue
            labels = (who.name, who.place.country, who.place.role.value)
            if (kept := archived.get(who.name)) is not None:
                self._archive_bytes.labels(*labels).set(kept.bytes)
                self._archive_room.labels(*labels).set(kept.room_bytes)
            last = heard.get(who.name)
            self._heard.labels(*labels).set(who.joined if last is None else last.at)
            if last is not None:
                self._newest.labels(*labels).set(last.newest_at)
                if last.ahead_seconds is not None:
                    self._ahead.labels(*labels).set(last.ahead_seconds)
        return generate_latest(self.registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, _WHO, registry=self.registry)
