from __future__ import annotations

import errno
import inspect
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import sampled_from, text

from probe.config.errors import ConfigError, ConfigErrors
from probe.publish.log.event_lines import OURS, JsonFormatter, TextFormatter, configure
from probe.publish.privacy.configured_names import SCRUBBED
from probe.publish.privacy.logged_fields import FIELDS, said_of
from probe.store.health import WORDS


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ours = logging.getLogger(OURS)
    was = ours.level
    root.handlers.clear()  # or configure would close pytest's own
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(was)


def test_json_is_one_object_per_line_with_the_events_fields() -> None:
    out = io.StringIO()
    configure("info", "json", out)
    logging.getLogger("probe.app").info(
        "round %s", "finished", extra={"platform": "x", "seconds": 1.5, "ended": None}
    )
    (line,) = out.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "info",
        "logger": "probe.app",
        "message": "round finished",
        "platform": "x",
        "seconds": 1.5,
        "ended": None,
    }


def test_a_field_cannot_hide_what_every_event_has() -> None:
    out = io.StringIO()
    configure("info", "json", out)
    logging.getLogger("probe").info("said", extra={"level": "none", "time": "never"})
    event = json.loads(out.getvalue())
    assert event["level"] == "info"
    assert event["time"] != "never"


def test_text_is_one_line_that_reads_well() -> None:
    out = io.StringIO()
    configure("info", "text", out)
    logging.getLogger("probe").warning(
        "reload failed\nat line 3", extra={"reason": "a b", "line": 3, "change": ""}
    )
    (line,) = out.getvalue().splitlines()
    assert line[8:] == ' warning reload failed\\nat line 3 reason="a b" line=3 change=""'


def test_an_exception_keeps_its_traceback() -> None:
    plain, machine = io.StringIO(), io.StringIO()
    for form, out in (("text", plain), ("json", machine)):
        configure("info", form, out)
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            logging.getLogger("probe").exception("round failed")
    here = "test_an_exception_keeps_its_traceback"
    whole = plain.getvalue().splitlines()
    assert whole[1] == "Traceback (innermost last):"
    assert whole[2].startswith("  tests.publish.log.test_event_lines:")
    assert whole[2].endswith(here)
    assert whole[3] == "RuntimeError"
    (line,) = machine.getvalue().splitlines()
    assert json.loads(line)["exception"].splitlines() == whole[1:]


@pytest.mark.parametrize(("stream", "is_json"), [(Terminal(), False), (io.StringIO(), True)])
def test_auto_is_text_on_a_terminal_only(stream: io.StringIO, is_json: bool) -> None:
    configure("info", "auto", stream)
    logging.getLogger("probe").info("hello")
    assert stream.getvalue().startswith("{") is is_json


def test_levels_hold_and_libraries_speak_from_warnings_up() -> None:
    out = io.StringIO()
    configure("debug", "json", out)
    logging.getLogger("probe").debug("ours")
    for name in ("httpx", "apscheduler.scheduler", "one.that.is.not.yet.used"):
        logging.getLogger(name).info("theirs")
    logging.getLogger("httpx").warning("theirs, serious")
    serious = _line() - 1
    configure("error", "json", out)
    logging.getLogger("probe").warning("not serious enough")
    logging.getLogger("uvicorn.error").warning("nor this")
    messages = [json.loads(line)["message"] for line in out.getvalue().splitlines()]
    assert messages == ["ours", f"said by httpx, at test_event_lines:{serious}"]


def test_configuring_again_does_not_double_the_lines() -> None:
    out = io.StringIO()
    configure("info", "json", out)
    configure("info", "json", out)
    logging.getLogger("probe").info("once")
    assert len(out.getvalue().splitlines()) == 1


def test_warnings_of_python_are_events_too() -> None:
    out = io.StringIO()
    configure("info", "json", out)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    event = json.loads(out.getvalue())
    assert (event["logger"], event["warning"]) == ("py.warnings", "DeprecationWarning")
    assert "old" not in out.getvalue()


@pytest.mark.parametrize(("level", "form"), [("loud", "text"), ("info", "xml")])
def test_unknown_words_are_refused(level: str, form: str) -> None:
    with pytest.raises(ValueError, match="is none of"):
        configure(level, form, io.StringIO())


def _line() -> int:
    caller = inspect.currentframe()
    assert caller is not None
    assert caller.f_back is not None
    return caller.f_back.f_lineno


class Colour(Enum):
    RED = "red"


