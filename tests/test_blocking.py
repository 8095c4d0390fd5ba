from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockingError

from tests.blocking import nothing_waits

# As if it stood in a module of probe/: the guard goes by the file's name.
CODE = """
import sqlite3, time
from contextlib import closing

def sleeps():
    time.sleep(0)

def asks(sock):
    return sock.recv(1)

def stores():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("select 1")
"""
MODULE = Path(__file__).parent.parent / "probe" / "waits.py"


def functions() -> dict[str, Callable[..., Any]]:
    names: dict[str, Any] = {}
    exec(compile(CODE, str(MODULE), "exec"), names)
    return names


@pytest.mark.parametrize("name", ["sleeps", "stores"])
async def test_what_waits_in_the_loop_is_found(name: str) -> None:
    with nothing_waits(), pytest.raises(BlockingError):
        functions()[name]()
    functions()[name]()


async def test_a_socket_that_blocks_is_found_and_another_is_not() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.send(b"ab")
        with nothing_waits():
            with pytest.raises(BlockingError):
                functions()["asks"](near)
            near.setblocking(False)
            assert functions()["asks"](near) == b"a"


def test_outside_a_loop_everything_may_wait() -> None:
    with nothing_waits():
        functions()["sleeps"]()
