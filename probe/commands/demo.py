"""``throttlewatch demo``: the real daemon through a scripted 20 January on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live

from probe.config import load
from probe.demo.script import Script, twentieth_of_january
from probe.demo.setting import AuthorityError, make_certificates, write_configuration
from probe.demo.table import View, render
from probe.model.finding import FindingKind
from probe.publish import log as logs
from probe.publish.snapshot import Snapshot

REDRAW_SECONDS = 0.5
STAGE_SECONDS = 20.0

Look = Callable[[View], None]


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
@click.option("--no-table", is_flag=True, help="Print a line at each change instead of a table.")
def demo(listen: str, speed: float, no_table: bool) -> None:
    """Play a 20 January on this machine: no root, no internet, two minutes.

    Servers on loopback carry the platforms' names, a relay really slows them down, network after
    network, and the ordinary daemon measures all that and says what it sees. Nothing leaves this
    machine. It needs Linux, which lets every program use all of 127.0.0.0/8.
    """
    script = twentieth_of_january(speed=speed)
    console = Console()
    # Rounds that wait for their turn are part of the play, and the log would tear the table.
    logs.configure("error", "text", sys.stderr)
    try:
        with tempfile.TemporaryDirectory(prefix="throttlewatch-demo-") as folder:
            if no_table:
                asyncio.run(play(Path(folder), script, listen, speed, Lines(console, script)))
                return
            with Live(console=console, auto_refresh=False) as live:

                def draw(view: View) -> None:
                    live.update(render(view, script), refresh=True)

                asyncio.run(play(Path(folder), script, listen, speed, draw))
    except (AuthorityError, StageError, OSError) as error:
        raise click.ClickException(str(error)) from error


class Lines:
    """Prints what changed since the last look, one line each."""

    def __init__(self, console: Console, script: Script) -> None:
        self._console = console
        self._script = script
        self._said: dict[object, str] = {}

    def __call__(self, view: View) -> None:
        """Print the news in ``view``."""
        act = self._script.act_at(view.passed_seconds)
        news: dict[object, str] = {"act": f"[{act.title}]"}
        for slot, verdict in sorted(view.snapshot.verdicts.items()):
            if verdict is not None:
                news[slot] = f"{slot[0]}: {verdict.sentence}"
        for index, sentence in enumerate(view.sentences):
            news["finding", index] = f"nation: {sentence}"
        for key, text in news.items():
            if self._said.get(key) != text:
                self._console.print(
                    f"{view.passed_seconds:5.0f} s  {text}", markup=False, soft_wrap=True
                )
        self._said = {**self._said, **news}


async def play(folder: Path, script: Script, listen: str, speed: float, look: Look) -> None:
    """Run everything until the script ends, or the daemon is told to stop.

    Raises ``AuthorityError``, ``StageError`` and ``ListenError``.
    """
    from probe.app import Daemon

    leaf = make_certificates(folder)
    async with _stage(leaf, speed) as (stage, port):
        file = write_configuration(folder, port=port, listen=listen, speed=speed)
        daemon = Daemon(load(file, {}), lambda: load(file, {}))
        running = asyncio.create_task(daemon.run())
        loop = asyncio.get_running_loop()
        assert stage.stdin is not None
        stage.stdin.write(b"begin\n")
        begun = loop.time()
        while not running.done() and loop.time() - begun < script.seconds:
            await asyncio.wait({running}, timeout=REDRAW_SECONDS)
            if stage.returncode is not None:
                daemon.stop()
            snapshot = daemon.snapshot()
            look(
                View(
                    passed_seconds=loop.time() - begun,
                    snapshot=snapshot,
                    sentences=sentences(snapshot),
                    address=daemon.address,
                )
            )
        daemon.stop()
        await running


def sentences(snapshot: Snapshot) -> tuple[str, ...]:
    """What is found about the country just now, and the incidents that are open."""
    findings = [
        finding.sentence
        for finding in snapshot.findings
        if finding.kind is FindingKind.RESTRICTED and finding.affected_asns
    ]
    return (*findings, *(f"Incident: {incident.sentence}" for incident in snapshot.incidents))


@contextlib.asynccontextmanager
async def _stage(leaf: Path, speed: float) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The process of the servers and the relay, and the relay's port. It ends with the block."""
    stage = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "probe.demo.stage",
        str(leaf),
        str(speed),
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
