"""The stage, with the real measuring code as its client."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli import main
from probe.config import contacts, load
from probe.demo.cast import LINES, SITES
from probe.demo.script import Act, Script
from probe.demo.setting import make_certificates, write_configuration
from probe.demo.stage import Stage
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.round import Rounds
from probe.measure.tls.trust import Trust
from probe.model.identity import Family, LegRole, RoundKind
from probe.model.observation import RoundObservation
from probe.observe.goodput import goodput
from tests.again import undisturbed

SLOWED = LINES[0]
SCRIPT = Script(
    acts=(
        Act(
            at_seconds=0.0,
            title="one network slows one platform",
            asns=frozenset({SLOWED.asn}),
            platforms=frozenset({"x"}),
        ),
    ),
    after_seconds=60.0,
    patience_seconds=60.0,
    rate_bytes_per_second=30_000.0,
)


@contextlib.asynccontextmanager
async def rounds(folder: Path) -> AsyncIterator[Rounds]:
    leaf = await asyncio.to_thread(make_certificates, folder)
    stage = Stage(leaf, SCRIPT)
    await stage.start()
    stage.turn_to(0)
    file = write_configuration(folder, port=stage.relay.port, listen="127.0.0.1:0", speed=1.0)
    config = load(file, {})
    try:
        yield Rounds(config, Trust.load(config.settings.ca_file), BetweenRounds())
    finally:
        await stage.stop()


async def one(by: Rounds, vantage: str, platform: str) -> RoundObservation:
    return await by.measure(
        platform=platform, vantage=vantage, kind=RoundKind.TRANSFER, family=Family.IPV4
    )


def rate(observed: RoundObservation, role: LegRole) -> float:
    rates = [value for leg in observed.by_role(role) if (value := goodput(leg)) is not None]
    assert rates, [leg.failure for leg in observed.legs]
    return max(rates)


@undisturbed
@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
async def test_only_the_name_on_the_restricting_network_is_slow(tmp_path: Path) -> None:
    async with rounds(tmp_path) as by:
        slowed = await one(by, SLOWED.name, "x")
        spared_platform = await one(by, SLOWED.name, "youtube")
        spared_network = await one(by, LINES[1].name, "x")
    for observed in (slowed, spared_platform, spared_network):
        assert all(leg.ok for leg in observed.legs)
    assert rate(slowed, LegRole.TARGET) < 32_000.0
    assert rate(slowed, LegRole.SWAP) > 3 * rate(slowed, LegRole.TARGET)
    assert rate(slowed, LegRole.CONTROL) > 3 * rate(slowed, LegRole.TARGET)
    assert rate(spared_platform, LegRole.TARGET) > 3 * rate(slowed, LegRole.TARGET)
    assert rate(spared_network, LegRole.TARGET) > 3 * rate(slowed, LegRole.TARGET)


def test_the_configuration_names_nothing_outside_this_machine(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    file = write_configuration(tmp_path, port=4433, listen="127.0.0.1:0", speed=1.0)
    config = load(file, {}, has=lambda library: True)
    # Whatever is installed: its servers do not speak it.
    assert config.settings.quic is False
    pinned = config.settings.resolve
    places = [contact.host for contact in contacts(config) if contact.transport == "tcp"]
    asked = set(places) & {site.host for site in SITES}
    assert asked == {site.host for site in SITES}
    assert all(address.startswith("127.") for host in asked for address in pinned[host])
    assert not config.settings.dns.system
    assert not config.settings.dns.resolvers


@pytest.mark.parametrize("keep", [False, True])
def test_a_history_is_kept_where_it_was_asked_for(keep: bool, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    file = write_configuration(tmp_path, port=4433, listen="127.0.0.1:0", speed=1.0, keep=keep)
    kept = str(tmp_path / "history.sqlite3") if keep else None
    config = load(file, {})
    assert config.settings.store.path == kept
    # A page of made-up numbers must not be taken for one of a country.
    titles = [platform.title for platform in (*config.platforms, *config.controls)]
    assert {title.startswith("Demo of ") for title in titles} == {keep}


def test_a_copied_folder_has_a_history_of_its_own(tmp_path: Path) -> None:
    """So `wipe` of a copy takes the copy."""
    made, copied = tmp_path / "made", tmp_path / "copied"
    made.mkdir()
    make_certificates(made)
    write_configuration(made, port=4433, listen="127.0.0.1:0", speed=1.0, keep=True)
    shutil.copytree(made, copied)
    config = load(copied / "throttlewatch.yaml", {})
    assert config.settings.store.path == str(copied / "history.sqlite3")


def test_a_folder_that_is_there_is_not_played_into(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["demo", "--keep", str(tmp_path)])
    assert (done.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "is there already" in done.output
