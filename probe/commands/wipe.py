"""``throttlewatch wipe``: erase what throttlewatch has stored on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click
from msgspec import Struct

from probe.commands.options import CONFIG_ERROR, config_option
from probe.commands.output import tell
from probe.config import ConfigErrors, folders, load
from probe.config.values import AUTO
from probe.publish.terminal.console import console
from probe.store.file_identity import is_held
from probe.store.files import belonging

# The history's own name; it, and what belongs to it, is all that throttlewatch writes.
OURS = "history.sqlite3"
REMAINS = (
    "What this cannot erase: reports and exports that you wrote, a container's volume, older "
    "copies in the cells of an SD card or SSD (only a disk that was encrypted from the start "
    "helps), backups, swap, the log in the system's journal (`journalctl --rotate "
    "--vacuum-time=1s` empties all of it), your shell's history, the configuration, and what "
    "Prometheus or others have already received. docs/safety.md says more."
)
_CHUNK = bytes(65_536)


@click.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def wipe(path: Path | None, yes: bool) -> None:
    """Erase everything that throttlewatch has stored on this machine, or with -c, if that file
    names a history (store.path), that history only.

    Stop the daemon first: while one runs nothing is erased. It lists the files, asks, overwrites
    and removes them and nothing else, and says what it cannot erase. The exit status is 1 if
    something is left.
    """
    named = _named(path)
    stored = stored_files([], named) if named else stored_files(state_folders(os.environ))
    left = list(stored.left)
    if not stored.files and not left:
        click.echo("nothing is stored here")
        return
    if stored.files:
        _refuse_while_written(stored.files)
        click.echo("\n".join(map(_listed, stored.files)))
        if not yes:
            click.confirm("Erase these files?", abort=True)
            _refuse_while_written(stored.files)
        left += [f"{f}: {why}" for f in stored.files if (why := erase(f, stored.known[f]))]
    for line in left:
        tell(f"not erased: {line}")
    console().print(REMAINS)
    sys.exit(1 if left else 0)


def _named(path: Path | None) -> list[Path]:
    """The history that the configuration names, if it does. One with mistakes ends the command:
    what would be erased is not what was meant."""
    try:
        named = load(path, os.environ).settings.store.path
    except ConfigErrors as errors:
        tell(str(errors))
        tell(
            "nothing was erased: which history this configuration names is not known. Without -c "
            "(and THROTTLEWATCH_CONFIG) the usual places are looked at."
        )
        sys.exit(CONFIG_ERROR)
    return [] if named in (None, AUTO) else [Path(str(named))]


def _refuse_while_written(files: Iterable[Path]) -> None:
    """A daemon that runs would write on, and go on with a new file."""
    for file in files:
        try:
            held = is_held(file)
        except OSError:
            continue  # that it cannot be erased either is said later
        if held:
            raise click.ClickException(
                f"a daemon writes to {file} just now: nothing was erased. Stop it first "
                "(systemctl stop throttlewatch, or Ctrl-C where it runs)."
            )


def _listed(file: Path) -> str:
    """The file, and whether other names lead to the same bytes."""
    names = file.stat().st_nlink - 1
    return f"{file} (and what is under {names} other name(s) of it)" if names else str(file)


def state_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where throttlewatch may have stored something: as a service, and for this user."""
    for folder in filter(None, environ.get("STATE_DIRECTORY", "").split(":")):
        yield Path(folder)
    yield folders.SYSTEM
    home = environ.get("XDG_STATE_HOME")
    if home:
        yield Path(home) / "throttlewatch"
    elif environ.get("HOME"):
        yield Path(environ["HOME"]) / ".local" / "state" / "throttlewatch"


class Stored(Struct, frozen=True):
    """What is there to erase, which files these are (device and inode), and what is not erased and
    why, a sentence each."""

    files: tuple[Path, ...] = ()
    known: dict[Path, tuple[int, int]] = {}
    left: tuple[str, ...] = ()


def stored_files(folders: Iterable[Path], named: Iterable[Path] = ()) -> Stored:
    """Every regular file of ours in ``folders``, and of the histories that the configuration
    ``named``. Links are not followed: whoever owns the folder could make them lead anywhere."""
    found: dict[Path, tuple[int, int]] = {}
    left: set[str] = set()
    for history in (*(folder / OURS for folder in folders), *named):
        try:
            files = belonging(history)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            left.add(f"{history.parent}: cannot be looked at ({why})")
            continue
        for file in files:
            if file.is_symlink():
                left.add(f"{file}: a link to {file.readlink()}; erase that and the link yourself")
            elif file.is_file():
                found[file] = _what(file.lstat())
    return Stored(files=tuple(sorted(found)), known=found, left=tuple(sorted(left)))


def erase(file: Path, known: tuple[int, int] | None = None) -> str:
    """Overwrite and remove one file, if it is still the one that is ``known``: whoever owns the
    folder may have put a link in its place while it was asked. What went wrong, or nothing."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "r+b", buffering=0) as body:
            if known is not None and _what(os.fstat(descriptor)) != known:
                return "it was replaced by another file in the meantime"
            left = os.fstat(descriptor).st_size
            while left > 0:
                left -= body.write(_CHUNK[: min(left, len(_CHUNK))])
            os.fsync(body.fileno())
        file.unlink()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def _what(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
