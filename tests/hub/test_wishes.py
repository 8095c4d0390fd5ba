"""What a hub wishes, with the real commands: from `hub set` to a daemon that measures by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.app import Daemon
from probe.cli import main
from probe.config import load
from probe.config.hub_wishes import ExtraRounds, WishedSchedule, WishedSettings
from probe.config.schema import Config
from probe.config.values import Seconds
from probe.daemon import hub_watch
from probe.hub.enrolled import Enrolled, FleetPlace
from probe.hub.wish_list import AskedRounds, wishes_for
from probe.publish.metrics.exposition import rows
from probe.schedule import haste
from tests.config.bundles import KEYS, body_of
from tests.config.files import written
from tests.daemon.test_bundle_end_to_end import FarEnd, far_end, site
from tests.hub.test_hub import RunningHub, ran

SOON = 60.0
NOWHERE = "http://127.0.0.1:9/api/v1/write"
MAIN = """\
listen: 127.0.0.1:0
acknowledge_risks: true
ca_file: ca.pem
store: {path: state/h, batch: 0s}
platforms: [x, other]
controls: [neutral]
resolve: {one.example: [127.0.0.1], two.example: [127.0.0.1], neutral.example: [127.0.0.1]}
schedule: {light: 10m, transfer: 20m}
dns: {system: false, resolvers: [], allow_private: true}
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    made = RunningHub(tmp_path / "hub", NOWHERE)
    made.start()
    yield made
    made.stop()


@asynccontextmanager
async def probe(folder: Path, hub: RunningHub, far: FarEnd, *more: str) -> AsyncIterator[Daemon]:
    """A daemon that joined (with ``more`` words), whose own platforms are on loopback, and which
    asks at once."""
    (line,) = await asyncio.to_thread(hub.invite)
    file = str(folder / "joined" / "throttlewatch.yaml")
    await asyncio.to_thread(ran, "join", line, file, "-y", *more)
    joined = load(Path(file), {}).settings
    own_file = written(
        folder,
        MAIN,
        x=site("x", "one.example", far.port),
        other=site("other", "two.example", far.port),
        neutral=site("neutral", "neutral.example", far.port, kind="control"),
    )

    def config() -> Config:
        own = load(own_file, {})
        wished = replace(joined.hub, interval=Seconds(0.3))
        settings = replace(own.settings, hub=wished, vantages=joined.vantages)
        return replace(own, settings=settings)

    daemon = Daemon(config(), config)
    running = asyncio.create_task(daemon.run())
    try:
        yield daemon
    finally:
        daemon.stop()
        await running


def shown(daemon: Daemon) -> dict[str, float]:
    """The metrics, by their name and kind."""
    return {
        f"{spec.name.removeprefix('throttlewatch_')} {labels.get('kind', '')}".strip(): value
        for spec, labels, value in rows(daemon.snapshot(), "1")
    }


