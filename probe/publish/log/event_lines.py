"""Logging: one line per event, readable on a terminal, JSON where a machine reads.

Events are the standard library's records; what an event is about goes into ``extra`` and comes out
as fields. Libraries speak from warnings up. What of all that is written stands in
probe/publish/privacy/logged_fields.py.
"""

from __future__ import annotations

import logging
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from probe.publish.log.patient_handler import PatientHandler
from probe.publish.privacy import logged_fields

log = logging.getLogger(__name__)

OURS = "probe"
"""The loggers that speak at the level that is set; all others, from warnings up."""
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
FORMATS = ("auto", "text", "json")

# What every record has; the rest came in through ``extra``.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {
    "asctime",
    "message",
    "taskName",
    "color_message",
}


def configure(
    level: str = "info",
    format: str = "auto",
    stream: TextIO | None = None,
    *,
    patient: bool = False,
) -> None:
    """Send all logging to ``stream`` (standard error); ``patient``: nobody waits for who reads it.
    Raises ``ValueError`` for unknown words."""
    if level not in LEVELS:
        raise ValueError(f"log level {level!r} is none of {', '.join(LEVELS)}")
    if format not in FORMATS:
        raise ValueError(f"log format {format!r} is none of {', '.join(FORMATS)}")
    out = sys.stderr if stream is None else stream
    if format == "auto":
        format = "text" if out.isatty() else "json"
    handler = _patient(out) if patient else logging.StreamHandler(out)
    handler.setFormatter(TextFormatter() if format == "text" else JsonFormatter())
    theirs = max(logging.WARNING, LEVELS[level])
    logging.basicConfig(level=theirs, handlers=[handler], force=True)
    logging.getLogger(OURS).setLevel(LEVELS[level])
    logging.captureWarnings(True)


def _patient(stream: TextIO) -> logging.Handler:
    try:
        return PatientHandler(stream.fileno())
    except (OSError, RuntimeError):  # no file stands behind it, or no thread can be had
        return logging.StreamHandler(stream)


def catch_all() -> None:
    """What nobody catches ends in the log as well, and not as Python would print it: with
    paths, and with whatever an error quotes."""

    def of_process(kind: type[BaseException], error: BaseException, trace: object) -> None:
        if isinstance(error, KeyboardInterrupt):
            return
        log.critical("a fault ends the process", exc_info=error)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        log.error("a fault ended a thread", exc_info=args.exc_value)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        log.error("a fault while something was put away", exc_info=args.exc_value)

    sys.excepthook = of_process
    threading.excepthook = of_thread
    sys.unraisablehook = unraisable


class TextFormatter(logging.Formatter):
    """``12:34:56 info    round finished platform=x vantage=home``, and a traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; several only for a traceback."""
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        words = [f"{at} {record.levelname.lower():<7} {_one_line(logged_fields.message(record))}"]
        words += [
            f"{key}={_plain(value)}" for key, value in logged_fields.fields(record, _USUAL).items()
        ]
        line = " ".join(words)
        trace = _trace(record)
        return line if trace is None else f"{line}\n{trace}"


class JsonFormatter(logging.Formatter):
    """One JSON object per line: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, the
    event's fields, ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        """Always one line."""
        at = datetime.fromtimestamp(record.created, UTC)
        event: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": logged_fields.logger_name(record),
            "message": logged_fields.message(record),
        }
        for key, value in logged_fields.fields(record, _USUAL).items():
            event.setdefault(key, value)
        trace = _trace(record)
        if trace is not None:
            event["exception"] = trace
        return msgspec.json.encode(event, enc_hook=str).decode()


def _trace(record: logging.LogRecord) -> str | None:
    error = record.exc_info[1] if record.exc_info else None
    return None if error is None else logged_fields.traceback(error)


def _one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _plain(value: object) -> str:
    text = _one_line(str(value))
    return f'"{text}"' if not text or " " in text or "=" in text else text
