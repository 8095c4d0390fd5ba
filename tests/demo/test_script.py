from __future__ import annotations

import pytest

from probe.demo.cast import LINES, PLATFORMS, SITES, line_from, platform_of
from probe.demo.script import Scene, Script, advance, twentieth_of_january
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
    begins = [act.at_seconds for act in script.acts]
    assert begins[0] == 0.0
    assert begins == sorted(set(begins))
    assert script.seconds * speed == 120.0


def played(script: Script, *, sure_at: float, well_after: float) -> list[tuple[int, float]]:
    """The acts and when they began, and the end, where the daemon is sure at ``sure_at`` and sees
    that all is well so long after the last act began. Looked at once a second."""
    place, found = Scene(), [(0, 0.0)]
    for second in range(1_000):
        lasts = second - place.since_seconds
        last = place.number == len(script.acts) - 1
        following = advance(
            script,
            place,
            float(second),
            national=second >= sure_at,
            well=last and lasts >= well_after,
        )
        if following is None:
            return [*found, (-1, float(second))]
        if following != place:
            place = following
            found.append((place.number, place.since_seconds))
    raise AssertionError("it never ends")


def test_where_the_daemon_is_in_time_it_takes_two_minutes() -> None:
    found = played(twentieth_of_january(), sure_at=60.0, well_after=10.0)
    assert found == [(0, 0.0), (1, 30.0), (2, 33.0), (3, 36.0), (4, 95.0), (-1, 120.0)]


def test_it_waits_for_a_slow_machine_but_not_for_ever() -> None:
    script = twentieth_of_january()
    assert played(script, sure_at=120.0, well_after=40.0)[-2:] == [(4, 120.0), (-1, 160.0)]
    assert played(script, sure_at=9_999.0, well_after=9_999.0)[-2:] == [(4, 300.0), (-1, 420.0)]


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
