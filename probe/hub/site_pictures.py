"""Which pictures for sharing a site has, where they are, and which of them are to be made.

A picture says in itself of what it was made, so that the folder alone tells what is new. No turn
makes more of them than ``MOST_AT_ONCE``: the next ones go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from probe.hub.cards import country_card, country_key, incident_card, incident_key
from probe.hub.page_writer import PageWriter, file_of
from probe.hub.site_form import made_of
from probe.publish.languages.offered import ENGLISH
from probe.publish.languages.tongue import Tongue
from probe.publish.picture.card import PictureCard

if TYPE_CHECKING:
    from probe.hub.site import PlatformNow, PublicSite
    from probe.hub.site_parts import IncidentPage
    from probe.publish.picture.drawn_card import Pencil

MOST_AT_ONCE = 60

SaysCard = Callable[[PageWriter], PictureCard]
"""What a picture says in the language of a writer."""


class SitePictures:
    """Those of ``site``, drawn by ``pencil``."""

    def __init__(self, site: PublicSite, pencil: Pencil) -> None:
        self._site, self._pencil = site, pencil
        self._writers = {code: PageWriter(site, Tongue(code)) for code in pencil.languages()}

    def to_make(
        self,
        now: Mapping[str, Sequence[PlatformNow]],
        incidents: Sequence[IncidentPage],
        key_at: Callable[[str], str],
    ) -> tuple[dict[str, bytes], int]:
        """By their paths those whose content is another than that of the file that is there
        (``key_at`` a path), and how many more there are. ``now`` by country; ``incidents``: the
        newest first."""
        made, left = dict[str, bytes](), 0
        for folder, key, card in self._all(now, incidents):
            for code, write in self._writers.items():
                path = folder + picture_file(code, self._site.language)
                if key_at(path) == key:
                    continue
                if len(made) >= MOST_AT_ONCE:
                    left += 1
                    continue
                drawn = self._pencil.drawn(card(write), key)
                if drawn is not None:
                    made[path] = drawn
        return made, left

    def beside(self, language: str, card: SaysCard) -> str | None:
        """The file that a page names: the picture in its language, or the English one if there is
        no font for it; ``None``: there is neither."""
        for code in dict.fromkeys((language, ENGLISH)):
            if code in self._writers and self._pencil.can(card(self._writers[code])):
                return picture_file(code, self._site.language)
        return None

    def _all(
        self, now: Mapping[str, Sequence[PlatformNow]], incidents: Sequence[IncidentPage]
    ) -> Iterator[tuple[str, str, SaysCard]]:
        """Folders, keys, and what is said."""
        site, form = self._site, made_of(self._site, self._pencil).form
        for country, said in now.items():
            key = country_key(site, form, country, said)
            yield f"{country.lower()}/", key, of_country(site, country, said)
        for one in incidents:
            yield f"incidents/{one.id}/", incident_key(site, form, one), of_incident(site, one)


def of_country(site: PublicSite, country: str, now: Sequence[PlatformNow]) -> SaysCard:
    """What the picture of a country says."""
    return lambda write: country_card(site, write, country, now)


def of_incident(site: PublicSite, one: IncidentPage) -> SaysCard:
    """What the picture of an incident says."""
    return lambda write: incident_card(site, write, one)


def picture_file(language: str, own: str) -> str:
    """``picture.ur.png``: what it is called beside the page in that language."""
    return file_of(language, own).replace("index", "picture").replace(".html", ".png")
