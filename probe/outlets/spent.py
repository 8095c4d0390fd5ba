"""What was used of the data budget, over restarts and beside other processes of this machine."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from probe.schedule.data_budget import DataBudget
from probe.schedule.data_spent import DataSpent
from probe.store.cells import json_cell
from probe.store.shared import Shared
from probe.store.writer import Store

log = logging.getLogger(__name__)

# The key under which the store keeps it.
DATA_BUDGET = "data_budget"


class Spent:
    """Takes up what earlier runs used, and keeps what ``data`` has counted."""

    def __init__(self, data: DataBudget, store: Store) -> None:
        self._data = data
        self._cell = json_cell(store, DATA_BUDGET, dict[str, DataSpent])
        left = self._cell.take()
        if left is not None:
            data.restore(left)
        if self._cell.unreadable:
            log.warning("what was used of the data budget cannot be read in the history")
        # Without it the history is new, perhaps in place of a broken one: then the file beside it
        # says what was used. Or it cannot be read just yet: then it is found later.
        late = not self._cell.unreadable and store.health().trouble is not None
        self._known = left is not None or late

    def keep(self) -> None:
        """Keep what was counted, beside what an earlier run left where that is found late."""
        if (left := self._cell.take()) is not None:
            self._data.restore(left)
        self._cell.put(self._data.state())

    def used(self) -> Mapping[str, DataSpent] | None:
        """The accounts, for other processes; ``None``: they are not known yet."""
        return self._data.state() if self._known else None

    def heard(self, shared: Shared) -> None:
        """What other processes have used, and an earlier one if the history does not say."""
        if not self._known:
            self._known = True
            self._data.restore(shared.used)
        if shared.spent:
            self._data.spent_by_others(shared.spent)
            self.keep()