@pytest.mark.timeout(180)
async def test_from_a_command_at_the_hub_to_rounds_of_a_probe(
    hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_watch, "FIRST_SECONDS", 0.3)
    monkeypatch.setattr(haste, "WISHED_APART_SECONDS", 0.5)
    register = ("--register", str(hub.register))

    async def until(what: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not what():
                await asyncio.sleep(0.05)

    async with far_end(tmp_path) as far, probe(tmp_path, hub, far) as daemon:
        await until(lambda: "one.example" in far.sites)
        await asyncio.to_thread(
            ran, "hub", "set", *register, "--light", "20m", "--platforms", "other,x"
        )
        await until(lambda: shown(daemon).get("round_interval_seconds light") == 1_200.0)
        # It was looked at when the daemon began, and when it reloaded (not for the first answer, in
        # which nothing was to be set): the next place on the grid is twenty minutes away.
        await until(lambda: far.sites.count("one.example") >= 2)
        await asyncio.to_thread(ran, "hub", "test", *register, "x", "--rounds", "2")
        await until(lambda: far.sites.count("one.example") >= 4)
        # What may not be set, as `evil` is none of its own, is told and changes nothing.
        await asyncio.to_thread(ran, "hub", "set", *register, "--platforms", "x,evil")
        await until(lambda: shown(daemon).get("wishes_refused") == 1.0)
        assert {platform for _, platform in daemon.snapshot().verdicts} == {"x", "other"}
        said = await asyncio.to_thread(ran, "hub", "wishes", *register)
        assert "all: " in said
        assert "2 rounds of x: pk-17557-" in said


def test_strangers_learn_nothing_and_a_bundle_is_for_all(hub: RunningHub, tmp_path: Path) -> None:
    register = ("--register", str(hub.register))
    (tmp_path / "list.json").write_bytes(body_of())
    said = CliRunner().invoke(
        main, ("hub", "bundle", *register, "--key", KEYS[1], str(tmp_path / "list.json"))
    )
    assert said.exit_code == 1, "signed by somebody else"
    ran("hub", "bundle", *register, "--key", KEYS[0], str(tmp_path / "list.json"))
    first, second = hub.invite("--count", "2")
    secrets = []
    for name, line in (("a", first), ("b", second)):
        ran("join", line, str(tmp_path / name / "throttlewatch.yaml"), "-y")
        secrets.append((tmp_path / name / "hub-credential").read_text().strip())
    settings = load(tmp_path / "a" / "throttlewatch.yaml", {}).settings
    assert settings.targets.keys == (KEYS[0],)
    assert settings.targets.url == f"{hub.url}/api/v1/bundle"
    assert settings.targets.confirm_hosts
    name = load(tmp_path / "b" / "throttlewatch.yaml", {}).settings.vantages[0].name
    ran("hub", "test", *register, "x", name)
    with httpx.Client(base_url=hub.url, trust_env=False) as client:
        for headers in ({}, {"Authorization": f"Bearer {'x' * 43}"}):
            assert client.get("/api/v1/wishes", headers=headers).status_code == 401
        mine, others = (
            client.get("/api/v1/wishes", headers={"Authorization": f"Bearer {secret}"})
            for secret in secrets
        )
        assert "extra" not in mine.json(), "it is for another vantage"
        assert len(others.json()["extra"]) == 1
        headers = {"Authorization": f"Bearer {secrets[0]}", "If-None-Match": mine.headers["etag"]}
        again = client.get("/api/v1/wishes", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        headers["If-None-Match"] = others.headers["etag"]
        assert client.get("/api/v1/wishes", headers=headers).json() == mine.json()
        found = client.get("/api/v1/bundle")
        assert found.content == body_of()
        for path in ("/api/v1/wishes/../bundle%00", "/api/v1/wishes/" + name):
            assert client.get(path).status_code == 404
        ran("hub", "revoke", *register, name)
        gone = client.get("/api/v1/wishes", headers={"Authorization": f"Bearer {secrets[1]}"})
        assert gone.status_code == 401


def test_one_vantage_goes_before_its_country_and_that_before_all() -> None:
    who = Enrolled(name="pk-1", place=FleetPlace(country="PK"), joined=0.0)
    given = {
        "": WishedSettings(schedule=WishedSchedule(light=60.0, transfer=600.0), platforms=("x",)),
        "PK": WishedSettings(schedule=WishedSchedule(light=120.0)),
        "pk-1": WishedSettings(platforms=("youtube",)),
        "DE": WishedSettings(platforms=("facebook",)),
        "pk-2": WishedSettings(platforms=("facebook",)),
    }
    rounds = [
        AskedRounds(
            extra=ExtraRounds(id=f"abcdefg{number}", platform="x", rounds=1, until=until),
            names=names,
        )
        for number, until, names in ((1, 10.0, ("pk-1",)), (2, 4.0, ("pk-1",)), (3, 9.0, ("pk-2",)))
    ]
    found = wishes_for(who, given, rounds, 5.0)
    assert found.schedule == WishedSchedule(light=120.0, transfer=600.0)
    assert found.platforms == ("youtube",)
    assert [one.id for one in found.extra] == ["abcdefg1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set",), "say what is to be set"),
        (("set", "--clear", "--light", "5m"), "say what is to be set"),
        (("set", "--light", "1s"), ">= 60.0"),
        (("set", "--platforms", "../x"), "platforms"),
        (("set", "--light", "5m", "--vantage", "nobody"), "nobody who takes part is called"),
        (("set", "--light", "5m", "--vantage", "a", "--country", "PK"), "one of them"),
        (("test", "x", "nobody"), "nobody who takes part is called"),
        (("test", "x"), "nobody takes part there"),
        (("test", "X!"), "platform"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ("hub", *words, "--register", str(tmp_path / "hub")))
    assert done.exit_code != 0
    assert said in done.output
