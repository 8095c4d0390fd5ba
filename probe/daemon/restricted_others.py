"""Whether a platform is restricted at others while it is measured here. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from probe.config.schema import Config, VantageConfig
from probe.model.identity import Access, Role
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.model.verdict import Verdict


def others_restricted(
    config: Config,
    vantage: str,
    platform: str,
    verdicts: Iterable[Verdict],
    released: OthersRestricted | None,
    now: float,
) -> OthersRestricted | None:
    """What holds ``now`` of others than ``vantage``: of the ``verdicts`` of this daemon's own
    vantages those that stand for their network and are of the same country, and what the hub has
    ``released``. ``None``: nothing, as always of a vantage outside."""
    by_name = {one.name: one for one in config.settings.vantages}
    here = by_name.get(vantage)
    if here is None or here.role is not Role.INSIDE:
        return None
    found = [
        (by_name[one.vantage].asn, one.since)
        for one in verdicts
        if one.platform == platform
        and one.vantage != vantage
        and one.votes
        and now <= one.holds_until
        and one.vantage in by_name
        and _stands(by_name[one.vantage])
        and _country(config, by_name[one.vantage]) == _country(config, here)
    ]
    if not found:
        return released
    own = OthersRestricted(
        networks=len({asn for asn, _ in found}),  # those of which nothing is said are one
        since=min(since for _, since in found),
        told_by=ToldBy.OWN,
    )
    return own.with_others(released)


def _stands(vantage: VantageConfig) -> bool:
    """Hosting networks are often spared, and whoever stands outside accuses nobody."""
    return vantage.role is Role.INSIDE and vantage.access is not Access.HOSTING


def _country(config: Config, vantage: VantageConfig) -> str:
    return vantage.country or config.settings.country
