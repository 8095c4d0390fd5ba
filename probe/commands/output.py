"""Where a command writes to: a file, whole or not at all, or what a name stands for.

Only a regular file that has no other name is replaced, by a new one from the same folder. Whatever
else bears the name (a device, a pipe, a link, standard output) is written to and stays what it is:
as root, a rename over ``/dev/null`` would break every program of the machine. The history, what
belongs to it and the configuration are never written over: a mistaken name would cost months.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click

from probe.model.foreign import printable
from probe.store import files

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF}


def write(lines: Iterable[bytes], output: Path | None) -> int:
    """Write to ``output``, or to standard output (``None``, or ``-``); the bytes written.

    A regular file is there whole or as it was, and keeps its owner and its modes.
    """
    if output is None or str(output) == "-" or _is_standard_output(output):
        return _to_standard_output(lines)
    try:
        if (kept := _kept(output)) is not None:
            raise click.ClickException(f"{output} is {kept}; give another name")
        with _opened(output) as sink:
            return sum(sink.write(line) for line in lines)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror or error}") from error


def _to_standard_output(lines: Iterable[bytes]) -> int:
    if sys.stdout is None:
        raise click.ClickException("there is no standard output; name a file with -o")
    written = sum(sys.stdout.buffer.write(line) for line in lines)
    sys.stdout.buffer.flush()
    return written


def write_any_letter() -> None:
    """A letter that a stream's encoding does not have is written as its number (``\\u06a9``), and
    ends no command: titles are in any script, and terminals and pipes in any encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_whole() -> None:
    """Under ``PYTHONUNBUFFERED`` standard output has no buffer, and what a nearly full disk took a
    part of counts as written. With one, the rest is tried again, and is an error."""
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and isinstance(raw := out.buffer, io.RawIOBase):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw), encoding=out.encoding, errors=out.errors, line_buffering=True
        )


def tell(text: str) -> None:
    """Say something beside what was asked for. Where that cannot be said (the disk under a log is
    full) the command goes on."""
    with suppress(OSError):
        click.echo(printable(text), err=True)


def refused_by_machine(error: OSError) -> click.ClickException:
    """What nobody foresaw, as a sentence. If it is about standard output, nothing more goes there,
    also not when the process ends."""
    why = error.strerror or type(error).__name__
    if error.filename is not None:
        return click.ClickException(f"{os.fsdecode(error.filename)}: {why}")
    if error.errno not in _UNWRITABLE:
        return click.ClickException(why)
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return click.ClickException(f"cannot write to standard output: {why}")


def _kept(output: Path) -> str | None:
    """What ``output`` is, if nothing may be written over it. Raises ``OSError``."""
    # Other than pathlib, it takes links that lead in a circle for names, at which nothing is.
    real = Path(os.path.realpath(output))
    for history in files.histories_of(real):
        if files.is_sqlite(history):
            return "a history" if history == real else f"a part of the history {history.name}"
    config = getattr(click.get_current_context(silent=True), "params", {}).get("path")
    if isinstance(config, Path) and config.exists() and real.exists() and real.samefile(config):
        return "the configuration"
    return None


@contextmanager
def _opened(output: Path) -> Iterator[BinaryIO]:
    partial = _beside(output) if _is_replaced(output) else None
    if partial is None:
        with output.open("wb") as sink:
            yield sink
        return
    try:
        with partial.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        partial.replace(output)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _is_replaced(output: Path) -> bool:
    """Whether a new file may take the name: nothing has it, or a regular file and only under it."""
    try:
        found = output.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _beside(output: Path) -> Path | None:
    """An empty file in the same folder, with the owner and the modes of the one that it shall
    replace; ``None`` if this user cannot make such a one, but write to what is there."""
    partial = output.with_name(f".{output.name}.{secrets.token_hex(4)}.partial")
    try:
        # What stands there already, a link above all, is not followed.
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except OSError:
        if output.exists():
            return None
        raise
    try:
        before = output.lstat()
        os.chown(partial, before.st_uid, before.st_gid)
        shutil.copystat(output, partial)
    except FileNotFoundError:
        return partial
    except OSError:
        partial.unlink()
        return None
    return partial


def _is_standard_output(output: Path) -> bool:
    """Whether the name (``/dev/stdout``) stands for what standard output is already: opened once
    more, a file that the shell appends to would be emptied, and a socket refused."""
    try:
        return output.is_symlink() and os.path.samestat(
            output.stat(), os.fstat(sys.stdout.fileno())
        )
    except (OSError, ValueError):
        return False
