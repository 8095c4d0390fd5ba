"""The neutral names that a configuration knows: those that its controls are asked under."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from probe.config.definition import Definition
from probe.config.formats import is_address

OBSCURE = ("h1.example.org", "h2.example.net", "h3.example.com", "h4.example.org")
"""Neutral names that no list of exceptions has: nobody has such hosts (RFC 2606, section 3)."""


def neutral_names(controls: Iterable[Definition]) -> tuple[str, ...]:
    """The names that legs to ``controls`` say, each once, in alphabetical order."""
    found = {
        target.sni or urlsplit(target.url or "").hostname or ""
        for control in controls
        for target in control.targets
    }
    return tuple(sorted(name for name in found if name and not is_address(name)))
