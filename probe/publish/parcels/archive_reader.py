"""An archive as it is read: like a history, by the commands that read one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from probe.config.schema import Config, VantageConfig
from probe.model.finding import Finding, Incident
from probe.model.round_summary import SummedRound
from probe.model.stored import StoredRound, VerdictSpan
from probe.observe.summed import summed
from probe.publish.parcels.archive import HOUR_SECONDS, Archive, HourFile, lines_of
from probe.publish.parcels.zstandard import NotPackedError
from probe.publish.privacy.configured_names import Named
from probe.publish.privacy.fleet_names import fleet_names
from probe.store.history import HistoryError
from probe.store.spans import Spans

_line = msgspec.json.Decoder(StoredRound)


class ArchivedHistory:
    """Reads an archive as ``History`` reads a file, in the memory of an hour of the vantages that
    are asked for. Times are Unix seconds: ``since`` is included, ``until`` is not.

    ``unreadable`` counts what was passed over: files that are damaged, and lines that are no round.
    Findings and incidents are no vantage's: the hub has them in its ledger.
    """

    def __init__(self, root: Path) -> None:
        """Raises ``HistoryError``."""
        self.path = root
        self.unreadable = 0
        self._archive = Archive(root)
        try:
            self._vantages = self._archive.vantages()
        except OSError as error:
            raise HistoryError(f"cannot read {root}: {error.strerror or error}") from error
        if not self._vantages:
            raise HistoryError(f"{root} has no vantage's rounds: is it what a hub keeps?")

    def __enter__(self) -> ArchivedHistory:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held open."""

    def placed(self, config: Config) -> Config:
        """``config`` with the vantages of the archive, where the hub says that they are; of one of
        which that cannot be read, its name is known alone."""
        places = self._archive.placed()
        vantages = tuple(places.get(name) or VantageConfig(name=name) for name in self._vantages)
        return replace(config, settings=replace(config.settings, vantages=vantages))

    def named(self, config: Config) -> Named:
        """What may be written of its rounds: what the fleet of ``config`` and this hub may have
        measured."""
        return fleet_names(config, self._archive.named())

    def rounds(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        vantage: str | None = None,
        as_judged: bool = False,
    ) -> Iterator[StoredRound]:
        """Rounds that started in that time, earliest first. ``as_judged``: in the order in which
        they were judged, which is another where rounds overlapped."""
        waiting: list[StoredRound] = []
        for hour, files in self._hours(since, until, vantage):
            for stored in self._read(files):
                at = stored.observed.started_at
                if (
                    (since is None or at >= since)
                    and (until is None or at < until)
                    and platform in (None, stored.observed.platform)
                ):
                    waiting.append(stored)
            waiting.sort(key=_judged if as_judged else _begun)
            # No round of a later hour was judged before that hour began.
            end = hour + HOUR_SECONDS
            ready = [one for one in waiting if not as_judged or one.verdict.at < end]
            yield from ready
            waiting = waiting[len(ready) :]
        yield from waiting

    def summaries(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        vantage: str | None = None,
    ) -> Iterator[SummedRound]:
        """The summaries of the same rounds, in the same order."""
        yield from summed(self.rounds(since=since, until=until, platform=platform, vantage=vantage))

    def verdict_spans(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        vantage: str | None = None,
    ) -> Iterator[VerdictSpan]:
        """Spans of the rounds of that time, by their start."""
        spans = Spans()
        for stored in self.rounds(
            since=since, until=until, platform=platform, vantage=vantage, as_judged=True
        ):
            spans.add(stored, 0.0)
        yield from sorted((one.span for one in spans.unsaved), key=lambda span: span.started_at)

    def findings(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        country: str | None = None,
    ) -> Iterator[Finding]:
        """None."""
        return iter(())

    def incidents(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        platform: str | None = None,
        country: str | None = None,
    ) -> Iterator[Incident]:
        """None."""
        return iter(())

    def bounds(self) -> tuple[float, float] | None:
        """The starts of the first and the last round; ``None`` if there is none."""
        first = next((one.observed.started_at for one in self.rounds()), None)
        if first is None:
            return None
        last = first
        for name in self._vantages:
            for file in reversed(list(self._archive.hours(name, last))):
                starts = [one.observed.started_at for one in self._read([file])]
                if starts:
                    last = max(last, *starts)
                    break
        return first, last

    def vantages(self) -> frozenset[str]:
        """The names of the vantages that rounds are from."""
        return frozenset(self._vantages)

    def slots(self) -> frozenset[tuple[str, str]]:
        """The vantages and platforms that rounds are of: as the last hour of each day has them."""
        found = set()
        for name in self._vantages:
            last = {file.path.parent: file for file in self._archive.hours(name)}
            found |= {(name, one.observed.platform) for one in self._read(last.values())}
        return frozenset(found)

    def _hours(
        self, since: float | None, until: float | None, vantage: str | None
    ) -> Iterator[tuple[int, list[HourFile]]]:
        """The files of each hour that has any."""
        found: dict[int, list[HourFile]] = {}
        for name in self._vantages:
            if vantage in (None, name):
                for file in self._archive.hours(name, since, until):
                    found.setdefault(file.start, []).append(file)
        yield from sorted(found.items())

    def _read(self, files: Iterable[HourFile]) -> Iterator[StoredRound]:
        for file in files:
            try:
                lines = lines_of(file.path)
            except (NotPackedError, OSError):
                # It may have been forgotten since it was looked for.
                self.unreadable += 1
                continue
            for line in lines:
                try:
                    yield _line.decode(line)
                except (ValueError, RecursionError):
                    self.unreadable += 1


def _begun(stored: StoredRound) -> tuple[float, str]:
    return stored.observed.started_at, stored.observed.id


def _judged(stored: StoredRound) -> tuple[float, float, str]:
    observed = stored.observed
    return stored.verdict.at, observed.started_at, observed.id
