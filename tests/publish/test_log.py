from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from probe.publish.log import LIBRARIES, configure


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    root.handlers.clear()  # or configure would close pytest's own
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)


def test_json_is_one_object_per_line_with_the_events_fields() -> None:
    out = io.StringIO()
    configure("info", "json", out)
    logging.getLogger("probe.app").info(
        "round %s", "finished", extra={"platform": "x", "seconds": 1.5, "text": "two\nlines"}
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
        "text": "two\nlines",
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
        "reload failed\nat line 3", extra={"file": "a b.yaml", "line": 3, "empty": ""}
    )
    (line,) = out.getvalue().splitlines()
    assert line[8:] == ' warning reload failed\\nat line 3 file="a b.yaml" line=3 empty=""'


def test_an_exception_keeps_its_traceback() -> None:
    plain, machine = io.StringIO(), io.StringIO()
    for form, out in (("text", plain), ("json", machine)):
        configure("info", form, out)
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            logging.getLogger("probe").exception("round failed")
    assert "RuntimeError: broken" in plain.getvalue()
    (line,) = machine.getvalue().splitlines()
    assert "RuntimeError: broken" in json.loads(line)["exception"]


@pytest.mark.parametrize(("stream", "is_json"), [(Terminal(), False), (io.StringIO(), True)])
def test_auto_is_text_on_a_terminal_only(stream: io.StringIO, is_json: bool) -> None:
    configure("info", "auto", stream)
    logging.getLogger("probe").info("hello")
    assert stream.getvalue().startswith("{") is is_json


def test_levels_hold_and_libraries_speak_from_warnings_up() -> None:
    out = io.StringIO()
    configure("debug", "json", out)
    logging.getLogger("probe").debug("ours")
    logging.getLogger("httpx").info("theirs")
    logging.getLogger("httpx").warning("theirs, serious")
    configure("error", "json", out)
    logging.getLogger("probe").warning("not serious enough")
    logging.getLogger("uvicorn.error").warning("nor this")
    messages = [json.loads(line)["message"] for line in out.getvalue().splitlines()]
    assert messages == ["ours", "theirs, serious"]


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
    assert json.loads(out.getvalue())["logger"] == "py.warnings"


@pytest.mark.parametrize(("level", "form"), [("loud", "text"), ("info", "xml")])
def test_unknown_words_are_refused(level: str, form: str) -> None:
    with pytest.raises(ValueError, match="is none of"):
        configure(level, form, io.StringIO())
