"""A small configuration with one of each: a page with hashed links, an object asked for under
another name, a swap, a control."""

from __future__ import annotations

from lab.world.content import PAGES
from lab.world.spec import LARGEST_BYTES
from probe.config.definition import Corner, Definition, Discovery, Fallback, Target
from probe.config.schema import Config, Settings
from probe.config.values import Bytes
from probe.model.identity import Compares, Verify

PAGE = "https://www.instagram.com/"
LINK = PAGES[PAGE].link
ON_PAGE = Discovery(
    page=PAGE,
    pattern=r"https:\\?/\\?/static\.cdninstagram\.com\\?/[^\"]+\.js",
    hosts=("static.cdninstagram.com",),
)
PICTURES = Definition(
    name="pictures",
    title="Pictures",
    why="hashed links on a page",
    operator="Meta",
    hosts=("www.instagram.com", "static.cdninstagram.com", "*.fbcdn.net"),
    targets=(
        Target(name="bundle", discover=ON_PAGE, min_bytes=Bytes(100_000)),
        Target(
            name="large",
            url="https://static.xx.fbcdn.net/large.bin",
            min_bytes=Bytes(LARGEST_BYTES),
            fallback=Fallback(url="https://static.xx.fbcdn.net/other.bin"),
        ),
    ),
)
VIDEO = Definition(
    name="video",
    title="Video",
    why="the name of one host, the object of another",
    hosts=("test.googlevideo.com", "*.googlevideo.com", "mirror.gcr.io"),
    targets=(
        Target(
            name="object",
            url="https://mirror.gcr.io/v2/blob",
            sni="test.googlevideo.com",
            certificate_name="test.googlevideo.com",
            min_bytes=Bytes(65_536),
            swap=Corner(why="same server", sni="mirror.gcr.io", compares=Compares.GOODPUT),
        ),
        Target(
            name="handshake",
            url="https://redirector.googlevideo.com/generate_204",
            compares=Compares.HANDSHAKE,
            expect_status=(204,),
            swap=Corner(why="", sni="neutral.example", verify=Verify.RECORD),
        ),
    ),
)
MIRROR = Definition(
    name="mirror",
    title="Mirror",
    why="a control",
    kind="control",
    operator="Debian",
    hosts=("deb.debian.org",),
    targets=(Target(name="file", url="https://deb.debian.org/InRelease"),),
)
CONFIG = Config(settings=Settings(), platforms=(PICTURES, VIDEO), controls=(MIRROR,))
