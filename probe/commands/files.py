"""``throttlewatch files``: what belongs to the program and is no program, written to a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from probe.commands.manual import completions, manual_page
from probe.commands.output import tell, write
from probe.config import embedded

UNIT = Path("config", "systemd", "throttlewatch.service")
# Where docs/install.md puts the program.
USUAL = "/opt/throttlewatch/bin/throttlewatch"
# The unit sees none of these: ProtectHome=yes.
_UNSEEN = ("/home", "/root", "/run/user")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over files that are there and differ.")
@click.pass_context
def files(context: click.Context, folder: Path, *, force: bool) -> None:
    """Write all that comes with throttlewatch to FOLDER.

    The documentation, the default configuration and all platforms, the dashboards for Grafana, the
    rules for Prometheus, the configuration of Alertmanager, the unit for systemd, a manual page and
    completions for shells. Nothing is installed, and nothing is sent.
    """
    program = _program()
    commands = context.find_root().command
    texts = {name: _read(name, source, program) for name, source in _sources()}
    texts |= {
        Path("man", "throttlewatch.1"): manual_page(commands).encode(),
        **{Path("completion", name): text.encode() for name, text in completions(commands)},
    }
    written = _written(folder, texts, force=force)
    click.echo(f"{written} files are written to {folder}, {len(texts) - written} are as they were:")
    for place, what in _CONTENT:
        click.echo(f"  {folder / place}: {what}")
    if program != USUAL:
        tell(f"The unit starts {program}, which is where this program is.")
    if program.startswith(_UNSEEN):
        tell(
            f"But a service sees nothing of {program}: install the program elsewhere for it, as "
            f"{folder / 'docs' / 'install.md'} says."
        )


_CONTENT = (
    ("docs", "the documentation; begin with safety.md, install.md and configuration.md"),
    ("config/throttlewatch.yaml", "the default configuration, with every key explained"),
    ("config/platforms", "what is measured; one of yours lies in a folder of that name"),
    ("config/grafana", "dashboards, and how a new Grafana finds them"),
    ("config/prometheus", "what to scrape, and the rules (`throttlewatch rules`: those of yours)"),
    ("config/alertmanager", "who is told; fill in a receiver"),
    ("config/systemd", "the unit of the service"),
    ("man", "the manual page (man -l throttlewatch.1)"),
    ("completion", "for bash, zsh and fish"),
)


def _sources() -> Iterator[tuple[Path, Path]]:
    """The name of each file in the folder, and where it is now."""
    for part, home in embedded.parts().items():
        found = [home] if home.is_file() else sorted(p for p in home.rglob("*") if p.is_file())
        for source in found:
            yield Path(part) / source.relative_to(home), source


def _read(name: Path, source: Path, program: str) -> bytes:
    content = source.read_bytes()
    return content.replace(USUAL.encode(), program.encode()) if name == UNIT else content


def _program() -> str:
    """Where this program was started from, as far as a service could start it so, too."""
    beside = Path(sys.prefix) / "bin" / "throttlewatch"
    return str(beside) if beside.is_file() else USUAL


def _written(folder: Path, texts: dict[Path, bytes], *, force: bool) -> int:
    """Write what is not there yet; how many those were. All or nothing, as far as it is ours."""
    try:
        there = {name for name in texts if (folder / name).exists()}
        differ = [name for name in there if (folder / name).read_bytes() != texts[name]]
        if differ and not force:
            raise click.ClickException(
                f"{folder / min(differ)} is there and differs"
                f"{f', and {len(differ) - 1} more' if differ[1:] else ''}: give another folder, or "
                "--force to write over them"
            )
        new = [name for name in texts if name not in there or name in differ]
        _each(new, lambda name: (folder / name).parent.mkdir(parents=True, exist_ok=True))
    except OSError as error:
        raise click.ClickException(
            f"cannot write {error.filename or folder}: {error.strerror or error}"
        ) from error
    _each(new, lambda name: write([texts[name]], folder / name))
    return len(new)


def _each(names: list[Path], do: Callable[[Path], object]) -> None:
    for name in names:
        do(name)
