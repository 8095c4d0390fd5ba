"""The C library's heap, in a process that lives for months on a small machine.

glibc gives each thread an arena of its own and keeps what was freed in the midst of one. Here one
thread works and the others wait, so the arenas cost memory and save nothing. What forgetting old
rounds has freed is given back to the system.

Other C libraries have neither function and are left as they are.
"""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8  # malloc.h


def one_arena() -> bool:
    """All threads that are started from now on share one arena. ``False``: not with this C library.

    What the operator set (``MALLOC_ARENA_MAX``) is replaced.
    """
    mallopt = getattr(_library(), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, 1))


def give_back() -> bool:
    """Return free pages to the system. ``False``: there were none, or not with this C library."""
    trim = getattr(_library(), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
