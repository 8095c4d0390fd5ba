"""What the hub tells each probe of restrictions elsewhere in its country: what was released, and
no more, as everybody can read it on the public page."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from probe.config.hub_wishes import MOST_RESTRICTED, RestrictedElsewhere
from probe.hub.enrolled import Enrolled
from probe.hub.ledger import FindingsLedger, PublicIncident, ReleaseState
from probe.model.finding import FindingKind
from probe.model.identity import Role

STILL_SECONDS = 3_600.0
"""An incident is affected in each minute, or about to end; what is older nobody goes on reading."""


def read_released(ledger: Path) -> tuple[PublicIncident, ...]:
    """The restrictions in the file that go on and were released. Where there is no file nothing was
    released: it is not made. Raises ``NoLedgerError`` and ``sqlite3.Error``."""
    if not ledger.is_file():
        return ()
    with closing(FindingsLedger(ledger)) as file:
        return tuple(one for one in file.all() if _goes_on(one))


def _goes_on(one: PublicIncident) -> bool:
    its = one.incident
    return (
        one.standing is ReleaseState.RELEASED
        and its.kind is FindingKind.RESTRICTED
        and its.closed_at is None
        and not its.transport
        and not its.drill
    )


def restricted_for(
    who: Enrolled, released: Iterable[PublicIncident], now: float
) -> tuple[RestrictedElsewhere, ...]:
    """What ``who`` is told: of the other networks of its country, by platform."""
    if who.place.role is not Role.INSIDE:
        return ()
    found: dict[str, RestrictedElsewhere] = {}
    for one in released:
        its = one.incident
        networks = {asn for asn in its.networks if asn != who.place.asn}
        if its.country != who.place.country or not networks:
            continue
        if now - its.updated_at > STILL_SECONDS:
            continue
        found[its.platform] = RestrictedElsewhere(
            platform=its.platform, networks=len(networks), since=max(0.0, its.since)
        )
    return tuple(found[name] for name in sorted(found))[:MOST_RESTRICTED]
