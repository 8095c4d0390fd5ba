"""What a configuration would name, if it were the one that rounds of tests were made with."""

from __future__ import annotations

from collections.abc import Iterable

from probe.model.stored import StoredRound
from probe.publish.privacy.configured_names import Named
from probe.publish.privacy.exported_fields import Scrubber


def scrubber_of(rounds: Iterable[StoredRound]) -> Scrubber:
    """One that knows every host, link and server of ``rounds``."""
    texts: set[tuple[str, str]] = set()
    for stored in rounds:
        seen = stored.observed.every_leg
        texts |= {("host", one.address or "") for one in seen}
        for leg in (*(s.leg for s in stored.observed.skipped), *(o.leg for o in seen)):
            texts |= {("url", leg.url), ("host", leg.connect_to), ("sni", leg.sni)}
            texts |= {("host", name) for name in (leg.certificate_name, *leg.also_certified)}
        for dns in stored.observed.dns:
            texts.add(("host", dns.name))
            texts |= {("host", a) for answer in dns.answers for a in answer.addresses}
    return Scrubber(Named.of_texts(texts - {("url", ""), ("host", ""), ("sni", "")}))
