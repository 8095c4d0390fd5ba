"""Files of a new configuration: checked before any of them is there, never written over others."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.console import Console

from probe.commands.output import write
from probe.config import ConfigErrors, contacts, embedded, load
from probe.config.installed import is_installed
from probe.config.readable import Unreadable, read_text
from probe.config.schema import Config
from probe.config.shipped import yaml_files

# The configuration that the unit names, and where systemd says that it runs.
SERVICE_FILE = Path("/etc/throttlewatch/throttlewatch.yaml")
_SYSTEMD = Path("/run/systemd/system")
_HOSTS = {"system": "the name servers that this machine is set to use"}


def checked(file: Path, texts: dict[Path, str]) -> Config:
    """What the files mean, before any of them is there, with the definitions that are there."""
    with tempfile.TemporaryDirectory() as name:
        for path, text in {**_there_already(file.parent / embedded.PLATFORMS), **texts}.items():
            copy = Path(name) / path.relative_to(file.parent)
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(text, encoding="utf-8")
        try:
            return load(Path(name) / file.name, {}, has=is_installed)
        except ConfigErrors as errors:
            said = str(errors).replace(f"{name}/", "")
            raise click.ClickException(
                f"nothing was written: it would be wrong\n{said}"
            ) from errors


def what_keeps_watching(file: Path, *, systemd: bool | None = None) -> str:
    """The command that measures from now on with ``file``: the service, where it is the service's
    and ``systemd`` runs (``None``: as this machine has it)."""
    runs = _SYSTEMD.is_dir() if systemd is None else systemd
    if runs and file.absolute() == SERVICE_FILE:
        return "sudo systemctl enable --now throttlewatch"
    return f"throttlewatch run -c {file}"


def _there_already(folder: Path) -> dict[Path, str]:
    """The operator's own definitions: they hold beside the new file, too."""
    try:
        return {path: read_text(path) for path in yaml_files(folder)}
    except Unreadable as error:
        raise click.ClickException(f"nothing was written: {folder}: {error}") from error


def written(texts: dict[Path, str]) -> None:
    """All of them, or none."""
    for path in texts:
        if path.exists():
            raise click.ClickException(f"{path} is there already; nothing was written")
    done: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write([text.encode()], path)
            done.append(path)
    except (OSError, click.ClickException) as error:
        for path in done:
            path.unlink()
        if isinstance(error, OSError):
            raise click.ClickException(
                f"cannot make {path.parent}: {error.strerror}; nothing was written"
            ) from error
        raise


def tell_hosts(config: Config, out: Console) -> None:
    """Which hosts it contacts, and for whom."""
    out.print("These hosts would be contacted (`throttlewatch platforms` says why):")
    by_owner: dict[str, dict[str, None]] = {}
    for contact in contacts(config):
        by_owner.setdefault(contact.owner, {})[_HOSTS.get(contact.host, contact.host)] = None
    for owner, hosts in by_owner.items():
        out.print(f"  {owner}: {', '.join(hosts)}")
