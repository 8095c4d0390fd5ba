"""Whatever a path leads to, it is read with an end, and what is no file is said to be none."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probe.config import readable
from probe.config.readable import Unreadable, must_be_file, read_text
from tests.config.files import mistakes


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readable, "MOST_SECONDS", 0.2)


def test_a_pipe_to_which_nobody_writes_ends(pipe: Path) -> None:
    with pytest.raises(Unreadable, match="nothing in it"):
        read_text(pipe)


@pytest.mark.parametrize("text", [b"", b"drip"])
def test_one_that_is_held_open_ends_too(pipe: Path, text: bytes) -> None:
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, text)
    began = time.monotonic()
    with pytest.raises(Unreadable, match="no end of it"):
        read_text(pipe)
    os.close(writer)
    assert time.monotonic() - began < 5.0


def test_what_a_program_writes_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"country: TR\n")
    os.close(writer)
    assert read_text(Path(f"/dev/fd/{reader}")) == "country: TR\n"
    os.close(reader)


@pytest.mark.parametrize("file", ["/dev/zero", "/dev/null", "."])
def test_libraries_are_given_files_only(file: str, pipe: Path) -> None:
    for one in (file, pipe):
        with pytest.raises(OSError, match="no regular file"):
            must_be_file(one)


def test_a_pipe_as_a_list_of_authorities_is_a_mistake(tmp_path: Path, pipe: Path) -> None:
    (found,) = mistakes(tmp_path, f"ca_file: {pipe}\n")
    assert "no regular file" in found.found


@pytest.mark.parametrize("of", ["pipe", "main.yaml"])
def test_checking_has_an_end(tmp_path: Path, pipe: Path, of: str) -> None:
    (tmp_path / "main.yaml").write_text(f"web_config: {pipe}\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("throttlewatch"), "check", "-c", tmp_path / of],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"no regular file" in done.stderr + done.stdout
