"""The configuration that ships: it is the schema's defaults, and says what each platform has."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

import pytest

from probe.config import ConfigErrors, estimate, load, warnings
from probe.config.candidates import candidates_of
from probe.config.checks import MIN_GOODPUT_BYTES
from probe.config.definition import Corner, Definition
from probe.config.embedded import folder
from probe.config.hints import bare, is_struct, keys_of
from probe.config.schema import Config, Settings
from probe.model.identity import Answer, Compares
from probe.schedule.forecast import forecast

TARGETS_MD = Path(__file__).parents[2] / "docs" / "targets.md"
PLATFORMS = ["x", "facebook", "instagram", "youtube", "whatsapp"]
# Each target's legs. Decoys are made only when the operator sets a beacon.
LEGS = {
    "x": {"page": "handshake, swap any, decoy", "object": "goodput, swap any"},
    "facebook": {"page": "handshake, swap any, decoy", "object": "goodput, swap any"},
    "instagram": {"page": "handshake, swap any, decoy", "object": "goodput, swap any"},
    "whatsapp": {
        "page": "handshake, swap any, decoy",
        "object": "goodput, swap any",
        "media": "handshake, swap any",
        "media-cache": "handshake, swap any",
    },
    "youtube": {
        "video": "goodput, swap goodput",
        "redirector": "handshake, swap any, decoy",
        "page": "handshake, swap any",
        "images": "handshake, swap any",
        "cache": "handshake, swap any",
    },
}


@pytest.fixture(scope="module")
def shipped() -> Config:
    return load(None, {"THROTTLEWATCH_PLATFORMS": ",".join(PLATFORMS)})


def test_the_embedded_file_is_the_schemas_defaults_and_needs_nothing() -> None:
    config = load(None, {})
    assert config.settings == Settings()
    assert [p.name for p in config.platforms] == PLATFORMS[:4]


def test_the_embedded_file_loads_from_its_own_path_too() -> None:
    here = load(folder() / "throttlewatch.yaml", {})
    assert (here.settings, here.platforms) == (Settings(), load(None, {}).platforms)


def test_the_embedded_file_shows_every_key() -> None:
    lines = (folder() / "throttlewatch.yaml").read_text().splitlines()

    def missing(kind: Any) -> list[str]:
        found = []
        for key, field in keys_of(kind).items():
            below = bare(field.type)
            if get_origin(below) is tuple:
                below = get_args(below)[0]
            if not any(f"{key}:" in line.partition("#")[0] for line in lines):
                found.append(key)
            # What is a list of mappings, and empty, has its keys in an example beside it.
            listed = is_struct(below) and field.default in ((), [])
            found += missing(below) if is_struct(below) and not listed else []
        return found

    assert missing(Settings) == []


def _swap(swap: Corner | None) -> list[str]:
    if swap is None:
        return []
    return [f"swap {swap.answer if swap.answer is Answer.ANY else swap.compares}"]


def test_each_platform_has_the_legs_that_we_say(shipped: Config) -> None:
    def legs(definition: Definition) -> dict[str, str]:
        return {
            t.name: ", ".join(
                [
                    str(t.compares),
                    *_swap(t.swap),
                    *(["decoy"] if t.decoy is not None else []),
                ]
            )
            for t in definition.targets
        }

    assert {p.name: legs(p) for p in shipped.platforms} == LEGS


def test_a_leg_that_is_missing_has_its_reason(shipped: Config) -> None:
    for definition in (*shipped.platforms, *shipped.controls):
        for target in definition.targets:
            assert target.why
            assert (target.swap is None) == bool(target.no_swap), (definition.name, target.name)
            assert (target.decoy is None) == bool(target.no_decoy), (definition.name, target.name)


def test_each_platform_compares_goodput_and_handshakes_and_has_a_fallback(shipped: Config) -> None:
    for platform in shipped.platforms:
        kinds = {target.compares for target in platform.targets}
        assert kinds == {Compares.GOODPUT, Compares.HANDSHAKE}
        read = [t for t in platform.targets if t.compares is Compares.GOODPUT]
        assert all(t.min_bytes >= 65_536 and t.fallback is not None for t in read)
        assert all(t.fallback is not None and t.fallback.min_bytes >= 65_536 for t in read)


def test_youtube_names_the_hosts_that_carry_the_videos(shipped: Config) -> None:
    youtube = next(p for p in shipped.platforms if p.name == "youtube")
    video, redirector, page, images, _ = youtube.targets
    assert (video.sni, video.connect_to) == ("test.googlevideo.com", "google.com")
    assert video.swap is not None
    assert video.swap.sni == "mirror.gcr.io"
    assert video.url is not None
    assert video.url.startswith("https://mirror.gcr.io/")
    assert [t.url for t in (redirector, page, images)] == [
        "https://redirector.googlevideo.com/generate_204",
        "https://www.youtube.com/generate_204",
        "https://i.ytimg.com/generate_204",
    ]


def test_every_object_of_the_videos_is_read_under_their_name_while_there_is_one(
    shipped: Config,
) -> None:
    video = next(p for p in shipped.platforms if p.name == "youtube").targets[0]
    every = candidates_of(video)
    under = [one for one in every if one.sni == "test.googlevideo.com"]
    assert every[: len(under)] == tuple(under)
    assert len({one.connect_to for one in under}) >= 3
    for one in under:
        # The swap gives the same object at the same place, so that the name alone differs.
        assert one.swap is not None
        assert one.swap.compares is Compares.GOODPUT
        assert one.certificate_name == one.sni
        assert one.also_certified


def test_each_platforms_objects_are_of_several_hosts_and_long_reads_can_be_made(
    shipped: Config,
) -> None:
    for platform in shipped.platforms:
        read = [t for t in platform.targets if t.compares is Compares.GOODPUT]
        every = [one for target in read for one in candidates_of(target)]
        assert len({one.url or one.discover for one in every}) >= 2, platform.name
        assert all(one.not_a_page for one in every)
        # A discovery takes the largest, whose server says how large it is.
        able = [one for one in every if one.min_bytes >= 512 * 1024 or one.discover is not None]
        assert able, platform.name


def test_x_is_looked_for_where_its_script_is_named_and_read_at_length(shipped: Config) -> None:
    target = next(p for p in shipped.platforms if p.name == "x").targets[1]
    assert target.discover is not None
    assert urlsplit(target.discover.page).path not in ("", "/"), "the front page names it no more"
    assert target.min_bytes >= shipped.settings.legs.long_bytes


def test_no_platform_is_judged_by_another_ones_host(shipped: Config) -> None:
    owners: dict[str, str] = {}
    for platform in shipped.platforms:
        for host in platform.hosts:
            domain = ".".join(host.split(".")[-2:])
            assert owners.setdefault(domain, platform.name) == platform.name, host


def test_what_its_operator_has_disowned_is_not_asked(shipped: Config) -> None:
    hosts = {host for d in (*shipped.platforms, *shipped.controls) for host in d.hosts}
    assert not any(host.endswith("aspnetcdn.com") for host in hosts)


def test_what_is_known_of_each_object_that_is_read_stands_in_the_documentation(
    shipped: Config,
) -> None:
    rows = TARGETS_MD.read_text().splitlines()
    for definition in (*shipped.platforms, *shipped.controls):
        for target in definition.targets:
            if target.compares is not Compares.GOODPUT:
                continue
            every = candidates_of(target)
            urls = [one.url for one in every if one.url is not None]
            for discovery in (one.discover for one in every):
                urls += [] if discovery is None else [discovery.page, *discovery.pages]
            for url in urls:
                found = [row for row in rows if f"`{url}`" in row]
                assert len(found) == 1, url
                assert found[0].startswith(f"| {definition.name}")
                assert found[0].endswith(f"| {target.evidence} |")


def test_controls_are_many_of_many_operators_and_say_why(shipped: Config) -> None:
    assert len(shipped.controls) >= 6
    operators = {control.operator for control in shipped.controls}
    assert len(operators) >= 4
    assert not operators & {p.operator for p in shipped.platforms}
    platform_hosts = {host for p in shipped.platforms for host in p.hosts}
    for control in shipped.controls:
        assert control.why
        assert all(t.min_bytes >= 65_536 for t in control.targets)
        assert not platform_hosts & set(control.hosts)


def test_two_operators_at_least_have_a_control_for_long_reads(shipped: Config) -> None:
    long = int(shipped.settings.legs.long_bytes)
    able = {c.operator for c in shipped.controls if c.targets[0].min_bytes >= long}
    assert len(able) >= 2


def test_the_domestic_control_is_a_template_that_can_be_taken_up(tmp_path: Path) -> None:
    template = (folder() / "platforms" / "control-domestic.yaml").read_text()
    (tmp_path / "platforms").mkdir()
    mine = tmp_path / "platforms" / "control-domestic.yaml"
    mine.write_text(template.replace("enabled: false", "enabled: true"))
    main = tmp_path / "main.yaml"
    main.write_text("country: TR\n")
    config = load(main, {})
    assert "control-domestic" in [c.name for c in config.controls]
    assert not any("domestic" in warning for warning in warnings(config))


# Whether the extra `quic` is installed; a calm day reads at most so many seconds apart, and the
# reserve bears all platforms at the configured pace for so many days at least.
@pytest.mark.parametrize(("quic", "apart", "days"), [(False, 2_000.0, 6.0), (True, 2_000.0, 5.0)])
def test_the_defaults_keep_within_the_hosts_budget_and_a_hundred_megabytes_a_day(
    quic: bool, apart: float, days: float
) -> None:
    config = load(None, {}, has=lambda library: quic)
    assert config.settings.quic is quic
    expected = estimate(config)
    assert max(expected.host_legs_per_hour.values()) <= 30
    assert expected.control_legs_per_hour <= 30
    plan = forecast(config, config.settings.vantages[0])
    assert plan.calm_bytes_per_day <= 100_000_000
    # A calm day has a round at every place of the grid, and reads once or twice an hour.
    assert plan.calm.every == 1
    assert plan.calm.transfer_seconds <= apart
    assert plan.reserve_days is not None
    assert plan.reserve_days > days


def test_every_definition_is_in_a_file_of_its_name() -> None:
    for file in (folder() / "platforms").glob("*.yaml"):
        assert f"\nname: {file.stem}\n" in "\n" + file.read_text()


def test_goodput_needs_more_than_one_initial_window() -> None:
    assert MIN_GOODPUT_BYTES > 10 * 1460


def test_a_wheel_has_the_files_inside_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = load(None, {})
    package = tmp_path / "probe"
    shutil.copytree(folder(), package / "_config")
    monkeypatch.setattr("probe.config.embedded.__file__", str(package / "config" / "embedded.py"))
    assert folder() == package / "_config"
    assert load(None, {}) == here


def test_a_broken_installation_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("probe.config.embedded.__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises((ConfigErrors, FileNotFoundError), match="incomplete"):
        load(None, {})
