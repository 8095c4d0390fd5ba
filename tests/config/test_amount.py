"""What a round is expected to cost, before the first packet."""

from __future__ import annotations

from msgspec.structs import replace

from probe.config import load
from probe.config.amount import RoundSize, round_bytes, round_size
from probe.config.schema import Config
from probe.config.values import Bytes
from probe.model.identity import RoundKind


def size_of(config: Config, name: str) -> RoundSize:
    return round_size(config, next(p for p in config.platforms if p.name == name))


def test_a_long_round_is_no_longer_than_what_the_platforms_objects_are_sure_to_have() -> None:
    config = load(None, {})
    small, large = size_of(config, "facebook"), size_of(config, "youtube")
    assert small.long_bytes == 64 * 1024
    assert large.long_bytes == int(config.settings.legs.long_bytes) == 512 * 1024
    assert round_bytes(config, small, RoundKind.LONG) < round_bytes(config, large, RoundKind.LONG)


def test_a_long_round_is_no_longer_than_is_configured() -> None:
    config = load(None, {})
    legs = replace(config.settings.legs, long_bytes=Bytes(100_000))
    config = replace(config, settings=replace(config.settings, legs=legs))
    assert size_of(config, "youtube").long_bytes == 100_000
    assert size_of(config, "facebook").long_bytes == 64 * 1024
