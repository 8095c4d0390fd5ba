"""A strict look at HTML and SVG that we made: structure, references, what it would fetch."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input"}
# Attributes by which a browser fetches or goes somewhere.
REACHING = {"src", "href", "xlink:href", "action", "data", "poster", "srcset", "formaction", "ping"}


class Markup(HTMLParser):
    """Parses ``html``; raises ``AssertionError`` where a tag is not closed in its order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.reached: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.unlabelled: list[str] = []
        self.policy = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = {name: value or "" for name, value in attrs}
        assert len(found) == len(attrs), f"an attribute twice in {tag}"
        self.attributes |= found.keys()
        self.ids += [found["id"]] if "id" in found else []
        for name in ("aria-labelledby", "aria-describedby"):
            self.references += found.get(name, "").split()
        self.references += [f[1:] for f in [found.get("href", "")] if f.startswith("#")]
        self.reached += [value for name, value in found.items() if name in REACHING]
        for value in found.values():
            self.references += re.findall(r"url\(#([^)]*)\)", value)
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        if tag == "svg" and not (
            found.get("aria-label") or "aria-labelledby" in found or "aria-hidden" in found
        ):
            self.unlabelled.append(str(attrs))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"nothing is open at </{tag}>"
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data


def is_self_contained(html: str) -> Markup:
    """Asserts that nothing is fetched or run, and that every inner reference leads somewhere."""
    markup = Markup(html)
    assert set(markup.tags).isdisjoint({"script", "link", "iframe", "object", "embed", "img"})
    assert not {name for name in markup.attributes if name.startswith("on")}
    # A strict policy would refuse them.
    assert "style" not in markup.attributes
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    assert "@import" not in html
    links = set(re.findall(r"(?:https?:)?//[\w.]+", html)) - {"http://www.w3.org"}
    assert not links
    assert len(set(markup.ids)) == len(markup.ids)
    assert set(markup.references) <= set(markup.ids)
    assert not markup.unlabelled
    return markup
