"""What a round may say in words: as far as that can be told without knowing who wrote it. Pure.

A probe scrubs what it sends as it scrubs an export. One that is in other hands does not, so the
gate does it again, by type: where words are of a closed set or have a form, others are taken out,
as ``probe/publish/privacy/exported_fields.py`` has it; names have the form of names; and no text
has an address, a link or a mailbox in it, for no honest one has. Which hosts may be named only the
fleet's configuration knows, if the hub is given it. Which addresses are servers' cannot be told
here, as that rests on earlier rounds: what has the form of one stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from probe.model.burst import Burst
from probe.model.object_record import NothingRead
from probe.model.observation import (
    DnsAnswer,
    DnsObservation,
    Leg,
    LegObservation,
    RoundObservation,
    SkippedLeg,
)
from probe.model.stored import StoredRound
from probe.model.verdict import LookingBack, TransportFinding, Verdict
from probe.model.viewers_cache import ViewersCache
from probe.model.vouch import Vouch
from probe.publish.privacy.configured_names import NO_HOST, Named
from probe.publish.privacy.exported_fields import Addresses, Scrubber

MOST_LETTERS = 2_000
"""Of a text: some hundreds are usual."""
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*\.?", re.I)
# Of platforms, controls, targets and resolvers, as the configuration has them.
_NAME = re.compile(r"([a-z0-9][a-z0-9_-]{0,39}(/[a-z0-9][a-z0-9_-]{0,39})?)?")
_WORD = re.compile(r"[A-Za-z0-9_./-]{0,80}")
_ADDRESS = re.compile(
    # Also as names of hosts have it.
    r"(?<![0-9])[0-9]{1,3}(?:(?:\.[0-9]{1,3}){3}|(?:-[0-9]{1,3}){3})(?![0-9])"
    r"|(?:[0-9a-f]{1,4}:){3}|[0-9a-f]{1,4}::|::[0-9a-f]"
    r"|[0-9a-z]@[0-9a-z]|://",
    re.IGNORECASE,
)

NAMES: Mapping[type[Struct], Mapping[str, re.Pattern[str]]] = {
    Leg: {"owner": _NAME, "target": _NAME, "prober": _NAME, "candidate": _WORD},
    LegObservation: {"seen_names": _NAME},
    SkippedLeg: {"reason": _WORD},
    DnsObservation: {"resolver": _NAME, "transport": _NAME},
    Burst: {"target": _NAME, "controls": _NAME, "joint": _NAME, "over": _NAME},
    Verdict: {"rule_id": _WORD, "reason": _WORD, "target": _NAME, "measure": _WORD},
    TransportFinding: {
        "transport": _NAME,
        "rule_id": _WORD,
        "reason": _WORD,
        "target": _NAME,
        "measure": _WORD,
    },
    LookingBack: {"target": _NAME},
    NothingRead: {"target": _NAME},
    ViewersCache: {"target": _NAME, "failure": _WORD},
    Vouch: {"target": _NAME},
}
"""The form of each field that is a name. All other texts are held to have nothing of ``_ADDRESS``
in them, but for those of which the scrubber knows more."""
_SCRUBBED: Mapping[type[Struct], frozenset[str]] = {
    Leg: frozenset({"connect_to", "url", "sni", "certificate_name", "also_certified", "pin"}),
    LegObservation: frozenset({"address"}),
    DnsObservation: frozenset({"name"}),
    DnsAnswer: frozenset({"addresses"}),
    Burst: frozenset({"address"}),
}


class AnyHost(Named, frozen=True, kw_only=True):
    """For a hub that does not know what its fleet measures: what has the form of a host may be
    named, and paths stay."""

    def host(self, name: str) -> str:
        """``name``, if it is a host's, or an address."""
        return name if not name or _is_address(name) or _HOST.fullmatch(name) else NO_HOST

    def port(self, number: int) -> int:
        """As it is."""
        return number

    def url(self, url: str) -> str:
        """``url``; a login and a fragment never."""
        try:
            parts = urlsplit(url)
            place = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
        except ValueError:
            return super().url(url)
        if self.host(parts.hostname or NO_HOST) == NO_HOST:
            return super().url(url)
        known = parts.scheme in ("https", "http") and parts.netloc.lower() == place.lower()
        return url if known and not parts.fragment else super().url(url)


class _ByForm(Addresses):
    """Every address stays: which of them are servers' rests on what was seen before."""

    def learn(self, observed: RoundObservation) -> None:
        """Nothing: what a round proves is its vantage's word."""

    def written(self, text: str) -> str:
        """``text``, or its network."""
        return text if _is_address(text) else super().written(text)


class Wording:
    """``named``: what the fleet's configuration names; ``None``: not known."""

    def __init__(self, named: Named | None) -> None:
        self._named = AnyHost() if named is None else named

    def scrubbed(self, stored: StoredRound) -> StoredRound | None:
        """``stored`` without what it may not say; ``None``: its words are none of ours."""
        scrubber = Scrubber(self._named)
        scrubber.addresses = _ByForm(self._named)
        found = scrubber.stored(stored)
        return found if all(_may_stand(*one) for one in _texts(found)) else None


def _may_stand(of: type[Struct], field: str, text: str) -> bool:
    form = NAMES.get(of, {}).get(field)
    if form is not None and not form.fullmatch(text):
        return False
    return len(text) <= MOST_LETTERS and not _ADDRESS.search(text)


def _texts(value: Any) -> Iterator[tuple[type[Struct], str, str]]:
    """Each text in ``value``, and in which field of what."""
    of = type(value)
    for name in value.__struct_fields__:
        if name in _SCRUBBED.get(of, ()):
            continue
        below = getattr(value, name)
        for one in below if isinstance(below, tuple) else (below,):
            if type(one) is str:
                yield of, name, one
            elif isinstance(one, Struct):
                yield from _texts(one)


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return "%" not in text  # what follows is an interface's name
