"""What the metrics say of the history and of forwarding: as it is, and nothing where there is
nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from probe.publish.forward.forward_health import ForwardHealth
from probe.publish.latest.board import Board
from probe.publish.metrics.exposition import Registry, encode
from probe.store.database import Trouble
from probe.store.health import WORDS, StoreHealth
from synth.shape import config

METRICS_MD = Path(__file__).parents[3] / "docs" / "metrics.md"


def shown(store: StoreHealth | None = None, forward: ForwardHealth | None = None) -> dict[str, str]:
    """The series of both, by name and labels."""
    board = Board(
        config(),
        store=None if store is None else lambda: store,
        forward=None if forward is None else lambda: forward,
    )
    page = encode(Registry("1").collector(board.snapshot()), accept="", accept_encoding="")
    found = re.findall(
        r"^throttlewatch_((?:store|forward)_\S+) (\S+)$", page.body.decode(), re.MULTILINE
    )
    return dict(found)


def test_nothing_is_said_of_what_is_turned_off() -> None:
    assert shown(StoreHealth(on=False)) == {}


def test_a_history_that_is_well_and_one_that_is_not() -> None:
    well = shown(StoreHealth(on=True, bytes=4_096, last_commit_at=1_700_000_000.0))
    assert (well["store_writable"], well["store_bytes"]) == ("1.0", "4096.0")
    assert not any(key.startswith("store_trouble") for key in well)
    ill = shown(StoreHealth(on=True, trouble="full", queued=7, dropped=3))
    assert (ill["store_writable"], ill['store_trouble_info{reason="full"}']) == ("0.0", "1.0")
    assert not any("last_commit" in key for key in ill)


def test_what_a_receiver_refused_is_told_by_reason() -> None:
    health = ForwardHealth(sent=900, refused=(("duplicate", 2), ("too_old", 40)))
    found = shown(forward=health)
    assert found["forward_working"] == "1.0"
    assert found["forward_sent_samples_total"] == "900.0"
    assert found['forward_refused_samples_total{reason="too_old"}'] == "40.0"
    assert found['forward_refused_samples_total{reason="duplicate"}'] == "2.0"


def test_forwarding_that_waits_says_why_and_how_much() -> None:
    found = shown(forward=ForwardHealth(trouble="unreachable", waiting=12, oldest_at=5.0))
    assert found["forward_working"] == "0.0"
    assert found['forward_trouble_info{reason="unreachable"}'] == "1.0"
    assert "12.0" in found.values()


@pytest.mark.parametrize("trouble", get_args(Trouble))
def test_every_trouble_has_words_and_is_documented(trouble: Trouble) -> None:
    assert WORDS[trouble]
    row = next(
        line for line in METRICS_MD.read_text().splitlines() if "(of the history's trouble)" in line
    )
    assert f"`{trouble}`" in row
