"""The one writer of the history: a thread that takes what it is given and commits in batches.

Nobody who measures ever waits for the disk. What cannot be written waits in memory, up to a bound;
then the oldest is dropped and counted. A round is *acknowledged* when the transaction that has it
was committed and the disk has confirmed it (``fsync``); only then is ``acknowledged`` called.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from probe.config.schema import StoreConfig
from probe.model.finding import Finding, Incident
from probe.model.number import whole
from probe.model.observation import RoundObservation
from probe.model.stored import StoredRound
from probe.model.verdict import State, Verdict
from probe.store import files
from probe.store.codec import Packer
from probe.store.given import Given, GivenRound, GivenSample
from probe.store.health import WORDS, StoreHealth
from probe.store.keeper import Keeper
from probe.store.reckoning import Reckoning
from probe.store.records import FindingRecord, IncidentRecord, Queued, RoundRecord
from probe.store.samples import Labels, Recorder
from probe.store.summaries import packed
from probe.store.waiting import Waiting

log = logging.getLogger(__name__)

# What may wait in memory while the disk refuses: about a week of rounds of one vantage.
QUEUE_BYTES = 16 * 1024 * 1024
# What may wait to be packed. A thread that hangs in the kernel takes nothing more.
INBOX = 2_000
SLOWEST_RETRY_SECONDS = 300.0
# What is packed before the clock is looked at again.
MOST_AT_ONCE = 64
# What is not calm waits no longer than this for its batch.
HURRY_SECONDS = 60.0
PRUNE_SECONDS = 3_600.0
# How often it is seen to whether the file is still there.
LOOK_SECONDS = 20.0
KEEP_SAMPLES_SECONDS = 30 * 86_400.0
# The key under which the forwarder keeps how far it has come.
FORWARDED = "forward/cursor"

Acknowledged = Callable[[tuple[str, ...]], None]


class Store:
    """Takes rounds and small state; every method but ``close`` returns at once."""

    def __init__(
        self,
        path: Path | None,
        config: StoreConfig,
        *,
        acknowledged: Acknowledged | None = None,
        keep_samples_seconds: float = KEEP_SAMPLES_SECONDS,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        self._config = config
        self._acknowledged = acknowledged
        self._keep_samples_seconds = keep_samples_seconds
        # The first hour is given to the clock, which may not have been set.
        self._prune_at = monotonic() + PRUNE_SECONDS
        self._look_at = monotonic() + LOOK_SECONDS
        self._monotonic = monotonic
        self._wake = threading.Condition()
        self._inbox: deque[Given] = deque()
        self._waiting = Waiting(queue_bytes)
        self._state: dict[str, bytes] = {}
        self._unsaved_state: set[str] = set()
        self._left: dict[str, bytes] = {}
        self._urgent = False
        self._closing = False
        self._due: float | None = None
        self._failing = False
        self._retry_seconds = min(float(config.batch), HURRY_SECONDS)
        self._next_round = 1
        self._resumed = False
        self._committed = 0
        self.commits = 0  # how often something was written since the start
        self._packer = Packer()
        self._recorder = Recorder()
        self._reckoning = Reckoning()
        self._keeper = None if path is None else Keeper(path, wall=wall)
        self._thread: threading.Thread | None = None

    @classmethod
    def open(
        cls,
        config: StoreConfig,
        *,
        environ: Mapping[str, str] = os.environ,
        acknowledged: Acknowledged | None = None,
        keep_samples_seconds: float = KEEP_SAMPLES_SECONDS,
    ) -> Store:
        """Open or make the file, and start the writer. Never raises for what the disk does: a store
        in trouble keeps things in memory, says so in its ``health``, and tries again."""
        store = cls(
            files.writable_path(config.path, environ),
            config,
            acknowledged=acknowledged,
            keep_samples_seconds=keep_samples_seconds,
        )
        store.start()
        return store

    def start(self) -> None:
        """Read what the last run left, and begin to write. Once."""
        if self._keeper is None:
            return
        # A second time, in case the first found a broken file and set it aside.
        if not (self._resume(self._keeper) or self._resume(self._keeper)):
            trouble = self._keeper.trouble or "io"
            log.error("the history cannot be used: %s; measuring goes on", WORDS[trouble])
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path | None:
        """The file; ``None`` when the history is turned off."""
        return None if self._keeper is None else self._keeper.path

    def round_finished(self, observed: RoundObservation, verdict: Verdict) -> None:
        """Keep a round and what was said of it."""
        self._put(GivenRound(StoredRound(observed=observed, verdict=verdict), self._monotonic()))

    def finding(self, finding: Finding) -> None:
        """Keep a finding. Give only those that differ from the one before."""
        self._put(lambda: FindingRecord(finding))

    def incident(self, incident: Incident) -> None:
        """Keep an incident as it is now, in place of what was known under its ``id``."""
        self._put(lambda: IncidentRecord(incident))

    def sample(self, at: int, values: Mapping[Labels, float]) -> None:
        """Keep every series' value at ``at``, a point of the grid, to be forwarded. Committed at
        once, with whatever waits: a receiver is not to lag behind by a batch."""
        self._put(GivenSample(at, values, self._monotonic()), now=True)

    def load(self, key: str) -> bytes | None:
        """What was last saved under ``key``, in this run or an earlier one."""
        with self._wake:
            return self._state.get(key)

    def take(self, key: str) -> bytes | None:
        """What an earlier run had saved under ``key``, once, as soon as the file can be read. That
        may be after something else was saved; until something is saved anew, ``load`` gives what
        was found as well. For ``Cell``, which knows its type."""
        with self._wake:
            return self._left.pop(key, None)

    def save(self, key: str, blob: bytes, *, now: bool = False) -> None:
        """Keep ``blob`` under ``key`` in place of what is there. ``now``: do not wait for the next
        batch."""
        with self._wake:
            if self._state.get(key) == blob:
                return
            self._state[key] = blob
            self._unsaved_state.add(key)
            self._plan(now)

    def flush(self) -> None:
        """Commit what waits without waiting for the batch's time."""
        with self._wake:
            self._plan(True)

    def health(self) -> StoreHealth:
        """How it is doing. Asks the disk nothing, and does not wait for the writer."""
        if self._keeper is None:
            return StoreHealth(on=False)
        with self._wake:
            return StoreHealth(
                on=True,
                trouble=self._keeper.trouble,
                bytes=self._keeper.bytes,
                last_commit_at=self._keeper.last_commit_at,
                committed_rounds=self._committed,
                queued=len(self._inbox) + len(self._waiting),
                dropped=self._waiting.dropped,
                set_aside=self._keeper.set_aside,
                lost=self._keeper.lost,
            )

    def close(self, timeout_seconds: float = 5.0) -> bool:
        """Commit what waits and close the file; whether all was written, in time."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        if self._thread is None:
            return True
        self._thread.join(timeout_seconds)
        return not (self._thread.is_alive() or self.health().queued)

    def _put(self, item: Given, *, now: bool = False) -> None:
        if self._keeper is None:
            return
        with self._wake:
            self._inbox.append(item)
            if len(self._inbox) > INBOX:
                self._inbox.popleft()
                self._waiting.dropped += 1
            self._plan(now)

    def _plan(self, now: bool) -> None:
        if self._due is None:
            self._due = self._monotonic() + float(self._config.batch)
        self._urgent = self._urgent or now
        self._wake.notify_all()

    def _run(self) -> None:
        assert self._keeper is not None
        keeper = self._keeper
        while True:
            with self._wake:
                while not (self._inbox or self._closing or self._patience() <= 0.0):
                    self._wake.wait(max(0.01, self._patience()))
                # Not all of them: who adds faster than they are packed would put off the commit.
                items = [self._inbox.popleft() for _ in range(min(len(self._inbox), MOST_AT_ONCE))]
                closing = self._closing and not self._inbox
            try:
                self._look(keeper)
                for item in items:
                    self._take(keeper, item)
                if closing or self._is_due():
                    self._commit(keeper)
                    if not closing and self._monotonic() >= self._prune_at:
                        self._prune_at = self._monotonic() + PRUNE_SECONDS
                        self._prune(keeper)
            except Exception:
                # A fault of ours in one record must end neither the writer nor the daemon.
                log.exception("the history's writer failed; it goes on")
                self._reschedule(failed=True)
            if closing:
                keeper.close()
                return

    def _is_due(self) -> bool:
        if self._due is None:
            return False
        return (self._urgent and not self._failing) or self._monotonic() >= self._due

    def _look(self, keeper: Keeper) -> None:
        """See whether the file is still there: what goes to one that nobody finds is lost."""
        if self._monotonic() >= self._look_at:
            self._look_at = self._monotonic() + LOOK_SECONDS
            if not keeper.look():
                self.flush()

    def _patience(self) -> float:
        until = self._look_at if self._due is None else min(self._due, self._look_at)
        return 0.0 if self._is_due() else until - self._monotonic()

    def _take(self, keeper: Keeper, item: Given) -> None:
        if isinstance(item, GivenRound):
            stored = item.stored
            reckoned = self._reckoning.round(stored.observed.started_at, item.monotonic)
            record: Queued = self._pack(stored, reckoned)
            if keeper.spans.add(stored, reckoned):
                # What just changed is what one would miss most.
                self._urgent = True
            elif stored.verdict.state is not State.OK or stored.verdict.ailing_beside:
                self._hurry()
        elif not isinstance(item, GivenSample):
            record = item()
        elif self._resumed:
            reckoned = self._reckoning.sample(item.at, item.monotonic)
            record = self._recorder.record(item.at, item.values, reckoned)
        else:
            # Numbers of series are not known before the file was read.
            with self._wake:
                self._waiting.dropped += 1
            return
        with self._wake:
            self._waiting.add(record)

    def _hurry(self) -> None:
        with self._wake:
            if self._due is not None and not self._failing:
                self._due = min(self._due, self._monotonic() + HURRY_SECONDS)

    def _resume(self, keeper: Keeper) -> bool:
        """Take up what the last run left; whether that is done. Until then nothing is written: what
        is numbered from 1 must not take the place of what the file has."""
        if not keeper.ready():
            return False
        if not keeper.unread:
            return True
        left = keeper.resume()
        if left is None:
            return False
        with self._wake:
            if self._resumed:
                # Another file than before: what is known here is newer than what that one has.
                self._state = left.state | self._state
                self._unsaved_state |= self._state.keys()
                if left.series:
                    self._waiting.drop_samples()
                    self._recorder = Recorder()
            else:
                self._left = dict(left.state)
                self._state |= left.state
                self._unsaved_state -= self._left.keys()
            moved = self._reckoning.resume(left.newest)
            self._waiting.follow(left.last_round, moved)
        keeper.spans.resume(left.last_span, left.spans, moved)
        self._next_round += left.last_round
        self._recorder.resume(left.last_seq, left.series)
        for dictionary in left.dictionaries:
            self._packer.learn(dictionary)
        self._resumed = True
        return True

    def _pack(self, stored: StoredRound, reckoned: float) -> RoundRecord:
        observed = stored.observed
        number = self._next_round
        self._next_round += 1
        return RoundRecord(
            number=number,
            uid=observed.id,
            at=observed.started_at,
            reckoned=reckoned,
            slot=(observed.vantage, observed.platform),
            kind=observed.kind.value,
            state=stored.verdict.state.value,
            ailing_beside=stored.verdict.ailing_beside,
            packed=self._packer.pack(stored),
            summary=packed(stored),
        )

    def _prune(self, keeper: Keeper) -> None:
        cursor = self.load(FORWARDED) or b"0"
        forwarded = whole(cursor.decode("ascii", "replace")) or 0
        now = self._reckoning.now(self._monotonic())
        keeper.prune(self._config, now, forwarded, self._keep_samples_seconds)

    def _commit(self, keeper: Keeper) -> None:
        keeper.look()
        before = keeper.trouble
        if not (done := self._try_commit(keeper)) and keeper.trouble == "gone":
            done = self._try_commit(keeper)
        self._reschedule(failed=not done)
        if done and before is not None:
            log.warning("the history is written again")
        elif not done and keeper.trouble is not None and keeper.trouble != before:
            log.error(
                "the history cannot be written: %s; measuring goes on, and what is measured waits "
                "in memory",
                WORDS[keeper.trouble],
            )

    def _try_commit(self, keeper: Keeper) -> bool:
        resumed = self._resume(keeper)
        with self._wake:
            # Only now: what the file has may take the place of what was saved meanwhile.
            records = self._waiting.all
            if not self._inbox:
                # What comes from here on belongs to the next batch, and plans that one.
                self._urgent, self._due = False, None
            state = {key: self._state[key] for key in self._unsaved_state}
        if not (resumed and keeper.commit(records, state)):
            return False
        with self._wake:
            self._written(records, state)
        rounds = tuple(record.uid for record in records if isinstance(record, RoundRecord))
        self._committed += len(rounds)
        self.commits += 1
        if rounds and self._acknowledged is not None:
            self._acknowledged(rounds)
        return True

    def _written(self, records: tuple[Queued, ...], state: dict[str, bytes]) -> None:
        self._waiting.written(records)
        for key, blob in state.items():
            if self._state.get(key) is blob:
                self._unsaved_state.discard(key)

    def _reschedule(self, *, failed: bool) -> None:
        batch = float(self._config.batch)
        with self._wake:
            self._failing = failed
            if failed:
                self._retry_seconds = min(
                    max(self._retry_seconds, 1.0) * 2, max(batch, SLOWEST_RETRY_SECONDS)
                )
                self._due = self._monotonic() + self._retry_seconds
            else:
                self._retry_seconds = min(batch, HURRY_SECONDS)
                if self._due is None and (len(self._waiting) or self._unsaved_state):
                    self._due = self._monotonic() + batch
