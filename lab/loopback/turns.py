"""How often the event loop turns, and far ends that stop acknowledging."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
from collections.abc import Iterator

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
# Classic BPF (linux/filter.h): code, jump if true, jump if false, constant.
_LOAD_LENGTH = (0x80, 0, 0, 0)
_KEEP, _DROP = (0x06, 0, 0, 0xFFFF_FFFF), (0x06, 0, 0, 0)
_BARE_BYTES = 60
"""A TCP header with all options: a segment that is longer carries data."""


class Turns:
    """``count`` of turns so far."""

    def __init__(self) -> None:
        self.count = 0


@contextlib.contextmanager
def counted() -> Iterator[Turns]:
    """Count the turns of the running loop."""
    loop, turns = asyncio.get_running_loop(), Turns()
    once = loop._run_once  # type: ignore[attr-defined]

    def turn() -> None:
        turns.count += 1
        once()

    loop._run_once = turn  # type: ignore[attr-defined]
    try:
        yield turns
    finally:
        del loop._run_once  # type: ignore[attr-defined]


def drop_all(sock: socket.socket) -> None:
    """From here on ``sock`` gets nothing, and so acknowledges nothing. Of a listener: no SYN."""
    _attach(sock, (_DROP,))


def drop_data(sock: socket.socket) -> None:
    """From here on ``sock`` (of a listener: whatever it accepts) gets bare segments only."""
    _attach(sock, (_LOAD_LENGTH, (0x25, 0, 1, _BARE_BYTES), _DROP, _KEEP))


def drop_none(sock: socket.socket) -> None:
    """All comes through again."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def _attach(sock: socket.socket, program: tuple[tuple[int, int, int, int], ...]) -> None:
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    kept = ctypes.create_string_buffer(code, len(code))
    sock.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("@HP", len(program), ctypes.addressof(kept)),
    )