SAID = "203.0.113.77 of anna at /home/anna/history"


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_nothing_that_others_say_is_written(form: str, level: str) -> None:
    out = io.StringIO()
    configure(level, form, out)
    number = logging.getLevelNamesMapping()[level.upper()]
    ours, theirs = logging.getLogger("probe.app"), logging.getLogger("h2.connection")
    error = OSError(errno.ENOSPC, SAID, SAID)
    try:
        try:
            raise ValueError(SAID)
        except ValueError as cause:
            raise ExceptionGroup(SAID, [error, KeyError(SAID)]) from cause
    except ExceptionGroup as group:
        ours.log(number, "it failed: %s", SAID, exc_info=group, extra={"error": group})
        theirs.log(number, SAID, exc_info=True, extra={"platform": SAID})
    ours.log(number, error, extra={"error": error, "file": SAID, "reason": SAID, "list": [SAID]})
    ours.log(number, "%(what)s", {"what": SAID}, extra={"listen": f"{SAID}:9880", SAID: 1})
    ours.log(number, "%s %s %d %s", Colour.RED, None, 3, Path(SAID))
    theirs.log(number, SAID, stack_info=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn_explicit(SAID, UserWarning, SAID, 1)
        logging.captureWarnings(False)
    written = out.getvalue()
    theirs_heard = 2 if number >= logging.WARNING else 0
    assert written.count("said by h2.connection, at test_event_lines:") == theirs_heard
    assert "OSError: No space left on device" in written
    for word in ("203.0.113.77", "anna", "/home", "history"):
        assert word not in written


@given(said=text(min_size=1), name=sampled_from(["probe.app", "httpx", "py.warnings"]))
def test_what_is_written_does_not_depend_on_what_others_say(said: str, name: str) -> None:
    def written(text: str) -> str:
        record = logging.LogRecord(name, logging.ERROR, text, 1, "it failed", (), None, text)
        if name != "probe.app":
            record.msg = text.replace("%", "")
        record.error, record.file = ValueError(text), f"{text}:{text}"
        record.created = record.msecs = 0.0
        record.module = "there"
        return JsonFormatter().format(record) + TextFormatter().format(record)

    assert written(said) == written("other")


@pytest.mark.parametrize(
    ("listen", "written"),
    [
        ("127.0.0.1:9880", "127.0.0.1:9880"),
        ("[::1]:9880", "[::1]:9880"),
        ("0.0.0.0:9880", "0.0.0.0:9880"),
        ("[::]:9880", "[::]:9880"),
        ("192.168.178.23:9880", ":9880"),
        ("[2001:db8::7]:9880", ":9880"),
        ("pi-of-anna:9880", ":9880"),
    ],
)
def test_where_it_listens_is_told_without_this_hosts_address(listen: str, written: str) -> None:
    assert FIELDS["listen"](listen) == written


def test_mistakes_in_the_configuration_are_told_with_the_files_name_alone() -> None:
    wrong = ConfigError(file="/home/anna/main.yaml", line=3, key="log", found="a", expected="b")
    assert said_of(ConfigErrors([wrong])).splitlines()[0] == "main.yaml:3: log"


FAULTS = """
import logging, sys, threading
from probe.publish.log import event_lines as log
log.configure("info", "json")
log.catch_all()
class Broken:
    def __del__(self): raise ValueError("203.0.113.77")
def fail(): raise RuntimeError("203.0.113.77")
Broken()
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""


def test_a_fault_that_nobody_catches_is_told_as_any_other() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=False
    )
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["message"] for event in events] == [
        "a fault while something was put away",
        "a fault ended a thread",
        "a fault ends the process",
    ]
    assert all("Traceback" in event["exception"] for event in events)
    assert "203.0.113.77" not in done.stderr + done.stdout
    assert done.returncode == 1


def test_what_is_said_of_a_history_is_written_whole() -> None:
    assert all(FIELDS["reason"](words) == words for words in WORDS.values())


@pytest.mark.parametrize(
    ("reason", "written"),
    [
        ("c-ares: ARES_ECONNREFUSED", None),
        ("the far end ended the HTTP/2 stream: CANCEL", None),
        ("h2 ProtocolError, PROTOCOL_ERROR", None),
        ("self-signed certificate", None),
        ("status 403", None),
        ("203.0.113.7", SCRUBBED),
        ("2001:db8::7", SCRUBBED),
        ("ended: 2001:db8::7", SCRUBBED),
        ("/home/anna", SCRUBBED),
        ("HTTP/203.0.113.7", SCRUBBED),
        ("two\nlines", SCRUBBED),
    ],
)
def test_reasons_are_words(reason: str, written: str | None) -> None:
    assert FIELDS["reason"](reason) == (written or reason)
