"""Which host names a configuration declares."""

from __future__ import annotations

from collections.abc import Iterable


def covers(declared: Iterable[str], host: str) -> bool:
    """Whether ``host`` is one of ``declared``: itself, or any name below a ``*.`` entry."""
    name = host.lower().rstrip(".")
    return any(
        name == entry.lower() or (entry.startswith("*.") and name.endswith(entry[1:].lower()))
        for entry in declared
    )
