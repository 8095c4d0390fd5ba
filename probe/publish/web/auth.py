"""Passwords: basic authentication against bcrypt hashes, without letting guesses cost much.

A check takes as long as bcrypt was told to take, so it is made in a thread, one at a time, and what
was right once is remembered (as a digest with a key that dies with the process).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping

import bcrypt
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

REALM = "throttlewatch"
# bcrypt looks at no more than this.
MOST_PASSWORD_BYTES = 72
# 2^12 rounds: a fifth of a second on a Raspberry Pi 4, once for each client.
_ROUNDS = 12
_MOST_REMEMBERED = 64


class PasswordError(ValueError):
    """A password that cannot be one; the text says why, and does not show it."""


def hashed(password: str) -> str:
    """The bcrypt hash of ``password``. Raises ``PasswordError``."""
    why = unfit(password)
    if why:
        raise PasswordError(why)
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS)).decode()


def unfit(password: str) -> str:
    """Why ``password`` cannot be one, for a person; nothing, if it can."""
    size = len(password.encode(errors="replace"))
    if size > MOST_PASSWORD_BYTES:
        return (
            f"a password has at most {MOST_PASSWORD_BYTES} bytes, since bcrypt looks at no more; "
            f"this one has {size}"
        )
    if not password or not password.isprintable():
        return "a password is one line of printable characters, and not empty"
    return ""


class Users:
    """Knows who may come in. No users: everybody."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._hashes = {name: digest.encode() for name, digest in users.items()}
        self._key = secrets.token_bytes(16)
        self._right: set[bytes] = set()
        self._one_at_a_time = asyncio.Lock()
        # Unknown names must take as long as known ones.
        self._nobody = next(iter(self._hashes.values()), b"")

    async def refusal(self, headers: Headers) -> Response | None:
        """The answer to who has not shown a right name and password; ``None``: come in."""
        if not self._hashes:
            return None
        given = _credentials(headers.get("authorization", ""))
        if given is not None and await self._is_right(*given):
            return None
        said = "unauthorized"
        if given is not None and len(given[1]) > MOST_PASSWORD_BYTES:
            said += f": a password has at most {MOST_PASSWORD_BYTES} bytes"
        return PlainTextResponse(
            f"{said}\n", 401, {"WWW-Authenticate": f'Basic realm="{REALM}", charset="UTF-8"'}
        )

    async def _is_right(self, name: str, password: bytes) -> bool:
        if len(password) > MOST_PASSWORD_BYTES:
            return False
        seen = hashlib.blake2b(name.encode() + b"\0" + password, key=self._key).digest()
        if seen in self._right:
            return True
        known = self._hashes.get(name)
        async with self._one_at_a_time:
            matches = await asyncio.to_thread(
                bcrypt.checkpw, password, self._nobody if known is None else known
            )
        if known is None or not matches:
            return False
        if len(self._right) < _MOST_REMEMBERED:
            self._right.add(seen)
        return True


def _credentials(header: str) -> tuple[str, bytes] | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(value.strip(), validate=True).partition(b":")
        if not colon or b"\0" in password:
            return None
        return name.decode(), password
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
