"""A country's incidents by the month (UTC) in which they were found, for the public page. Pure.

When one began may turn out to be earlier, in another month: when it was found never changes, so it
is in one month for ever.

A country's page lists the latest and what goes on, and leads to its months, so that it stays as
small as it is after years. An incident's own page stays where it is.
"""

from __future__ import annotations

from calendar import month_abbr
from collections.abc import Iterable, Sequence

from msgspec import Struct

from probe.hub.site_parts import API_VERSION, IncidentPage

MOST_LISTED = 20
"""On a country's page, beside what goes on."""


class MonthDocument(Struct, frozen=True, kw_only=True):
    """``pk/2026-01/incidents.json``: a month's incidents of a country, the newest first."""

    country: str
    month: str
    incidents: tuple[IncidentPage, ...]
    version: int = API_VERSION

    @property
    def folder(self) -> str:
        """Where it and its pages are, from the site's root."""
        return f"{self.country.lower()}/{self.month}/"

    @property
    def path(self) -> str:
        """Its page."""
        return f"{self.folder}index.html"

    @property
    def data_path(self) -> str:
        """Itself."""
        return f"{self.folder}incidents.json"

    @property
    def label(self) -> str:
        """``Jan 2026``."""
        year, month = self.month.split("-")
        return f"{month_abbr[int(month)]} {year}"


def months_of(country: str, pages: Iterable[IncidentPage]) -> tuple[MonthDocument, ...]:
    """Those of a country, the newest first; ``pages``: of all countries, the newest first."""
    found: dict[str, list[IncidentPage]] = {}
    for one in pages:
        if one.country == country:
            found.setdefault(one.found_at[:7], []).append(one)
    return tuple(
        MonthDocument(country=country, month=month, incidents=tuple(several))
        for month, several in sorted(found.items(), reverse=True)
    )


def listed(pages: Sequence[IncidentPage]) -> list[IncidentPage]:
    """Of a country's ``pages``, the newest first: those that its page lists."""
    return [one for number, one in enumerate(pages) if number < MOST_LISTED or one.ended_at is None]
