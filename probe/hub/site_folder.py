"""The folder that the public page is written to: what stands there already, and what is new.

The folder itself says what need not be made again; nothing of it is remembered elsewhere, so it may
be emptied, copied back or written by another process at any time.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from pathlib import Path

HEAD_BYTES = 1_024


class SiteFolder:
    """``out`` is the site's root; it is made when something is written."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def stands(self, path: str, body: bytes, beside: Collection[str] = ()) -> bool:
        """Whether the file at ``path`` is ``body``, and files of these names are beside it."""
        file = self._out / path
        try:
            if file.read_bytes() != body:
                return False
            return not beside or {*beside} <= {one.name for one in file.parent.iterdir()}
        except OSError:
            return False

    def head(self, path: str) -> bytes:
        """The first bytes of the file at ``path``; empty: there is none."""
        try:
            with (self._out / path).open("rb") as file:
                return file.read(HEAD_BYTES)
        except OSError:
            return b""

    def write(self, files: Mapping[str, bytes]) -> int:
        """Write those that differ from what is there, in their order, each whole or not at all; how
        many were. Nothing is deleted: an address that was given out keeps its page."""
        written = 0
        for name, body in files.items():
            if self.stands(name, body):
                continue
            file = self._out / name
            _open_folder(file.parent)
            part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
            try:
                part.write_bytes(body)
                # For a web server that runs as another user, whatever this one's mask.
                part.chmod(0o644)
                part.replace(file)
            finally:
                part.unlink(missing_ok=True)
            written += 1
        return written


def _open_folder(folder: Path) -> None:
    """Make it, and what it is in, if it is not there: for everybody, as its files are."""
    if not folder.is_dir():
        _open_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
