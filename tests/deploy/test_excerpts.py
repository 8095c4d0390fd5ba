"""What README and docs/demo.md show of the program's output is what it prints."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.requires import refuse
from probe.model.identity import RoundKind
from probe.publish.languages.tongue import Tongue
from probe.publish.terminal.console import console
from probe.publish.terminal.round_table import render_rounds
from synth.shape import config, full_round
from tests.again import SOON_SECONDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DEMO = (ROOT / "docs" / "demo.md").read_text()
TIME = re.compile(r"^\d\d:\d\d:\d\d ")
READER = Tongue("ru")


def block(text: str, words: str) -> str:
    """The first block of output after ``words``."""
    return text.partition(words)[2].partition("```text\n")[2].partition("```")[0]


def unwrapped(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


def is_said(sentence: str) -> bool:
    """Whether the program has such a sentence: a catalog has a form for each."""
    return READER.plain(sentence) != sentence


def test_the_log_of_a_machine_without_a_network(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        refuse("a network of one's own needs root and unshare")
    shown = [TIME.sub("", line) for line in block(README, "log of `run`").splitlines()]
    assert len(shown) >= 3
    process = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh",
         sys.executable, "-m", "probe", "run"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT), "THROTTLEWATCH_LOG__FORMAT": "text",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )  # fmt: skip
    assert process.stdout is not None
    said = b""
    until = time.monotonic() + SOON_SECONDS
    try:
        while said.count(b" is offline: ") < len(shown) - 1 and time.monotonic() < until:
            if select.select([process.stdout], [], [], 0.2)[0]:
                said += os.read(process.stdout.fileno(), 65_536)
    finally:
        process.terminate()
        process.wait(SOON_SECONDS)
        process.stdout.close()
    lines = [TIME.sub("", line) for line in said.decode().splitlines() if TIME.match(line)]
    assert lines[: len(shown)] == shown


def test_the_answer_of_now() -> None:
    lines = block(README, "what it rests on:").splitlines()
    lead, rests, counts, *rest = re.split(
        r"(?m)^(?=Yes|It rests|  1 round|  There|Next:)", "\n".join(lines)
    )[1:]
    for part in (lead, rests, *rest):
        assert is_said(unwrapped(part.splitlines())), part
    assert re.fullmatch(
        r"\d+ rounds? just now, \d+ bursts?, \d+ exchanges, [\d.]+ MB; reads of up to \d+ KiB\.",
        unwrapped(counts.splitlines()),
    )


def test_the_rounds_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    shown = block(README, "## What it prints")
    render_rounds(console(), [full_round(config(), "x", kind=RoundKind.TRANSFER)], [])
    head = next(line for line in capsys.readouterr().out.splitlines() if "leg (ms)" in line)
    heads = [line for line in shown.splitlines() if "leg (ms)" in line]
    assert heads
    assert {" ".join(line.split()) for line in heads} == {" ".join(head.split())}
    for said in re.findall(r"(?ms)^\[\w+\] (.*?\)\.)$", shown):
        assert is_said(unwrapped(said.splitlines())), said
    # As many controls as the sentence counts stand below it.
    for part in re.split(r"(?m)^(?=\[)", shown)[1:]:
        (count,) = re.findall(r"of (\d+)\s+controls", part)
        assert len(set(re.findall(r"(?m)^  control +(\S+)/", part))) == int(count)


def test_the_lines_of_the_demo() -> None:
    shown = block(DEMO, "## What it prints")
    parts = re.split(r"(?m)^(?= *\d+ s  )", shown)[1:]
    told = [
        unwrapped(part.split("\nX (Twitter): called")[0].splitlines())
        for part in parts
        if "---" not in part
    ]
    assert len(told) >= 4
    for line in told:
        said = re.sub(r"^\d+ s +\S+ +", "", line)
        assert is_said(said), said
