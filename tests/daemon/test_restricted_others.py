"""Which others count while a platform is measured here."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.config.schema import Config, VantageConfig
from probe.daemon.restricted_others import others_restricted
from probe.model.identity import Access, Role
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.model.verdict import HOME_RESOLVER, State, Verdict

NOW = 1_800_000_000.0
HERE = VantageConfig(name="here", country="PK", asn=1)
THERE = VantageConfig(name="there", country="PK", asn=2)
HUB = OthersRestricted(networks=4, since=NOW - 50.0, told_by=ToldBy.HUB)


def config(*vantages: VantageConfig) -> Config:
    shipped = load(None, {})
    return replace(shipped, settings=replace(shipped.settings, vantages=vantages, country="PK"))


def said(vantage: str = "there", **more: Any) -> Verdict:
    one = Verdict(
        vantage=vantage,
        platform="x",
        state=State.THROTTLED,
        rule_id="throttled",
        sentence="",
        at=NOW - 60.0,
        since=NOW - 3_600.0,
    )
    return replace(one, **more)


@pytest.mark.parametrize(
    ("of", "verdict", "counts"),
    [
        (THERE, said(), True),
        (THERE, said(state=State.BLOCKED), True),
        (replace(THERE, country=None), said(), True),
        # Another device in the same network is another vantage.
        (replace(THERE, asn=1), said(), True),
        (THERE, said(state=State.IMPAIRED), False),
        (THERE, said(state=State.UNKNOWN, reason="suspected"), False),
        (THERE, said(state=State.BLOCKED, reason=HOME_RESOLVER), False),
        (THERE, said(platform="youtube"), False),
        (THERE, said(holds_seconds=30.0), False),
        (replace(THERE, country="DE"), said(), False),
        (replace(THERE, role=Role.REFERENCE), said(), False),
        (replace(THERE, access=Access.HOSTING), said(), False),
        (THERE, said("here"), False),
        (THERE, said("gone"), False),
    ],
)
def test_a_proven_restriction_that_stands_for_a_network_of_the_country(
    of: VantageConfig, verdict: Verdict, counts: bool
) -> None:
    found = others_restricted(config(HERE, of), "here", "x", [verdict], None, NOW)
    own = OthersRestricted(networks=1, since=verdict.since, told_by=ToldBy.OWN)
    assert found == (own if counts else None)


def test_networks_are_counted_once_and_those_without_a_number_as_one() -> None:
    more = [VantageConfig(name=f"v{n}", country="PK", asn=asn) for n, asn in enumerate([2, 3, 3])]
    more += [VantageConfig(name=f"n{n}", country="PK") for n in range(2)]
    told = [said(one.name, since=NOW - 100.0 - n) for n, one in enumerate(more)]
    found = others_restricted(config(HERE, *more), "here", "x", told, None, NOW)
    assert found == OthersRestricted(networks=3, since=NOW - 104.0, told_by=ToldBy.OWN)


def test_what_the_hub_says_is_joined_with_it() -> None:
    both = others_restricted(config(HERE, THERE), "here", "x", [said()], HUB, NOW)
    assert both == replace(HUB, since=NOW - 3_600.0)
    assert others_restricted(config(HERE, THERE), "here", "x", [], HUB, NOW) == HUB


def test_whoever_stands_outside_or_is_not_configured_is_told_nothing() -> None:
    abroad = replace(HERE, role=Role.REFERENCE)
    assert others_restricted(config(abroad, THERE), "here", "x", [said()], HUB, NOW) is None
    assert others_restricted(config(THERE), "here", "x", [said()], HUB, NOW) is None
