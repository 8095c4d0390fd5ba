"""What of an event may be written into the log.

The log goes to a journal that others read, and is pasted into reports of faults. What is in it came
from anywhere: a library quotes the request that it could not parse, an error quotes a path with a
user's name, a receiver's answer quotes who asked. So this, too, is a list of what is known to be
harmless:

- our own messages, which stand in our own source (tests/test_architecture.py sees that they do),
  with numbers, words of closed sets and names of the configuration put into them;
- the fields of ``FIELDS``, each by its rule; numbers always;
- of an error its type, and what the system or SQLite call it; never its text;
- of a traceback the names of modules and functions, and the lines;
- of what a library says, only which line of its source says it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from ipaddress import ip_address
from logging import LogRecord
from pathlib import PurePath
from types import TracebackType

from msgspec.structs import replace

from probe.config import ConfigErrors
from probe.measure.tls.trust import TrustError
from probe.publish.privacy.configured_names import SCRUBBED

# Words of closed sets, and names that the configuration gives (``Name``): no dots and no colons, so
# no address, no path and no host.
_WORDS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ,;'()_-]|: |HTTP/[12]){0,160}")
_MODULE = re.compile(r"[A-Za-z_][\w.]{0,80}")
_CODE_NAME = re.compile(r"[A-Z][A-Z0-9_]{2,60}")
_WARNING = re.compile(r": ([A-Z][A-Za-z]{2,40}Warning): ")
_KEY = re.compile(r"[a-z_]{1,40}")
_MOST_FRAMES = 40
_MOST_CAUSES = 8

Plain = str | int | float | bool | None


def _words(value: str) -> str:
    return value if not value or _WORDS.fullmatch(value) else SCRUBBED


def _slot(value: str) -> str:
    return "/".join(map(_words, value.split("/", 2)))


def _listen(value: str) -> str:
    """The port; the address too if it says nothing of this host."""
    host, _, port = value.rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return f":{_words(port)}"
    return value if address.is_loopback or address.is_unspecified else f":{_words(port)}"


FIELDS: Mapping[str, Callable[[str], str]] = {
    "vantage": _words,
    "platform": _words,
    "target": _words,
    "family": _words,
    "slot": _slot,
    "state": _words,
    "reason": _words,
    "operator": _words,
    "receiver": _words,
    "change": _words,
    "incident": _words,
    "listen": _listen,
}
"""What is written of each field that is a text. Numbers, words of an ``Enum`` and errors may be in
any field."""


def is_ours(record: LogRecord) -> bool:
    """Whether our own source says it."""
    return record.name == "probe" or record.name.startswith("probe.")


def message(record: LogRecord) -> str:
    """What happened, in our words."""
    if not is_ours(record):
        return f"said by {logger_name(record)}, at {_word_of(record.module)}:{record.lineno}"
    if not isinstance(record.msg, str):
        return str(_plain(record.msg))
    if not record.args:
        return record.msg
    if isinstance(record.args, Mapping):
        return record.msg % {key: _plain(value) for key, value in record.args.items()}
    return record.msg % tuple(map(_plain, record.args))


def fields(record: LogRecord, usual: frozenset[str]) -> dict[str, Plain]:
    """What the event carried in ``extra``, in the order given. ``usual``: what every record has."""
    found: dict[str, Plain] = {}
    if record.name == "py.warnings" and (kind := _WARNING.search(record.getMessage())):
        found["warning"] = kind[1]
    if not is_ours(record):
        return found
    for key, value in vars(record).items():
        if key in usual or not _KEY.fullmatch(key):
            continue
        if isinstance(value, str) and not isinstance(value, Enum):
            rule = FIELDS.get(key)
            found[key] = SCRUBBED if rule is None else rule(value)
        else:
            found[key] = _plain(value)
    return found


def logger_name(record: LogRecord) -> str:
    """The logger that speaks, as far as its name may be written."""
    return _word_of(record.name)


def said_of(error: BaseException) -> str:
    """What may be said of ``error``: its type and its number's name. Of mistakes in the
    configuration all, for the operator wrote it, but for where its files are."""
    kind = type(error).__name__
    if isinstance(error, ConfigErrors):
        return "\n".join(str(replace(one, file=PurePath(one.file).name)) for one in error.errors)
    if isinstance(error, TrustError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return f"{kind}: {os.strerror(error.errno)}"
    name = getattr(error, "sqlite_errorname", None)
    if isinstance(name, str) and _CODE_NAME.fullmatch(name):
        return f"{kind}: {name}"
    return kind


def traceback(error: BaseException) -> str:
    """Where ``error`` came from, the innermost last, and what led to it."""
    lines: list[str] = []
    for one in list(_chain(error))[:_MOST_CAUSES][::-1]:
        lines += ["Traceback (innermost last):", *_frames(one.__traceback__), said_of(one)]
    return "\n".join(lines)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        cause = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if cause is not None:
            waiting.append(cause)


def _frames(trace: TracebackType | None) -> list[str]:
    frames: list[str] = []
    while trace is not None:
        frame = trace.tb_frame
        module = _word_of(str(frame.f_globals.get("__name__", "")))
        frames.append(f"  {module}:{trace.tb_lineno} {frame.f_code.co_name}")
        trace = trace.tb_next
    return frames[-_MOST_FRAMES:]


def _plain(value: object) -> Plain:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        return said_of(value)
    return _words(value) if isinstance(value, str) else SCRUBBED


def _word_of(name: str) -> str:
    return name if _MODULE.fullmatch(name) else "unknown"
