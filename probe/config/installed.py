"""What is installed beside our own requirements, and what ``auto`` comes to by that.

A configuration that is read for this machine is told (``load(..., has=is_installed)``), once. What
plays, judges or reads stored rounds does not ask: ``auto`` stays, and turns nothing on, so that
nothing which is said depends on the machine that it is said on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec

from msgspec import Struct
from msgspec.structs import replace

from probe.config.document import Node
from probe.config.errors import ConfigError
from probe.config.probers import BY_NAME, used
from probe.config.schema import Config, Settings
from probe.config.values import AUTO

Has = Callable[[str], bool]
"""Whether the library of that name can be imported."""
NOTIFY_LIBRARY = "apprise"
QUIC = BY_NAME["quic"]


def is_installed(library: str) -> bool:
    """Whether this machine has it."""
    return find_spec(library) is not None


def decided(settings: Settings, has: Has) -> tuple[Settings, tuple[str, ...]]:
    """``settings`` with what ``auto`` comes to, and of which probers that was decided."""
    if settings.quic != AUTO:
        return settings, ()
    return replace(settings, quic=has(QUIC.library)), (QUIC.name,)


def libraries_missing(main: Node, settings: Settings, has: Has) -> Iterator[ConfigError]:
    """What is turned on and cannot run here: probers, by the key of their name, notifications."""
    for prober in used(settings):
        if prober.library and not has(prober.library):
            yield main.find(prober.name).error(
                found=f"`true`, but {prober.library} is not installed",
                expected=f"`auto` or `false`, or the extra `{prober.name}` installed "
                "(docs/install.md, QUIC)",
            )
    if settings.notify.receivers and not has(NOTIFY_LIBRARY):
        yield main.find("notify", "receivers").error(
            found=f"receivers, but {NOTIFY_LIBRARY} is not installed",
            expected="none, or the extra `notify` installed (docs/install.md, Extras)",
        )


class OverQuic(Struct, frozen=True, kw_only=True):
    """Whether it is measured over QUIC, and ``why``, for a person."""

    on: bool
    why: str


def over_quic(config: Config) -> OverQuic:
    """What the key `quic` comes to in a configuration that was read for this machine."""
    on = config.settings.quic is True
    if QUIC.name not in config.by_installed:
        return OverQuic(on=on, why=f"quic: {str(config.settings.quic).lower()}")
    if on:
        return OverQuic(on=True, why="quic: auto, and the extra is installed")
    why = f"quic: auto, and {QUIC.library} is not installed: docs/install.md, QUIC"
    return OverQuic(on=False, why=why)


def said_of_quic(config: Config) -> str:
    """The same as a line."""
    found = over_quic(config)
    return f"over QUIC: {'on' if found.on else 'off'} ({found.why})"
