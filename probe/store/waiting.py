"""What waits in memory for the next commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from probe.store.records import Queued, RoundRecord
from probe.store.samples import SampleRecord


class Waiting:
    """Records in their order, of ``most_bytes`` together; then the oldest are ``dropped``, which is
    their number. Not safe for threads: used under the store's lock."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._records: deque[Queued] = deque()
        self.bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def all(self) -> tuple[Queued, ...]:
        """All of them, the oldest first."""
        return tuple(self._records)

    def add(self, record: Queued) -> None:
        """One more, the newest."""
        self._records.append(record)
        self.bytes += record.bytes
        while self.bytes > self._most_bytes and len(self._records) > 1:
            self.bytes -= self._records.popleft().bytes
            self.dropped += 1

    def written(self, records: Iterable[Queued]) -> None:
        """They wait no more. What was dropped in the meantime was the oldest, and is written all
        the same."""
        done = set(map(id, records))
        while self._records and id(self._records[0]) in done:
            self.bytes -= self._records.popleft().bytes

    def follow(self, last_round: int, by: float) -> None:
        """The file has rounds up to ``last_round``: those that wait come after them, and ``by``
        seconds later on the history's own clock."""
        for record in self._records:
            if isinstance(record, RoundRecord):
                record.number += last_round
                record.reckoned += by

    def drop_samples(self) -> None:
        """Samples are numbered as in a file that is gone."""
        kept = [record for record in self._records if not isinstance(record, SampleRecord)]
        self.dropped += len(self._records) - len(kept)
        self._records = deque(kept)
        self.bytes = sum(record.bytes for record in kept)
