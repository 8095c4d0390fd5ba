from __future__ import annotations

import pytest

from probe.demo.cast import LINES, PLATFORMS, SITES, line_from, platform_of
from probe.demo.script import twentieth_of_january
from probe.model.identity import Access, Role


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_the_day_is_calm_spreads_reaches_everyone_at_home_and_ends(speed: float) -> None:
    script = twentieth_of_january(speed=speed)
    networks = [len(act.asns) for act in script.acts]
    at_home = {
        line.asn for line in LINES if line.role is Role.INSIDE and line.access is not Access.HOSTING
    }
    assert networks[0] == networks[-1] == 0
    assert networks[:-1] == sorted(networks[:-1])
    assert script.acts[-2].asns == at_home
    assert all(script.acts[-2].restricts(asn, site.name) for asn in at_home for site in PLATFORMS)
    assert script.acts[-1].at_seconds < script.seconds
    assert [script.act_at(act.at_seconds) for act in script.acts] == list(script.acts)
    assert script.act_at(0.0) is script.acts[0]


def test_enough_networks_play_for_a_nation() -> None:
    script = twentieth_of_january()
    assert len(script.acts[-2].asns) >= 3


def test_every_line_and_address_is_loopback_and_one_only() -> None:
    sources = [line.source for line in LINES]
    addresses = [address for site in SITES for address in site.addresses]
    assert len({*sources, *addresses}) == len(sources) + len(addresses)
    assert all(address.startswith("127.") for address in (*sources, *addresses))
    assert line_from(LINES[0].source) is LINES[0]
    assert line_from("127.0.0.1") is None
    assert (platform_of("x.com"), platform_of("deb.debian.org")) == ("x", "")
