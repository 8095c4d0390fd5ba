"""The languages that there are catalogs of, and which of them a reader wants."""

from __future__ import annotations

from msgspec import Struct

ENGLISH = "en"


class OfferedLanguage(Struct, frozen=True):
    """``name``: what it calls itself."""

    name: str
    right_to_left: bool = False


OFFERED: dict[str, OfferedLanguage] = {
    ENGLISH: OfferedLanguage("English"),
    "ur": OfferedLanguage("اردو", right_to_left=True),
    "fa": OfferedLanguage("فارسی", right_to_left=True),
    "ar": OfferedLanguage("العربية", right_to_left=True),
    "tr": OfferedLanguage("Türkçe"),
    "ru": OfferedLanguage("Русский"),
}


def wanted(accept_language: str, otherwise: str = ENGLISH) -> str:
    """The best of ``OFFERED`` for an Accept-Language header (RFC 9110, 12.5.4); ``otherwise``, if
    it names none of them. Of a region only the language counts: ``ur-PK`` is ``ur``."""
    best, most = otherwise, 0.0
    for part in accept_language.split(","):
        tag, _, parameters = part.strip().partition(";")
        code = tag.strip().partition("-")[0].lower()
        weight = _weight(parameters)
        if code in OFFERED and weight > most:
            best, most = code, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
