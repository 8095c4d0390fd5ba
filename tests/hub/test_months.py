"""A country's page stays small: its months have the rest, and each incident stays where it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from probe.hub.ledger import PublicIncident
from probe.hub.months import MOST_LISTED, MonthDocument
from probe.hub.site import files_of
from probe.hub.site_folder import SiteFolder
from probe.model.finding import Ending
from tests.hub.test_site import NOW, released, site_of

DAY = 86_400.0


def ended(number: int) -> PublicIncident:
    """The newest first, one every two days."""
    since = NOW - 2 * DAY * number - DAY
    return released(
        id=f"pk-x-restricted-{number}",
        since=since,
        opened_at=since,
        updated_at=since + 3_600.0,
        closed_at=since + 7_200.0,
        ending=Ending.RECOVERED,
    )


MANY = [ended(number) for number in range(60)]
# It goes on since long ago.
OPEN = released(
    id="pk-x-restricted-open", since=NOW - 110 * DAY, opened_at=NOW - 110 * DAY + 3_600.0
)


def listed(page: bytes) -> list[str]:
    _, _, text = page.decode().rpartition("<h2>Incidents</h2>")
    return re.findall(r"incidents/(pk-x-restricted-\w+)/index\.html", text)


def test_the_latest_and_what_goes_on_are_listed_and_the_rest_is_by_month() -> None:
    files = files_of(site_of(*MANY, OPEN))
    country = listed(files["pk/index.html"])
    assert country == [one.incident.id for one in [*MANY[:MOST_LISTED], OPEN]]
    months = re.findall(r'href="\.\./(pk/\d{4}-\d\d/index\.html)"', files["pk/index.html"].decode())
    assert months == sorted(months, reverse=True)
    assert len(months) >= 4
    found = {}
    for path in months:
        for name in listed(files[path]):
            found[name] = path.split("/")[1]
    assert found == {
        one.incident.id: datetime.fromtimestamp(one.incident.opened_at, UTC).strftime("%Y-%m")
        for one in [*MANY, OPEN]
    }
    assert all(f"incidents/{name}/index.html" in files for name in found)
    document = msgspec.json.decode(files["pk/2026-01/incidents.json"], type=MonthDocument)
    assert [one.id for one in document.incidents] == listed(files["pk/2026-01/index.html"])
    assert "Jan 2026" in files["pk/2026-01/index.html"].decode()
    assert "\u0698\u0627\u0646\u0648\u06cc\u0647" in files["pk/2026-01/index.fa.html"].decode()


def test_one_that_began_in_the_month_before_stays_in_the_month_of_its_page(tmp_path: Path) -> None:
    """Its beginning is the earliest that was found yet."""
    found = datetime(2026, 1, 1, 0, 10, tzinfo=UTC).timestamp()
    there, name = SiteFolder(tmp_path), "pk-x-restricted-moves"
    for since in (found, found - 1_800.0):
        one = released(id=name, since=since, opened_at=found)
        there.write(files_of(site_of(one), there.stands))
    (page,) = tmp_path.glob("pk/????-??/index.html")
    assert page.parent.name == "2026-01"
    assert listed(page.read_bytes()) == [name]
    document = msgspec.json.decode((page.parent / "incidents.json").read_bytes())
    assert document["incidents"][0]["since"].startswith("2025-12-31T23:40")


def test_of_few_there_is_nothing_to_look_up() -> None:
    files = files_of(site_of(*MANY[:MOST_LISTED]))
    assert "by month" not in files["pk/index.html"].decode()
    assert "pk/2026-01/index.html" in files, "an address that was given out stays"


def test_months_of_which_nothing_is_new_are_not_made_again(tmp_path: Path) -> None:
    there, site = SiteFolder(tmp_path), site_of(*MANY)
    there.write(files_of(site))
    made = files_of(site, there.stands)
    assert not [path for path in made if re.match(r"pk/\d{4}-\d\d/", path)]
    newer = released(id="pk-x-restricted-new", since=NOW - 60.0)
    made = files_of(site_of(newer, *MANY), there.stands)
    assert {path.split("/")[1] for path in made if re.match(r"pk/\d{4}-\d\d/", path)} == {"2026-01"}
