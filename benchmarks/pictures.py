"""Makes the pictures of docs/images, with Debian's ``chromium``: ``python -m benchmarks.pictures``.

``page.png`` and ``report.png`` are of the generated data of ``benchmarks.report``, those of a hub's
public page (``hub….png``) of ``benchmarks.hub_example``. ``demo.png``
needs a demo that runs beside it: ``python -m benchmarks.pictures http://127.0.0.1:9880/`` takes
its page.

A picture carries the words that it shows (a PNG's text chunk), so that a test can tell when the
program says something else by now.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from urllib.request import urlopen

from msgspec import Struct

from benchmarks import hub_example, report

IMAGES = Path(__file__).parent.parent / "docs" / "images"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"Description\0\0\0\0\0"


class Picture(Struct, frozen=True, kw_only=True):
    """A window's size in pixels, and the mark in the page before which its words are shown."""

    width: int
    height: int
    until: str


PICTURES = {
    "page": Picture(width=1200, height=970, until="<footer"),
    "report": Picture(width=880, height=1520, until='<h2 id="when"'),
    "demo": Picture(width=1000, height=1280, until="<section"),
    "hub": Picture(width=1000, height=1180, until="<footer"),
    "hub-phone": Picture(width=500, height=1180, until="<footer"),
    "hub-urdu": Picture(width=1000, height=1180, until="<footer"),
}


def examples() -> dict[str, str]:
    """The pages of generated data of which there are pictures."""
    made = report.examples() | hub_example.pages()
    return {name: made[name] for name in PICTURES if name in made}


def words(page: str, picture: Picture) -> str:
    """What a reader of that part of the page reads, one space between two words."""
    body = page[page.index("<body") : page.index(picture.until)]
    body = re.sub(r"(?s)<(style|svg|script)\b.*?</\1>", " ", body)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def carried(png: bytes) -> str:
    """The words that a picture carries; none if it carries none."""
    for kind, data in _chunks(png):
        if kind == b"iTXt" and data.startswith(_KEYWORD):
            return data.removeprefix(_KEYWORD).decode()
    return ""


def with_words(png: bytes, said: str) -> bytes:
    """The same picture, which carries them."""
    found = [(kind, data) for kind, data in _chunks(png) if kind != b"iTXt"]
    found.insert(-1, (b"iTXt", _KEYWORD + said.encode()))
    return _SIGNATURE + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
        for kind, data in found
    )


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    at, found = len(_SIGNATURE), []
    while at < len(png):
        size = int.from_bytes(png[at : at + 4])
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def take(name: str, page: str) -> None:
    """Write ``docs/images/NAME.png``."""
    browser = shutil.which("chromium")
    if browser is None:
        raise SystemExit("there is no chromium: apt-get install chromium")
    picture = PICTURES[name]
    with tempfile.TemporaryDirectory() as folder:
        file, made = Path(folder, "page.html"), Path(folder, "made.png")
        file.write_text(page)
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--window-size={picture.width},{picture.height}",
                f"--screenshot={made}",
                f"file://{file}",
            ],
            check=True,
            capture_output=True,
            timeout=300,
        )
        (IMAGES / f"{name}.png").write_bytes(with_words(made.read_bytes(), words(page, picture)))


def main(arguments: list[str]) -> None:
    """Make those of generated data, or that of the demo whose page is named."""
    if arguments:
        with urlopen(arguments[0]) as answer:
            take("demo", answer.read().decode())
        return
    for name, page in examples().items():
        take(name, page)


if __name__ == "__main__":
    main(sys.argv[1:])
