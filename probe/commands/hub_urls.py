"""Addresses that commands of a hub are told: of its engine, of itself, of its site."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

import click


class EngineSaid(click.ParamType):  # type: ignore[type-arg]
    """Where an engine takes samples, or is asked: ``http://127.0.0.1:9090``."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As it was written; fails with words that click shows."""
        if web_address(str(value)) is None:
            self.fail(f"{value!r} is no URL of an engine; expected http://127.0.0.1:9090, say")
        return str(value)


def web_address(text: str) -> SplitResult | None:
    """The parts of an address on the web, with a host, and a port if it names one; ``None``: it is
    none."""
    try:
        parts = urlsplit(text)
        # Asked for here, where it may be none: it is taken apart when it is used.
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if fits else None
