"""What the public page's pictures for sharing say, of an incident and of a country. Pure.

Of an incident no more than the page: its title, when it was, the numbers beside it, and that it was
corrected. Of a country how it stands, in the words of badges. A picture goes on without
its page, so what goes on says as of when it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from probe.hub.page_writer import PageWriter, said_time
from probe.hub.site_parts import IncidentPage, iso
from probe.hub.strips import SHOWN
from probe.publish.picture.card import (
    MOST_ROWS,
    MOST_ROWS_WORDS,
    CardFact,
    CardRow,
    PictureCard,
    written_by_people,
)

if TYPE_CHECKING:
    from probe.hub.site import PlatformNow, PublicSite

# A picture of what goes on is made anew so often, though nothing of it has changed but the time.
RENEW_SECONDS = 3_600.0
FOOT = "A finding says what was seen, and never who did it."
_STATES = {kind.value: state for kind, state, _ in SHOWN}
_MOST_NAME_LETTERS = 48


def incident_card(site: PublicSite, write: PageWriter, one: IncidentPage) -> PictureCard:
    """That of an incident, in the language of ``write``."""
    said = write.said
    end = "now" if one.ended_at is None else said_time(one.ended_at)
    when = [said(f"{said_time(one.since)} to {end}")]
    if one.ended_at is None:
        when.append(said(f"As of {said_time(iso(site.made_at))}."))
    facts = [
        CardFact(
            said(f"{len(one.networks)} of {one.networks_heard}"),
            said("networks affected, of those heard"),
        ),
        CardFact(said(f"{one.peak_share:.0%}"), said("of their weight, at the most")),
    ]
    if one.factor:
        facts.append(
            CardFact(
                # From left to right, as on the page.
                f"\u2066{said(f'{one.factor:.3g}')} \u00d7\u2069",
                said("slower at the median affected vantage, at the most"),
            )
        )
    return PictureCard(
        language=write.language,
        state=_STATES.get(one.kind.value, "offline"),
        kicker=written_by_people(_name(site), write.language),
        heading=write.heading(one),
        when=" · ".join(when),
        note=said(f"Correction of {said_time(one.corrections[-1].at)}.") if one.corrections else "",
        facts=tuple(facts),
        foot=said(FOOT),
        address=_address(site),
    )


def country_card(
    site: PublicSite, write: PageWriter, country: str, now: Sequence[PlatformNow]
) -> PictureCard:
    """That of a country, with how it is ``now``: what is grave comes first."""
    said = write.said
    rows = [CardRow(one.state, said(one.title), said(one.words)) for one in now]
    room = _rows_with_room(rows)
    if len(rows) > room:
        rows[room - 1 :] = [CardRow("unknown", f"+{len(rows) - room + 1}", "…")]
    return PictureCard(
        language=write.language,
        state=now[0].state,
        kicker=written_by_people(_name(site), write.language),
        heading=write.country(country),
        when=f"{said('Is it being throttled or blocked?')} "
        + said(f"As of {said_time(iso(site.made_at))}."),
        rows=tuple(rows),
        foot=said(FOOT),
        address=_address(site),
    )


def _rows_with_room(rows: Sequence[CardRow]) -> int:
    """How many of them, from the first on."""
    room = letters = 0
    for row in rows[:MOST_ROWS]:
        letters += len(row.words)
        if letters > MOST_ROWS_WORDS:
            break
        room += 1
    return max(1, room)


def incident_key(site: PublicSite, form: str, one: IncidentPage) -> str:
    """A digest of what its pictures say in all languages; ``form``: of all that they rest on."""
    corrected = one.corrections[-1].at if one.corrections else ""
    networks = (len(one.networks), one.networks_heard)
    said = (one.title, one.kind, one.since, networks, one.peak_share, one.factor, corrected)
    return _digest(form, said, _hour(site) if one.ended_at is None else one.ended_at)


def country_key(site: PublicSite, form: str, country: str, now: Sequence[PlatformNow]) -> str:
    """The same of a country's."""
    return _digest(form, country, [(one.state, one.title, one.words) for one in now], _hour(site))


def _digest(*said: object) -> str:
    return sha256(msgspec.json.encode(said)).hexdigest()[:32]


def _hour(site: PublicSite) -> int:
    return int(site.made_at // RENEW_SECONDS)


def _name(site: PublicSite) -> str:
    name = " ".join(site.name.split())
    return name if len(name) <= _MOST_NAME_LETTERS else f"{name[: _MOST_NAME_LETTERS - 1]}…"


def _address(site: PublicSite) -> str:
    return urlsplit(site.home).hostname or ""
