"""Forms that a text must have, by the names that ``values.py`` gives them.

Each says whether a text has the form, and in words what is expected. Nothing is resolved or
contacted here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from probe.config.host_meant import (
    host_and_port_meant,
    host_meant,
    near,
    pattern_meant,
    url_meant,
)
from probe.model.number import whole

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_INTERFACE = re.compile(r"[A-Za-z0-9_.:@-]{1,15}")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)")
_URL_TEXT = re.compile(r"[!-~]+")
LARGEST_PORT = 65_535
# Where the daemon's page is unless somebody says otherwise.
USUAL_PORT = 9_880
MOST_PATTERN_LETTERS = 500
PROXY_SCHEMES = ("socks5", "http")


class Form(Struct, frozen=True, kw_only=True):
    """``secret``: the text is never shown, because it may hold a password. ``numbers``: a bare
    whole number is such a text as well. ``near`` gives the text that was probably meant by another
    one, or nothing."""

    accepts: Callable[[str], Any]
    expected: str
    secret: bool = False
    numbers: bool = False
    near: Callable[[str], str] = lambda _: ""


def is_address(text: str) -> bool:
    """A literal IPv4 or IPv6 address, without brackets or zone."""
    try:
        return "%" not in text and bool(ip_address(text))
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_address_range(text: str) -> bool:
    """Addresses with the same first bits, written with their number."""
    try:
        return "/" in text and "%" not in text and bool(ip_network(text))
    except ValueError:
        return False


def is_host(text: str) -> bool:
    """A host name (in ASCII, so IDNA-encoded) or a literal address."""
    return is_address(text) or (
        _NAME.fullmatch(text) is not None and not text.rsplit(".", 1)[-1].isdigit()
    )


def _is_host_name(text: str) -> bool:
    return is_host(text) and not is_address(text)


def is_host_pattern(text: str) -> bool:
    """A host, or ``*.`` and a name for everything below it."""
    return is_host(text.removeprefix("*.")) and not is_address(text.removeprefix("*."))


def is_https_url(text: str) -> bool:
    """An https URL with a host, and neither user nor fragment."""
    parts = _split(text)
    return (
        parts is not None
        and parts.scheme == "https"
        and parts.username is None
        and not parts.fragment
        and is_host(parts.hostname or "")
    )


def is_receiver_url(text: str) -> bool:
    """An http or https URL with a host, and neither user nor fragment."""
    parts = _split(text)
    return (
        parts is not None
        and parts.scheme in ("http", "https")
        and parts.username is None
        and not parts.fragment
        and is_host(parts.hostname or "")
    )


def is_proxy(text: str) -> bool:
    """A proxy URL, with nothing after the port."""
    parts = _split(text)
    return (
        parts is not None
        and parts.scheme in PROXY_SCHEMES
        and is_host(parts.hostname or "")
        and parts.path in ("", "/")
        and not parts.query
        and not parts.fragment
    )


def is_address_and_port(text: str) -> bool:
    """``9.9.9.9``, ``9.9.9.9:53``, ``2620:fe::fe`` or ``[2620:fe::fe]:53``."""
    if is_address(text):
        return True
    parts = _split(f"//{text}")
    return parts is not None and parts.netloc == text and is_address(parts.hostname or "")


def is_host_and_port(text: str) -> bool:
    """A host, with a port or not."""
    if is_host(text):
        return True
    parts = _split(f"//{text}")
    return (
        parts is not None
        and parts.netloc == text
        and parts.username is None
        and is_host(parts.hostname or "")
    )


def host_and_port(text: str, port: int) -> tuple[str, int]:
    """What such a text says; ``port`` where it names none."""
    if is_host(text):
        return text, port
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port or port


def _near_listen(text: str) -> str:
    """A host without a port, or a URL, as where to listen; empty where no address can be told."""
    said = text.strip().lower().removeprefix("http://").rstrip("/")
    for meant in (said, f"{said}:{USUAL_PORT}", f"[{said}]:{USUAL_PORT}"):
        if said and is_listen(meant):
            return meant
    return ""


def is_listen(text: str) -> bool:
    """An address, ``localhost`` or nothing (every address), and a port (0: any free one); or a port
    alone."""
    alone = whole(text.removeprefix(":"))
    if alone is not None:
        return alone <= LARGEST_PORT
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    known = host == "localhost" or is_address(host)
    return parts.netloc == text and parts.username is None and known and port is not None


def is_regex(text: str) -> bool:
    """A regular expression that Python compiles, short, that cannot match nothing at all."""
    if len(text) > MOST_PATTERN_LETTERS:
        return False
    try:
        return re.compile(text).fullmatch("") is None
    except (re.error, OverflowError, RecursionError):
        return False


def _split(text: str) -> SplitResult | None:
    """The parts of a URL; ``None`` when it is none, or its port is no port."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    return parts if _URL_TEXT.fullmatch(text) and port != 0 else None


FORMS: dict[str, Form] = {
    "https-url": Form(
        accepts=is_https_url,
        expected="a URL such as https://example.com/object.js",
        near=near(is_https_url, url_meant),
    ),
    "receiver-url": Form(
        accepts=is_receiver_url,
        expected="a URL without user, such as https://prometheus.example.org/api/v1/write",
        # It may have a token in its path.
        secret=True,
    ),
    "host": Form(
        accepts=is_host,
        expected="a host name or address, such as www.example.com",
        near=near(is_host, host_meant),
    ),
    "host-name": Form(
        accepts=_is_host_name,
        expected="a host name, such as www.example.com",
        near=near(_is_host_name, host_meant),
    ),
    "host-pattern": Form(
        accepts=is_host_pattern,
        expected="a host name such as www.example.com, or *.example.com",
        near=near(is_host_pattern, pattern_meant),
    ),
    "address": Form(accepts=is_address, expected="an address such as 192.0.2.1 or 2001:db8::1"),
    "address-range": Form(
        accepts=is_address_range,
        expected="addresses by their first bits, such as 192.0.2.0/24 or 2001:db8::/32",
    ),
    "address-and-port": Form(
        accepts=is_address_and_port,
        expected="an address such as 9.9.9.9, with a port or not: 9.9.9.9:53, [2620:fe::fe]:53",
    ),
    "host-and-port": Form(
        accepts=is_host_and_port,
        expected="a host such as ntfy.example.org, with a port or not: mail.example.org:587",
        near=near(is_host_and_port, host_and_port_meant),
    ),
    "listen": Form(
        accepts=is_listen,
        expected="address:port, such as 127.0.0.1:9880 or [::1]:9880; for every address :9880",
        numbers=True,
        near=_near_listen,
    ),
    "proxy": Form(
        accepts=is_proxy,
        expected="socks5://host:port or http://host:port, if needed with user:password@",
        secret=True,
    ),
    "regex": Form(
        accepts=is_regex,
        expected=f"a regular expression (Python's, of at most {MOST_PATTERN_LETTERS} letters) that "
        "matches some text",
    ),
    "url-path": Form(
        accepts=lambda text: text.startswith("/") and _URL_TEXT.fullmatch(text),
        expected="a path that begins with /",
    ),
    "hours": Form(
        accepts=lambda text: _HOURS.fullmatch(text) and text[:5] != text[6:],
        expected="a stretch of the day such as 22:00-06:30",
    ),
    "interface": Form(
        accepts=_INTERFACE.fullmatch, expected="an interface's name such as wlan0 (15 letters)"
    ),
}
