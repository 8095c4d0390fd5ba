"""The heap of a process of its own: threads share an arena, and what was freed goes back."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

GLIBC = hasattr(ctypes.CDLL(None), "gnu_get_libc_version")

# Each thread allocates small pieces, frees all but the last, and lives on: what lies below the last
# one stays with the process until it is given back.
PROGRAM = """
import ctypes, sys, threading
from pathlib import Path
from probe.store import heap

library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
library.malloc.argtypes = [ctypes.c_size_t]
rss = lambda: int(Path("/proc/self/statm").read_text().split()[1])
arenas = lambda: Path("/proc/self/maps").read_text().count("---p 00000000 00:00 0")

heap.one_arena() if sys.argv[1] == "one" else None
before = arenas()
ready, done = threading.Barrier(5), threading.Event()

def work():
    pieces = [library.malloc(4000) for _ in range(2000)]
    for piece in pieces:
        ctypes.memset(piece, 1, 4000)
    for piece in pieces[:-1]:
        library.free(piece)
    ready.wait()
    done.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
ready.wait()
full = rss()
given = heap.give_back()
print(arenas() - before, int(given), full - rss())
done.set()
"""


def run(how: str) -> tuple[int, int, int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    arenas, given, pages = map(int, done.stdout.split())
    return arenas, given, pages


@pytest.mark.skipif(not GLIBC, reason="needs the heap of glibc")
def test_threads_share_one_arena() -> None:
    assert run("one")[0] < run("many")[0]


@pytest.mark.skipif(not GLIBC, reason="needs the heap of glibc")
def test_what_was_freed_is_given_back() -> None:
    _, given, pages = run("one")
    assert given
    # Four times 8 MB were freed, less what the C library had given back by itself.
    assert pages > 1_000
