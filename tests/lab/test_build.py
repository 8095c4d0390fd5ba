"""A world as a value: from the configuration, before any server runs. Needs no root."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from lab.small import CONFIG, LINK, MIRROR, ON_PAGE, PAGE, PICTURES, VIDEO
from lab.world.answer import answer
from lab.world.build import WorldError, world_for
from lab.world.content import PAGES
from lab.world.dns import Zone
from lab.world.spec import LARGEST_BYTES, Certificate, Object, Site
from probe.config import contacts, load
from probe.config.candidates import candidates_of
from probe.config.definition import Definition
from probe.config.formats import is_address
from probe.config.hosts import covers
from probe.config.schema import Config, Settings
from probe.measure.objects.discover import find_links

WORLD = world_for(CONFIG)


def test_every_declared_host_has_addresses_of_both_families() -> None:
    zone = Zone(WORLD.zone, WORLD.ttl_seconds)
    for definition in (*CONFIG.platforms, *CONFIG.controls):
        for host in definition.hosts:
            addresses = zone.lookup(host.replace("*", "any")) or ()
            assert {":" in address for address in addresses} == {True, False}, host


def test_no_two_operators_and_no_two_hosts_share_an_address() -> None:
    sites = Counter(address for site in WORLD.sites for address in site.addresses)
    hosts = Counter(address for addresses in WORLD.zone.values() for address in addresses)
    assert max(sites.values()) == max(hosts.values()) == 1
    assert {len(a) // 2 for a in WORLD.zone.values()} == {1, 2, 3}


def test_definitions_of_one_operator_share_its_servers() -> None:
    sister = Definition(
        name="sister", title="", why="", operator="Meta", hosts=("sister.example",), targets=()
    )
    world = world_for(Config(settings=Settings(), platforms=(PICTURES, sister), controls=()))
    (site,) = [s for s in world.sites if set(world.zone["sister.example"]) <= set(s.addresses)]
    assert set(world.zone["www.instagram.com"]) <= set(site.addresses)
    assert any(covers(c.names, "sister.example") for c in site.certificates)


def test_definitions_that_share_a_host_share_its_servers() -> None:
    also = Definition(name="also", title="", why="", hosts=("mirror.gcr.io", "b.ex"), targets=())
    world = world_for(Config(settings=Settings(), platforms=(PICTURES, VIDEO, also), controls=()))
    holding = [s for s in world.sites if set(world.zone["b.ex"]) <= set(s.addresses)]
    assert [set(world.zone["test.googlevideo.com"]) <= set(s.addresses) for s in holding] == [True]


def test_pinned_names_have_exactly_their_addresses() -> None:
    settings = Settings(resolve={"deb.debian.org": ("203.0.113.9",)})
    world = world_for(Config(settings=settings, platforms=(), controls=(MIRROR,)))
    assert world.zone["deb.debian.org"] == ("203.0.113.9",)
    assert "203.0.113.9" in world.addresses()


def test_the_link_of_a_page_is_what_is_served() -> None:
    (site,) = [s for s in WORLD.sites if s.name == "meta"]
    page = site.object_at("www.instagram.com", "/")
    assert page is not None
    assert page.text is not None
    assert asyncio.run(find_links(PAGE, page.text.encode(), ON_PAGE)) == (LINK,)
    found = site.object_at("static.cdninstagram.com", LINK.partition(".com")[2])
    assert found is not None
    assert 100_000 <= found.size_bytes <= LARGEST_BYTES


def test_a_page_that_nobody_described_is_an_error() -> None:
    with pytest.raises(WorldError, match=r"content\.py does not say"):
        world_for(CONFIG, pages={})


def test_an_object_larger_than_the_world_is_an_error() -> None:
    (target,) = MIRROR.targets
    large = structs.replace(target, min_bytes=LARGEST_BYTES + 1)
    control = structs.replace(MIRROR, targets=(large,))
    with pytest.raises(WorldError, match="larger than"):
        world_for(Config(settings=Settings(), platforms=(), controls=(control,)))


DEFAULT = structs.replace(load(None, {}), pool=())  # the lab has the fixed controls
EVERYTHING = load(None, {"THROTTLEWATCH_PLATFORMS": "x,facebook,instagram,youtube,whatsapp"})
DISCOVERIES = {
    page: candidate.discover
    for definition in (*EVERYTHING.platforms, *EVERYTHING.controls)
    for target in definition.targets
    for candidate in candidates_of(target)
    if candidate.discover is not None
    for page in (candidate.discover.page, *candidate.discover.pages)
}


@pytest.mark.parametrize("url", sorted(PAGES.keys() | DISCOVERIES.keys()))
def test_pages_lead_the_shipped_definitions_to_their_links(url: str) -> None:
    page = PAGES[url]
    whole = page.whole()
    assert abs(len(whole) - len(page.text) - page.lead_bytes) < 100
    found = asyncio.run(find_links(url, whole.encode(), DISCOVERIES[url]))
    assert found == (*page.small, page.link)


def test_the_world_of_the_default_configuration_has_every_contact() -> None:
    world = world_for(DEFAULT)
    zone = Zone(world.zone, world.ttl_seconds)
    for contact in contacts(DEFAULT):
        if contact.host == "system":
            continue
        addresses = (contact.host,) if is_address(contact.host) else zone.lookup(contact.host)
        assert addresses is not None, contact
        assert set(addresses) <= set(world.addresses()), contact


ONE = Site(
    name="one",
    addresses=("198.18.9.9",),
    certificates=(Certificate(names=("one.example",), file="one.pem"),),
    objects={"one.example": {"/": Object(size_bytes=1_000), "/text": Object(text="häufig")}},
)


@given(first=st.integers(0, 1_200), length=st.integers(1, 1_200))
def test_ranges_are_parts_of_the_whole(first: int, length: int) -> None:
    def get(range_header: str | None) -> tuple[int, bytes]:
        made = answer(
            ONE, method="GET", host="one.example", target="/?q", range_header=range_header
        )
        assert dict(made.headers)["content-length"] == str(len(made.body))
        return made.status, bytes(made.body)

    status, whole = get(None)
    assert (status, len(whole)) == (200, 1_000)
    status, part = get(f"bytes={first}-{first + length - 1}")
    assert part == whole[first : first + length]
    assert status == (206 if first < 1_000 else 416)


def test_the_port_in_a_host_header_and_the_case_do_not_matter() -> None:
    made = answer(ONE, method="GET", host="ONE.example:443", target="/text", range_header=None)
    assert bytes(made.body).decode() == "häufig"
    absent = answer(ONE, method="GET", host="two.example", target="/text", range_header=None)
    assert absent.status == 404


def test_every_shipped_platform_has_a_world_the_extra_ones_too() -> None:
    built = world_for(EVERYTHING)
    assert {name for p in EVERYTHING.platforms for name in p.hosts} <= set(built.zone)
