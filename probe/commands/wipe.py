"""``throttlewatch wipe``: erase what throttlewatch has stored on this machine."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from probe.commands.options import config_option
from probe.config import ConfigErrors, load
from probe.config.values import AUTO

SYSTEM = Path("/var/lib/throttlewatch")
# Everything that throttlewatch writes begins with one of these; nothing else is ever touched.
OURS = ("history.sqlite3",)
REMAINS = """\
What this cannot erase: reports and exports that you wrote, a container's volume, older copies in
the cells of an SD card or SSD (only a disk that was encrypted from the start helps), backups, swap,
the log in the system's journal (`journalctl --rotate --vacuum-time=1s` empties all of it), your
shell's history, the configuration, and what Prometheus or others have already received.
docs/safety.md says more."""
_CHUNK = bytes(65_536)


@click.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def wipe(path: Path | None, yes: bool) -> None:
    """Erase everything that throttlewatch has stored on this machine.

    Stop the daemon first. It lists the files, asks, overwrites and removes them, and says what it
    cannot erase. The exit status is 1 if something is left.
    """
    files = stored_files(state_folders(os.environ), _named(path))
    if not files:
        click.echo("nothing is stored here")
        return
    click.echo("\n".join(map(str, files)))
    if not yes:
        click.confirm("Erase these files?", abort=True)
    left = [f"{file}: {why}" for file in files if (why := erase(file))]
    for line in left:
        click.echo(f"not erased: {line}", err=True)
    click.echo(REMAINS)
    sys.exit(1 if left else 0)


def _named(path: Path | None) -> list[Path]:
    """The history that the configuration names, if it does."""
    try:
        named = load(path, os.environ).settings.store.path
    except ConfigErrors:
        click.echo("the configuration has mistakes: only the usual places are looked at", err=True)
        return []
    return [] if named in (None, AUTO) else [Path(str(named))]


def state_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where throttlewatch may have stored something: as a service, and for this user."""
    for folder in filter(None, environ.get("STATE_DIRECTORY", "").split(":")):
        yield Path(folder)
    yield SYSTEM
    home = environ.get("XDG_STATE_HOME")
    if home:
        yield Path(home) / "throttlewatch"
    elif environ.get("HOME"):
        yield Path(environ["HOME"]) / ".local" / "state" / "throttlewatch"


def stored_files(folders: Iterable[Path], named: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Every regular file of ours in ``folders``, and beside the files that the configuration
    ``named``, with their companions. Links are not followed."""
    found: set[Path] = set()
    for folder in folders:
        found.update(_beginning(folder, OURS))
    for file in named:
        found.update(_beginning(file.parent, (file.name,)))
    return tuple(sorted(found))


def erase(file: Path) -> str:
    """Overwrite and remove one file; what went wrong, or nothing."""
    try:
        with file.open("r+b", buffering=0) as body:
            left = os.fstat(body.fileno()).st_size
            while left > 0:
                left -= body.write(_CHUNK[: min(left, len(_CHUNK))])
            os.fsync(body.fileno())
        file.unlink()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def _beginning(folder: Path, names: tuple[str, ...]) -> Iterator[Path]:
    try:
        for file in folder.iterdir():
            if file.name.startswith(names) and stat.S_ISREG(file.lstat().st_mode):
                yield file
    except OSError:
        return
