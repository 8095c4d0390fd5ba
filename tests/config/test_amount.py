"""What a round is expected to cost, before the first packet."""

from __future__ import annotations

from msgspec.structs import replace

from probe.config import load
from probe.config.amount import RoundSize, round_size
from probe.config.schema import Config
from probe.config.values import Bytes


def size_of(config: Config, name: str) -> RoundSize:
    return round_size(config, next(p for p in config.platforms if p.name == name))


def test_a_long_round_is_no_longer_than_is_configured() -> None:
    """However large an object is: that its server may say any time."""
    config = load(None, {})
    legs = replace(config.settings.legs, long_bytes=Bytes(100_000))
    config = replace(config, settings=replace(config.settings, legs=legs))
    assert size_of(config, "youtube").long_bytes == 100_000
    assert size_of(config, "facebook").long_bytes == 100_000
