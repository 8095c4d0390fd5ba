"""What becomes of a hub's wishes: as far as the own file lets it, and never a host more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.config import contacts, load
from probe.config.hub_wishes import HubWishes, WishRefusal, from_hub, heeded
from probe.config.schema import Config, HubConfig, MaySet, TargetsConfig
from probe.model.foreign import read_json
from tests.config.files import written

OWN = load(None, {})
ALL = tuple(MaySet)
EXTRA = {"id": "abcdefgh", "platform": "x", "rounds": 2, "until": 2e9}


def own(*may: MaySet) -> Config:
    hub = HubConfig(url="https://hub.example.org", credential_file="c", may_set=may)
    return replace(OWN, settings=replace(OWN.settings, hub=hub))


def wishes(**said: Any) -> HubWishes:
    return read_json(msgspec.json.encode({"version": 1, **said}), HubWishes)


def test_what_may_be_set_is_set() -> None:
    found = heeded(
        own(*ALL),
        wishes(
            schedule={"light": 600.0, "transfer": 1_800.0},
            platforms=["youtube", "x"],
            extra=[EXTRA],
        ),
    )
    schedule = found.config.settings.schedule
    assert (schedule.light, schedule.transfer) == (600.0, 1_800.0)
    assert schedule.long == OWN.settings.schedule.long
    assert [one.name for one in found.config.platforms] == ["x", "youtube"], "in the own order"
    assert found.config.settings.platforms == ("x", "youtube")
    assert [one.platform for one in found.extra] == ["x"]
    assert found.refused == ()


@pytest.mark.parametrize(
    ("said", "may", "refused"),
    [
        ({"schedule": {"light": 600.0}}, (), WishRefusal.SCHEDULE_NOT_ALLOWED),
        ({"schedule": {"light": 3_600.0}}, ALL, WishRefusal.SCHEDULE_NOT_RISING),
        ({"platforms": ["x"]}, (MaySet.SCHEDULE,), WishRefusal.PLATFORMS_NOT_ALLOWED),
        ({"platforms": ["x", "evil"]}, ALL, WishRefusal.PLATFORMS_NOT_OURS),
        ({"platforms": ["cloudflare"]}, ALL, WishRefusal.PLATFORMS_NOT_OURS),
        ({"extra": [EXTRA]}, (MaySet.SCHEDULE,), WishRefusal.ROUNDS_NOT_ALLOWED),
        ({"extra": [EXTRA | {"platform": "evil"}]}, ALL, WishRefusal.ROUNDS_NOT_OURS),
        (
            {"platforms": ["youtube"], "extra": [EXTRA]},
            ALL,
            WishRefusal.ROUNDS_NOT_OURS,
        ),
    ],
)
def test_what_may_not_be_set_is_refused_and_said(
    said: dict[str, Any], may: tuple[MaySet, ...], refused: WishRefusal
) -> None:
    found = heeded(own(*may), wishes(**said))
    assert found.refused == (refused,)
    assert found.extra == ()
    assert found.config.settings.schedule == OWN.settings.schedule


def test_what_is_refused_takes_nothing_else_with_it() -> None:
    said = wishes(schedule={"light": 600.0}, platforms=["x"])
    found = heeded(own(MaySet.PLATFORMS), said)
    assert found.refused == (WishRefusal.SCHEDULE_NOT_ALLOWED,)
    assert [one.name for one in found.config.platforms] == ["x"]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 60_000,
        b'{"version":1,"x":' + b"[" * 60_000,
        b"{}",
        b'{"version": 2}',
        b'{"version": 1, "platforms": []}',
        b'{"version": 1, "platforms": ["../../etc"]}',
        b'{"version": 1, "platforms": "x"}',
        b'{"version": 1, "schedule": {"light": 1}}',
        b'{"version": 1, "schedule": {"light": 1e999}}',
        b'{"version": 1, "schedule": {"light": NaN}}',
        b'{"version": 1, "schedule": {"quiet_hours": []}}',
        b'{"version": 1, "schedule": {"jitter": 0}}',
        b'{"version": 1, "extra": [{"id": "abcdefgh", "platform": "x", "rounds": 99, "until": 1}]}',
        b'{"version": 1, "extra": [{"id": "../a/b/c", "platform": "x", "rounds": 1, "until": 1}]}',
        b'{"version": 1, "extra": [{"id": "abcdef\\n", "platform": "x", "rounds": 1, "until": 1}]}',
    ],
)
def test_what_is_no_wish_is_none(said: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(said, HubWishes)


NAMES = st.sampled_from(["x", "facebook", "instagram", "youtube", "cloudflare", "evil"])
SAID = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "schedule": st.fixed_dictionaries(
            {},
            optional={
                "light": st.floats(60, 3_600),
                "transfer": st.floats(300, 21_600),
                "long": st.floats(14_400, 604_800),
            },
        ),
        "platforms": st.lists(NAMES, min_size=1, max_size=5),
        "extra": st.lists(NAMES.map(lambda name: EXTRA | {"platform": name}), max_size=4),
        # What a later hub may say.
        "hosts": st.just(["evil.example"]),
        "forward": st.just({"url": "https://evil.example"}),
        "resolve": st.just({"x.com": ["192.0.2.1"]}),
    },
)


@settings(max_examples=60, deadline=None)
@given(SAID, st.sets(st.sampled_from(MaySet)))
def test_whatever_a_hub_says_nobody_else_is_contacted(
    said: dict[str, Any], may: set[MaySet]
) -> None:
    config = own(*may)
    after = heeded(config, read_json(msgspec.json.encode(said), HubWishes)).config
    assert set(contacts(after)) <= set(contacts(config))
    assert after.platforms
    mine, now = config.settings, after.settings
    allowed = replace(mine.schedule, light=now.schedule.light, transfer=now.schedule.transfer)
    allowed = replace(allowed, long=now.schedule.long)
    assert now == replace(mine, platforms=now.platforms, schedule=allowed)
    assert now.schedule.light <= now.schedule.transfer <= now.schedule.long
    if MaySet.SCHEDULE not in may:
        assert now.schedule == mine.schedule
    if MaySet.PLATFORMS not in may:
        assert after.platforms == config.platforms


@pytest.mark.parametrize(
    ("may", "named", "looked"),
    [
        ((MaySet.TARGETS,), None, "https://hub.example.org/api/v1/bundle"),
        ((MaySet.TARGETS,), "https://elsewhere.example/l", "https://elsewhere.example/l"),
        ((MaySet.SCHEDULE,), None, None),
    ],
)
def test_bundles_come_from_the_hub_where_that_may_be(
    may: tuple[MaySet, ...], named: str | None, looked: str | None
) -> None:
    hub = HubConfig(url="https://hub.example.org/", credential_file="c", may_set=may)
    assert from_hub(TargetsConfig(url=named), hub).url == looked


def test_bundles_from_the_hub_come_by_its_way_with_its_certificates(tmp_path: Path) -> None:
    text = "hub: {{url: 'https://hub.example.org', credential_file: c, may_set: [targets], "
    text += "ca_file: hub.pem, vantage: default}}\ntargets: {{keys: [{key}]{more}}}\n"
    key = "YwXRQbgYGnVhV7zqjvEkYnEpmZXNBV1lJYVkfm5DIyY="
    for more, named, ca_file in (
        ("", "https://hub.example.org/api/v1/bundle", "hub.pem"),
        (", ca_file: own.pem", "https://hub.example.org/api/v1/bundle", "own.pem"),
        (", url: 'https://else.example/l'", "https://else.example/l", None),
    ):
        main = written(tmp_path, text.format(key=key, more=more))
        found = load(main, {}).settings.targets
        assert found.url == named
        assert found.ca_file == (None if ca_file is None else str(tmp_path / ca_file))
        assert found.vantage == ("default" if "else" not in named else None)
