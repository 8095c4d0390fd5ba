"""What happens to the probe's own host: other downloads, a clock that is set, no processor."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from lab.lab import Lab
from lab.world.build import BEACON
from scenarios import model

FAKETIME = "faketime"
UPLOAD = (
    'while :; do head -c 1000000 /dev/zero | curl -s -o /dev/null --cacert "$0" --data-binary @- '
    f"https://{BEACON}/large; done"
)
DOWNLOAD = f'while :; do curl -s -o /dev/null --cacert "$0" https://{BEACON}/large; done'


def faketime_library() -> Path | None:
    """libfaketime, if there is one: a clock of one process that can be set."""
    return next(iter(sorted(Path("/usr/lib").glob(f"*/{FAKETIME}/libfaketimeMT.so.1"))), None)


class Clock:
    """The wall clock of the processes that are started with ``environment``."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._file.write_text("+0\n")

    def environment(self) -> dict[str, str]:
        """Variables with which a process takes its wall clock from here."""
        library = faketime_library()
        assert library is not None
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds: float) -> None:
        """Set it: so far from the true time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}\n")
        new.rename(self._file)


@contextmanager
def happening(
    happens: tuple[model.Happening, ...],
    lab: Lab,
    daemon: subprocess.Popen[str],
    clock: Clock | None,
) -> Iterator[None]:
    """What the scenario does to the host, while the context lasts."""
    with ExitStack() as stack:
        stack.enter_context(downloads(happens, lab))
        for each in happens:
            if isinstance(each, model.HostBusy):
                stack.enter_context(_busy(daemon.pid, each))
            elif isinstance(each, model.ClockStepped):
                assert clock is not None
                clock.step(-each.seconds.value if each.back else each.seconds.value)
                stack.callback(partial(clock.step, 0.0))
        yield


@contextmanager
def downloads(happens: tuple[model.Happening, ...], lab: Lab) -> Iterator[None]:
    """What others in the house download or send, while the context lasts."""
    with ExitStack() as stack:
        for each in happens:
            if isinstance(each, model.CrossTraffic):
                for command in (DOWNLOAD,) * each.downloads + (UPLOAD,) * each.uploads:
                    stack.enter_context(_without_pause(command, lab))
        yield


@contextmanager
def _without_pause(command: str, lab: Lab) -> Iterator[None]:
    process = lab.topology.client.spawn(["sh", "-c", command, str(lab.ca_file)], own_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _busy(pid: int, busy: model.HostBusy) -> Iterator[None]:
    """Let a process run for a share of the time only, as if others had the processor."""
    done = threading.Event()

    def take_turns() -> None:
        on = busy.share.value * busy.turn_seconds
        try:
            while not done.wait(on):
                os.kill(pid, signal.SIGSTOP)
                done.wait(busy.turn_seconds - on)
                os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return

    thread = threading.Thread(target=take_turns)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        os.kill(pid, signal.SIGCONT)
