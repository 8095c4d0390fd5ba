"""The gate for rounds: of a parcel those pass that are the vantage's own, and of a believable time.

Each is written anew from what was understood, so nothing that is not understood passes.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct

from probe.hub.enrolled import Enrolled
from probe.hub.gate import AHEAD_SECONDS
from probe.hub.round_times import MOST_SECONDS, of_its_time
from probe.hub.round_words import Wording
from probe.model.foreign import read_json
from probe.model.stored import StoredRound
from probe.publish.parcels.parcel import MOST_AGE_SECONDS, MOST_LINE_BYTES, unpacked

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_PLATFORM = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

# As JSON and UTF-8 have them: controls, which a terminal obeys, and what turns the direction of
# text that follows. No word of a round has any.
_CONTROLS = re.compile(
    rb"(?<!\\)(?:\\\\)*\\(?:[bfnrt]|u00[01])|\x7f|\xc2[\x80-\x9f]"
    rb"|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]"
)


MOST_COUNT = 10**15
"""Of anything: beyond it end columns of 64 bits, and numbers of JSON that all readers take."""


class LeftOut(StrEnum):
    """Why a round does not pass."""

    UNREADABLE = "unreadable"
    VANTAGE = "vantage"
    NAMES = "names"
    TEXT = "text"
    TIME = "time"
    NUMBERS = "numbers"
    FULL = "full"


class UnreadableParcelError(Exception):
    """Nothing of the parcel passes; the text says why, without a word of what it said."""


class PassedRounds(Struct, frozen=True, kw_only=True):
    """The rounds of a parcel that pass, and how many did not by reason."""

    rounds: tuple[StoredRound, ...]
    left_out: Mapping[LeftOut, int]


ANY_WORDING = Wording(None)


def rounds_passing(
    body: bytes, who: Enrolled, now: float, wording: Wording = ANY_WORDING
) -> PassedRounds:
    """What of ``body`` passes for ``who``. Raises ``UnreadableParcelError``."""
    try:
        lines = unpacked(body)
    except ValueError as error:
        raise UnreadableParcelError(str(error)) from error
    passed, left_out = [], Counter[LeftOut]()
    for line in lines:
        found = _round(line, who, now, wording)
        if isinstance(found, LeftOut):
            left_out[found] += 1
        else:
            passed.append(found)
    return PassedRounds(rounds=tuple(passed), left_out=dict(left_out))


def _round(line: bytes, who: Enrolled, now: float, wording: Wording) -> StoredRound | LeftOut:
    if len(line) > MOST_LINE_BYTES:
        return LeftOut.UNREADABLE
    try:
        stored = read_json(line, StoredRound)
    except ValueError:
        return LeftOut.UNREADABLE
    observed, verdict = stored.observed, stored.verdict
    if not observed.vantage == verdict.vantage == who.name:
        return LeftOut.VANTAGE
    if not _countable(msgspec.to_builtins(stored)):
        return LeftOut.NUMBERS
    if observed.platform != verdict.platform or not (
        _ID.fullmatch(observed.id) and _PLATFORM.fullmatch(observed.platform)
    ):
        return LeftOut.NAMES
    scrubbed = wording.scrubbed(stored)
    if scrubbed is None or _CONTROLS.search(msgspec.json.encode(scrubbed)):
        return LeftOut.TEXT
    began, seconds = observed.started_at, observed.duration_seconds
    beside = [one.holds_seconds for one in verdict.over]
    holds = (observed.holds_seconds, verdict.holds_seconds, *beside)
    if not (
        all(map(math.isfinite, (began, seconds, *holds)))
        and 0.0 <= seconds <= MOST_SECONDS
        and now - MOST_AGE_SECONDS <= began <= now + AHEAD_SECONDS
        and began <= verdict.at <= began + MOST_SECONDS + AHEAD_SECONDS
        and all(0.0 <= one <= MOST_AGE_SECONDS for one in holds)
        and of_its_time(stored)
    ):
        return LeftOut.TIME
    return scrubbed


def _countable(value: object) -> bool:
    """Whether every whole number in it can be a count, a port or a status."""
    if isinstance(value, dict):
        return all(map(_countable, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_countable, value))
    return not isinstance(value, int) or abs(value) <= MOST_COUNT
