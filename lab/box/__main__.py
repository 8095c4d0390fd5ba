"""The box's process: ``python -m lab.box --inner in --outer out --control … --spec …``."""

from __future__ import annotations

import gc
import signal
from pathlib import Path

import click
import msgspec

from lab.box.rules import Way
from lab.box.serve import Box, Control, ask_for_priority, silence_own_kernel
from lab.box.spec import BoxSpec
from lab.box.wire import Wire


@click.command(help="Forward frames between two interfaces as FILE says, until SIGTERM.")
@click.option("--inner", required=True, help="The interface on the client's side.")
@click.option("--outer", required=True, help="The interface on the world's side.")
@click.option("--control", "control_path", required=True, type=click.Path(path_type=Path))
@click.option("--spec", "spec_file", required=True, type=click.Path(path_type=Path))
def main(inner: str, outer: str, control_path: Path, spec_file: Path) -> None:
    """Open everything, say ``ready``, and serve."""
    try:
        spec = msgspec.json.decode(spec_file.read_bytes(), type=BoxSpec)
    except (OSError, msgspec.DecodeError) as error:
        raise click.ClickException(f"{spec_file}: {error}") from error
    silence_own_kernel((inner, outer))
    try:
        wires = Wire(inner, Way.UP), Wire(outer, Way.DOWN)
    except OSError as error:
        raise click.ClickException(f"{inner}, {outer}: {error}") from error
    try:
        box = Box(spec, *wires, Control(control_path))
    except ValueError as error:
        raise click.ClickException(f"{spec_file}: {error}") from error

    def stop(*_: object) -> None:
        box.stopped = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    ask_for_priority()
    # What lives now lives until the end; looking through it again and again costs milliseconds.
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    box.serve()
    control_path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
