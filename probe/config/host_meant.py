"""The host and the URL that people mean when they write them as they are used to: with a scheme, a
path, capital letters, the letters of their own script, a dot at the end. Nothing is looked up."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import SplitResult, quote, urlsplit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# What people put around an address when they copy it.
_AROUND = " \t\r\n<>\"'`,;"
# What may stand in a path as it is: RFC 3986's letters, and what is quoted already.
_KEPT = "/%:@!$&'()*+,;=-._~"
_HTTPS_PORT = 443


def host_meant(text: str) -> str:
    """The host in ``text``, in small letters and in ASCII (IDNA); empty where there is none."""
    parts = _parts(text)
    return "" if parts is None else _ascii(parts.hostname or "")


def url_meant(text: str) -> str:
    """The https URL in ``text``: with a scheme, without user and fragment (neither is sent), and
    with the port only where it is another than https has; empty where there is no host."""
    parts = _parts(text)
    host = "" if parts is None else _ascii(parts.hostname or "")
    if parts is None or not host:
        return ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port if parts.scheme != "http" else None  # that of http is no port of https
    beside = "" if port in (None, _HTTPS_PORT) else f":{port}"
    query = f"?{quote(parts.query, _KEPT + '?')}" if parts.query else ""
    return f"https://{host}{beside}{quote(parts.path, _KEPT)}{query}"


def near(fits: Callable[[str], bool], meant: Callable[[str], str]) -> Callable[[str], str]:
    """What a text probably means, if that ``fits``; empty else, and where it is no other text."""

    def found(text: str) -> str:
        said = meant(text)
        return said if said and said != text and fits(said) else ""

    return found


def pattern_meant(text: str) -> str:
    """A host, or ``*.`` and a name."""
    said = text.strip(_AROUND)
    rest = _SCHEME.sub("", said, count=1)
    host = host_meant(rest.removeprefix("*."))
    return f"*.{host}" if host and rest.startswith("*.") else host


def host_and_port_meant(text: str) -> str:
    """A host, with its port if one is named."""
    parts = _parts(text)
    host = "" if parts is None else _ascii(parts.hostname or "")
    if parts is None or not host:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return host if parts.port is None else f"{shown}:{parts.port}"


def _parts(text: str) -> SplitResult | None:
    said = text.strip(_AROUND)
    scheme = _SCHEME.match(said)
    try:
        parts = urlsplit(said if scheme else f"//{said.lstrip('/')}")
        return parts if parts.port != 0 else None
    except ValueError:
        # An IPv6 address without brackets, or no port.
        return None if scheme or said.count(":") < 2 else urlsplit(f"//[{said}]")


def _ascii(host: str) -> str:
    said = host.rstrip(".").lower()
    if said.isascii():
        return said
    try:
        return said.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
