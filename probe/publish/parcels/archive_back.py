"""Files of an archive that were kept elsewhere: which can be some, and how they come back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from probe.config.schema import VantageConfig
from probe.publish.parcels.archive import (
    DAY_NAME,
    HOUR_NAME,
    MOST_HOUR_BYTES,
    NAMES,
    PLACE,
    VANTAGE_NAME,
    write_whole,
)
from probe.publish.parcels.zstandard import unpress
from probe.publish.privacy.configured_names import Named


def is_own_name(name: str) -> bool:
    """Whether a file of an archive can have that name in it, with ``/`` between folders."""
    match name.split("/"):
        case [last]:
            return last == NAMES
        case [vantage, last]:
            return bool(VANTAGE_NAME.fullmatch(vantage)) and last == PLACE
        case [vantage, day, last]:
            return all(
                (
                    VANTAGE_NAME.fullmatch(vantage),
                    DAY_NAME.fullmatch(day),
                    HOUR_NAME.fullmatch(last),
                )
            )
    return False


def put_back(file: Path, body: bytes) -> None:
    """Write it; ``file`` has a name of its own kind. Raises ``ValueError`` if it is damaged, or
    ``OSError``."""
    if file.name == NAMES:
        msgspec.json.decode(body, type=Named)
    elif file.name == PLACE:
        if msgspec.json.decode(body, type=VantageConfig).name != file.parent.name:
            raise ValueError("another vantage's place")
    else:
        for line in unpress(body, 2 * MOST_HOUR_BYTES).splitlines():
            msgspec.json.decode(line)
    write_whole(file, body)
