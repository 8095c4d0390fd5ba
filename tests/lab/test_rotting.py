"""Objects that rot at their own servers, with real ones and the real daemon: nobody is accused,
and where the server says so the next object is read within two rounds.

Three troubles, drawn, each at the first object of another platform; all ten of all targets:
``tests/synth/test_rot.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from lab.daemon import LabDaemon, Scrape
from lab.scenario.setting import setting
from lab.world.content import PAGES
from lab.world.spec import Object, Site, WorldSpec
from probe.model.verdict import RESTRICTED
from scenarios.lines import FIBRE
from scenarios.model import Scenario
from scenarios.rows import Row
from synth.rot import Rot

pytestmark = [
    pytest.mark.lab,
    pytest.mark.usefixtures("requires_lab"),
    pytest.mark.timeout(400),
]
PAGE = {
    "x": "https://x.com/explore",
    "facebook": "https://www.facebook.com/",
    "instagram": "https://www.instagram.com/",
}
ROTTING = Scenario(
    id="rotting",
    name="objects move, go, and hide",
    rows=(Row.CONTROL_RESTRICTED,),
    source="",
    platforms=tuple(PAGE),
    alternatives=((),),
    expect=(),
)
ELSEWHERE = "https://login.example.org/"
TEXT = {"text": "<html><title>Log in</title></html>", "content_type": "text/html; charset=utf-8"}
BECOMES: dict[Rot, Callable[[Object], Object]] = {
    Rot.REDIRECT_ELSEWHERE: lambda one: replace(one, status=302, location=ELSEWHERE, text=""),
    Rot.NOT_FOUND: lambda one: replace(one, status=404, text="gone\n"),
    Rot.SHRUNK: lambda one: replace(one, size_bytes=4_000),
    Rot.LOGIN_PAGE: lambda one: replace(one, **TEXT),
    Rot.BUSY: lambda one: replace(one, status=503, text="busy\n", retry_after=86_400),
    Rot.NO_LINK: lambda one: replace(one, status=404, text="gone\n"),
}
DRAWN_FROM = (Rot.SAME_HOST_REDIRECT, Rot.OTHER_CERTIFICATE, *BECOMES)
SOON = 120.0


def rotten(spec: WorldSpec, platform: str, rot: Rot) -> WorldSpec:
    """The world in which the first object of a platform is in this trouble."""
    link = urlsplit(PAGES[PAGE[platform]].link)
    page = urlsplit(PAGE[platform])
    host = link.hostname or ""

    def at(site: Site) -> Site:
        paths = site.objects.get(host, {})
        found = paths.get(link.path)
        if found is None:
            return site
        if rot is Rot.OTHER_CERTIFICATE:
            wrong = next(c.names[0] for c in site.certificates if host not in c.names)
            return replace(site, aliases={**site.aliases, host: wrong})
        if rot is Rot.SAME_HOST_REDIRECT:
            moved = f"/moved{link.path}"
            led = Object(status=302, location=f"https://{host}{moved}", text="")
            changed = {host: {**paths, link.path: led, moved: found}}
        else:
            changed = {host: {**paths, link.path: BECOMES[rot](found)}}
        if rot is Rot.NO_LINK:
            there = site.objects[page.hostname or ""]
            bare = {**there, page.path: replace(there[page.path], text="<html></html>")}
            changed = {page.hostname or "": bare, **changed}
        return replace(site, objects={**site.objects, **changed})

    return replace(spec, sites=tuple(map(at, spec.sites)))


def test_nobody_is_accused_and_the_next_is_read() -> None:
    drawn = dict(zip(PAGE, Random(2).sample(DRAWN_FROM, len(PAGE)), strict=True))
    with (
        setting(ROTTING, FIBRE, random=Random(1)) as made,
        LabDaemon(made.lab, made.main_file) as daemon,
    ):
        states: set[tuple[str, str]] = set()

        def until(what: Callable[[Scrape], bool]) -> None:
            end = time.monotonic() + SOON
            while not what(scrape := daemon.scrape()):
                states.update(
                    (one.labels["platform"], one.labels["state"])
                    for one in scrape.of("verdict_state")
                    if one.value
                )
                assert time.monotonic() < end, (drawn, daemon.log[-2_000:])
                time.sleep(0.3)

        def read(scrape: Scrape, platform: str) -> float:
            return scrape.sum("rounds_total", platform=platform, kind="transfer")

        def candidate(scrape: Scrape, platform: str) -> float:
            return scrape.sum("target_candidate", platform=platform, target="object")

        until(lambda scrape: all(read(scrape, one) >= 3 for one in PAGE))
        assert all(candidate(daemon.scrape(), one) == 1 for one in PAGE)
        spec = made.lab.spec
        for platform, rot in drawn.items():
            spec = rotten(spec, platform, rot)
        made.lab.change_world(spec)
        before = {one: read(daemon.scrape(), one) for one in PAGE}
        # The round that was under way, and two more.
        until(lambda scrape: all(read(scrape, one) >= before[one] + 3 for one in PAGE))
        scrape = daemon.scrape()
        for platform, rot in drawn.items():
            told = rot.told_by_its_owner and not rot.harmless
            assert (candidate(scrape, platform) > 1) is told, (platform, rot)
        assert not {one for one in states if one[1] in {state.value for state in RESTRICTED}}
        daemon.stop()
        assert daemon.status == 0
        assert "Traceback" not in daemon.log
