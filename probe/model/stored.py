"""A round as the history has it: what was seen, and what was said of it at the time."""

from __future__ import annotations

from msgspec import Struct

from probe.model.observation import RoundObservation
from probe.model.verdict import Verdict


class StoredRound(Struct, frozen=True, kw_only=True):
    """One round or burst with the verdict that followed it."""

    observed: RoundObservation
    verdict: Verdict
