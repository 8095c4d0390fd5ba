"""JSON that others wrote: a far end, a daemon of another version, a file."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_json(body: bytes | str, kind: type[T]) -> T:
    """``body`` as ``kind``. Raises ``ValueError``, whatever it is: also if it is so deep that the
    library raises ``RecursionError``."""
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError as error:
        raise ValueError("it is too deep") from error
