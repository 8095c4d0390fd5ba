"""What the platforms' pages say, as far as a search for objects reads them.

Each page that a shipped definition looks for links on has its entry here, in the form (plain or
JSON-escaped) and with the weight before the link that such pages have.
"""

from __future__ import annotations

from msgspec import Struct


class Page(Struct, frozen=True, kw_only=True):
    """A page: ``text`` after ``lead_bytes`` of markup. ``link``: the object that it leads to;
    ``small``: others that fit and are too small to have a rate."""

    text: str
    link: str
    small: tuple[str, ...] = ()
    lead_bytes: int = 4_096

    def whole(self) -> str:
        """The page as served."""
        filler = '<link rel="preconnect" href="//static.invalid/" data-n="{:06}">\n'
        lines = self.lead_bytes // len(filler.format(0))
        return "".join(filler.format(n) for n in range(lines)) + self.text


_X = Page(
    text='<script src="https://abs.twimg.com/responsive-web/client-web/main.3f2a91ba5c07d1e4.js">'
    "</script>",
    link="https://abs.twimg.com/responsive-web/client-web/main.3f2a91ba5c07d1e4.js",
    lead_bytes=24_000,
)
PAGES: dict[str, Page] = {
    "https://x.com/explore": _X,
    "https://x.com/notifications": _X,
    "https://www.youtube.com/iframe_api": Page(
        text=r"var scriptUrl = 'https:\/\/www.youtube.com\/s\/player\/4fcd6e4a\/www-widgetapi.js';",
        link="https://www.youtube.com/s/player/4fcd6e4a/player_ias.vflset/en_US/base.js",
        lead_bytes=0,
    ),
    "https://redirector.googlevideo.com/report_mapping?di=no": Page(
        text="192.0.2.1 => example-city1 (192.0.2.0/24)\n",
        link="https://rr1.example-city1.googlevideo.com/generate_204",
        lead_bytes=0,
    ),
    "https://www.facebook.com/": Page(
        text=r'{"src":"https:\/\/static.xx.fbcdn.net\/rsrc.php\/v4\/yA\/r\/s3LdR0pQx2m.js"}'
        r'{"src":"https:\/\/static.xx.fbcdn.net\/rsrc.php\/v4\/y1\/r\/7sQ2ZcVw0nT.js"}',
        link="https://static.xx.fbcdn.net/rsrc.php/v4/y1/r/7sQ2ZcVw0nT.js",
        small=("https://static.xx.fbcdn.net/rsrc.php/v4/yA/r/s3LdR0pQx2m.js",),
        lead_bytes=48_000,
    ),
    "https://www.instagram.com/": Page(
        text=r'{"src":"https:\/\/static.cdninstagram.com\/rsrc.php\/v4\/yB\/r\/kP4uXe19aLm.js"}',
        link="https://static.cdninstagram.com/rsrc.php/v4/yB/r/kP4uXe19aLm.js",
        lead_bytes=48_000,
    ),
    "https://web.whatsapp.com/": Page(
        text='<script src="https://static.whatsapp.net/rsrc.php/v4/yD/r/b0QxS3nTe7k.js"></script>',
        link="https://static.whatsapp.net/rsrc.php/v4/yD/r/b0QxS3nTe7k.js",
        lead_bytes=24_000,
    ),
}
