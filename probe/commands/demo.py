"""``throttlewatch demo``: the real daemon through a scripted 20 January on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live

from probe.config import load
from probe.demo.lines import Narration
from probe.demo.script import Scene, Script, advance, twentieth_of_january
from probe.demo.setting import MAIN_FILE, AuthorityError, make_certificates, write_configuration
from probe.demo.table import StageView, render
from probe.demo.tale import Tale
from probe.publish.log import event_lines as logs

REDRAW_SECONDS = 0.5
STAGE_SECONDS = 20.0

_Watch = Callable[[StageView], None]


class StageError(Exception):
    """The servers and the relay could not be started; the text says why."""


@click.command()
@click.option(
    "--listen",
    default="127.0.0.1:9880",
    show_default=True,
    metavar="ADDRESS",
    help="Where /metrics and the page are served meanwhile.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 2.0),
    default=1.0,
    show_default=True,
    help="How many times as fast; the daemon needs a while to be sure, so hardly more than 2.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Keep the history and the configuration in FOLDER, to try `report` and others on it.",
)
@click.option("--no-table", is_flag=True, help="Print a line at each change instead of a table.")
def demo(listen: str, speed: float, keep: Path | None, no_table: bool) -> None:
    """Play a 20 January on this machine: no root, no internet, two minutes.

    Servers on loopback carry the platforms' names, a relay really slows them down, network after
    network, and the ordinary daemon measures all that and says what it sees. Nothing leaves this
    machine. The restriction is lifted when it has been called nation-wide for all four, which takes
    a busy machine longer. It needs Linux, which lets every program use all of 127.0.0.0/8.
    """
    script = twentieth_of_january(speed=speed)
    console = Console()
    # Rounds that wait for their turn are part of the play, and the log would tear the table.
    logs.configure("error", "text", sys.stderr)
    try:
        with _folder(keep) as folder:
            kept = keep is not None
            if no_table:
                look = Narration(console, script)
                tale = asyncio.run(play(folder, script, listen, speed, look, keep=kept))
            else:
                with Live(console=console, auto_refresh=False) as live:

                    def draw(view: StageView) -> None:
                        live.update(render(view, script), refresh=True)

                    tale = asyncio.run(play(folder, script, listen, speed, draw, keep=kept))
    except (AuthorityError, StageError, OSError) as error:
        raise click.ClickException(str(error)) from error
    console.print()
    for sentence in tale.sentences():
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if keep is not None:
        click.echo(
            "\nIts history is kept. The platforms' names stood for servers of this machine, so it "
            "says nothing of\nany network. Try:\n" + "".join(_tries(keep / MAIN_FILE))
        )


def _tries(file: Path) -> list[str]:
    return [
        f"  throttlewatch {words} -c {file}\n"
        for words in ("history", "explain -p x", "report -o report.html", "export -f csv -o r.csv")
    ]


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the demo writes: a folder that is made for it, and goes with it unless it is kept."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="throttlewatch-demo-") as folder:
            yield Path(folder)
    elif keep.exists():
        raise click.ClickException(f"{keep} is there already: give a folder that is not")
    else:
        keep.mkdir(mode=0o700, parents=True)
        yield keep


async def play(
    folder: Path, script: Script, listen: str, speed: float, look: _Watch, *, keep: bool = False
) -> Tale:
    """Run everything until the script ends, or the daemon is told to stop; what it showed.

    Raises ``AuthorityError``, ``StageError`` and ``ListenError``.
    """
    from probe.app import Daemon

    leaf = make_certificates(folder)
    async with _stage(leaf) as (stage, port):
        file = write_configuration(folder, port=port, listen=listen, speed=speed, keep=keep)
        daemon = Daemon(load(file, {}), lambda: load(file, {}))
        running = asyncio.create_task(daemon.run())
        loop = asyncio.get_running_loop()
        begun, place, tale = loop.time(), Scene(), Tale(script)
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=REDRAW_SECONDS)
                if stage.returncode is not None:
                    raise StageError("the demo's servers ended before the demo did")
                view = StageView(
                    passed_seconds=loop.time() - begun,
                    place=place,
                    snapshot=daemon.snapshot(),
                    address=daemon.address,
                )
                tale(view)
                look(view)
                following = advance(
                    script,
                    place,
                    view.passed_seconds,
                    national=tale.national,
                    well=tale.well,
                )
                if following is None:
                    break
                if following != place:
                    _tell(stage, following)
                place = following
        finally:
            daemon.stop()
            await running
        return tale


def _tell(stage: asyncio.subprocess.Process, place: Scene) -> None:
    assert stage.stdin is not None
    stage.stdin.write(f"{place.number}\n".encode())


@contextlib.asynccontextmanager
async def _stage(leaf: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The process of the servers and the relay, and the relay's port. It ends with the block."""
    stage = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "probe.demo.stage",
        str(leaf),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert stage.stdin is not None
    assert stage.stdout is not None
    assert stage.stderr is not None
    try:
        async with asyncio.timeout(STAGE_SECONDS):
            said = await stage.stdout.readline()
            if not said.strip().isdigit():
                why = (await stage.stderr.read()).decode(errors="replace").strip().splitlines()
                raise StageError(f"the demo's servers did not start: {why[-1] if why else said!r}")
        yield stage, int(said)
    except TimeoutError as error:
        raise StageError("the demo's servers did not start in time") from error
    finally:
        stage.stdin.close()
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            async with asyncio.timeout(STAGE_SECONDS):
                await stage.wait()
        if stage.returncode is None:
            stage.kill()
