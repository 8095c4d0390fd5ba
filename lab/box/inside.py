"""Sockets of one process in another's network namespace: a socket stays where it was made."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

from lab.net import NETNS, Namespace

CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def inside(namespace: Namespace) -> Iterator[None]:
    """This thread, and the sockets that it opens meanwhile, are in the namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(NETNS / namespace.name, os.O_RDONLY)
    try:
        _enter(libc, there)
        try:
            yield
        finally:
            _enter(libc, home)
    finally:
        os.close(there)
        os.close(home)


def _enter(libc: ctypes.CDLL, descriptor: int) -> None:
    if libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
