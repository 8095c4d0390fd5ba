"""What people are told of incidents that a group released."""

from __future__ import annotations

from msgspec.structs import replace

from probe.hub.announcing import Announcements, news
from probe.hub.ledger import Correction, PublicIncident, ReleaseState
from probe.model.finding import Ending, Reference, Scope
from tests.hub.test_site import NOW, incident, released

TITLES = {"x": "X"}


def told(*steps: PublicIncident) -> list[str]:
    """The titles of all messages, one turn after the other."""
    announced, found = Announcements(), list[str]()
    for step in steps:
        announced, notices = news(announced, [step], TITLES, "https://w.example/")
        found += [notice.title for notice in notices]
        assert all(f"https://w.example/incidents/{step.incident.id}/" in n.text for n in notices)
    assert news(announced, [steps[-1]], TITLES, "")[1] == [], "nothing is told twice"
    return found


def test_a_release_its_growth_its_end_and_its_corrections_are_told_once_each() -> None:
    fine = Reference.FINE
    one = released(scope=Scope.NETWORK, reference=fine)
    grown = released(scope=Scope.NATION, reference=fine)
    corrected = replace(grown, corrections=(Correction(NOW, "A clock was wrong."),))
    over = replace(
        corrected,
        incident=incident(reference=fine, closed_at=NOW, ending=Ending.RECOVERED),
    )
    assert told(
        PublicIncident(incident=one.incident),
        replace(one, standing=ReleaseState.HELD),
        one,
        one,
        grown,
        corrected,
        over,
    ) == [
        "X is throttled or blocked in one network (PK)",
        "X is throttled or blocked nation-wide (PK)",
        "Correction (PK)",
        "Ended: X was throttled or blocked nation-wide (PK)",
    ]


def test_what_is_released_after_its_end_is_one_message() -> None:
    gone = released(reference=Reference.FINE, closed_at=NOW, ending=Ending.NO_DATA)
    assert told(gone) == ["Not heard of any more: X was throttled or blocked nation-wide (PK)"]
