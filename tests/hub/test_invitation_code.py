"""The QR code of an invitation, read by another program than the one that made it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from probe.publish.terminal.qr_code import NO_SEGNO, NoCodeError, columns, qr_code

INVITE = (
    *(sys.executable, "-m", "probe", "hub", "invite", "--url", "https://hub.example.org"),
    *("--country", "Pakistan", "--asn", "AS17557", "--register"),
)
# What each half block has of light, above and below.
LIGHT = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
CODE_LINE = re.compile("\x1b\\[97;40m([ ▀▄█]+)\x1b\\[0m")
LINE = re.compile(r"throttlewatch join https://hub\.example\.org/#\S+")
PIXELS = 4


def looked_at(lines: list[str]) -> str:
    """What a camera reads of it."""
    rows = [[LIGHT[letter][half] for letter in line] for line in lines for half in (0, 1)]
    picture = Image.new("L", (len(rows[0]), len(rows)))
    picture.putdata([255 * light for row in rows for light in row])
    # Readers try inverted ones, too; telephones do not all.
    found = zxingcpp.read_barcodes(
        picture.resize((picture.width * PIXELS, picture.height * PIXELS), Image.Resampling.NEAREST),
        formats=zxingcpp.BarcodeFormat.QRCode,
        try_invert=False,
    )
    (one,) = found
    return str(one.text)


def codes_of(said: str) -> list[str]:
    """What each code in it says."""
    found = list[list[str]]()
    for line in said.splitlines():
        if (match := CODE_LINE.fullmatch(line)) is None:
            found.append([])
        elif found:
            found[-1].append(match.group(1))
    return [looked_at(one) for one in found if one]


def on_a_terminal(file: Path, *more: str, wide: int = 80) -> str:
    """What a terminal that is so wide is shown."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, wide, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [*INVITE, str(file), *more], stdin=-3, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # Linux: nobody has the other end any more.
                break
            said += part
        assert process.wait(30) == 0, said
    os.close(ours)
    return said.decode()


def piped(file: Path, *more: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*INVITE, str(file), *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        stdin=-3,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )


def test_on_a_terminal_each_line_is_a_code_too_and_says_exactly_the_line(tmp_path: Path) -> None:
    said = on_a_terminal(tmp_path / "hub", "--count", "2")
    lines = LINE.findall(said)
    assert len(set(lines)) == 2
    assert codes_of(said) == lines
    assert codes_of(on_a_terminal(tmp_path / "hub", "--no-qr")) == []


def test_where_a_code_would_not_fit_why_is_said_and_the_line_is_there(tmp_path: Path) -> None:
    said = on_a_terminal(tmp_path / "hub", "--count", "2", wide=40)
    assert len(LINE.findall(said)) == 2
    assert codes_of(said) == []
    assert re.findall(r"no QR code: it is \d+ letters wide, and the terminal 40", said)


def test_in_a_pipe_there_is_none_unless_it_is_asked_for(tmp_path: Path) -> None:
    plain = piped(tmp_path / "hub").stdout
    assert LINE.fullmatch(plain.rstrip("\n"))
    said = piped(tmp_path / "hub", "--qr").stdout
    assert codes_of(said) == LINE.findall(said)
    poor = piped(tmp_path / "hub", "--qr", "--count", "2", encoding="ascii")
    assert len(LINE.findall(poor.stdout)) == len(poor.stdout.splitlines()) == 2
    assert "which ascii does not have" in poor.stderr


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200))
def test_whatever_the_text_is_it_is_read_as_it_is(text: str) -> None:
    code = qr_code(text)
    assert len({len(line) for line in code}) == 1
    assert columns(code) == len(CODE_LINE.fullmatch(code[0]).group(1))  # type: ignore[union-attr]
    assert codes_of("\n".join(["", *code])) == [text]


def test_what_cannot_be_made_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoCodeError, match="too many for a QR code"):
        qr_code("a" * 3_000)
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(NoCodeError, match=re.escape(NO_SEGNO)):
        qr_code("a")
