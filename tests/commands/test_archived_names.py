"""Of what a hub's archive holds the same hosts are written as its gate let stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.cli import main
from probe.config import embedded
from probe.config.schema import VantageConfig
from probe.config.shipped import all_shipped
from probe.model.stored import StoredRound
from probe.publish.parcels.archive import Archive
from probe.publish.privacy.configured_names import NO_HOST, Named
from tests.store.rounds import START, stored

NAME = "tr-9121-aaaaa"
GIVEN, STRANGE = "https://listed.example/a", "https://strange.example/a"
# A control of the country where the vantage is, and the fleet's own file names no country.
(DOMESTIC,) = [one for one in all_shipped(embedded.folder()) if one.name == "control-domestic-tr"]
URL = DOMESTIC.targets[0].url
FILES = "platforms: [x]\ncontrols: [control-jquery]\n"


def of_urls(*urls: str) -> StoredRound:
    """A round whose first legs went there."""
    one = stored(3, vantage=NAME)
    legs = list(one.observed.legs)
    for at, url in enumerate(urls):
        host = url.split("/")[2]
        leg = replace(legs[at].leg, url=url, sni=host, connect_to=host)
        legs[at] = replace(legs[at], leg=leg)
    observed = replace(one.observed, legs=tuple(legs))
    return StoredRound(observed=observed, verdict=replace(one.verdict, vantage=NAME))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text(FILES)
    made = Archive(tmp_path / "rounds")
    made.begin()
    made.place(VantageConfig(name=NAME, country="TR"))
    made.name(Named.of_texts([("url", GIVEN)]))
    assert URL is not None
    made.add(NAME, [of_urls(URL, GIVEN, STRANGE)])
    return made.root


READERS = {
    "csv": ("export", "-f", "csv"),
    "jsonl": ("export", "-f", "jsonl"),
    "ooni": ("export", "-f", "ooni"),
    "explain": ("explain", "x", "--json"),
}


@pytest.mark.parametrize("reader", READERS)
def test_hosts_that_a_vantage_of_the_fleet_may_measure_are_written(
    reader: str, archive: Path
) -> None:
    where = ("-c", str(archive.parent / "fleet.yaml"), "--history", str(archive))
    found = CliRunner().invoke(main, [*READERS[reader], *where])
    assert found.exit_code == 0, found.output
    assert str(URL) in found.stdout
    assert GIVEN in found.stdout
    assert "strange.example" not in found.stdout
    assert NO_HOST in found.stdout


def test_a_report_says_by_its_title_what_it_compared_with(archive: Path) -> None:
    one = of_urls()
    legs = [
        replace(leg, leg=replace(leg.leg, owner=DOMESTIC.name))
        if leg.leg.owner == "jquery"
        else leg
        for leg in one.observed.legs
    ]
    assert any(leg.leg.owner == DOMESTIC.name for leg in legs)
    observed = replace(one.observed, id="0" * 31 + "9", legs=tuple(legs))
    Archive(archive).add(NAME, [replace(one, observed=observed)])
    where = ("-c", str(archive.parent / "fleet.yaml"), "--history", str(archive), "-o", "-")
    times = ("--from", f"{START:.0f}", "--to", f"{START + 7_200.0:.0f}")
    found = CliRunner().invoke(main, ["report", *where, *times])
    assert found.exit_code == 0, found.output
    assert f"{DOMESTIC.title} ({DOMESTIC.operator}, domestic)" in found.stdout
