"""A definition with other paces: everything else in it stays as it was written.

The text is changed where the paces stand and nowhere else, so comments stay. Whatever YAML can look
like, what comes out is read again, and is refused unless it says what it should.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

from probe.config.bundle_nodes import mistakes_of
from probe.config.definition import UsualPace
from probe.config.document import Node, parse, plain
from probe.config.dump import dump

KEY = "paces"


class NotWritten(Exception):  # noqa: N818 - it is about the definition
    """The definition cannot be given these paces; the text says why."""


def as_values(paces: Sequence[UsualPace]) -> list[dict[str, Any]]:
    """Them as a definition has them."""
    made = [msgspec.to_builtins(one) for one in paces]
    return [{key: value for key, value in one.items() if value is not None} for one in made]


def block(paces: Sequence[UsualPace]) -> str:
    """Them as YAML."""
    return dump({KEY: as_values(paces)})


def with_paces(text: str, paces: Sequence[UsualPace], file: str) -> str:
    """The definition ``text``, which is called ``file``, with ``paces`` in the place of those that
    it has. Raises ``NotWritten``."""
    before, mistakes = parse(text, file)
    if before is None or mistakes:
        raise NotWritten("\n".join(map(str, mistakes)))
    if not isinstance(before.value, dict) or not before.value:
        raise NotWritten("it is no definition")
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    root = yaml.compose(text)
    assert isinstance(root, MappingNode)
    for place in (_in_braces,) if root.flow_style else (_at_end, _in_front, _in_place):
        made = place(text, root, paces)
        after, mistakes = parse(made, file)
        if after is None or mistakes or _rest(after) != _rest(before):
            continue
        if plain(after.find(KEY)) != as_values(paces):
            continue
        if mistakes := mistakes_of({file: made}, allow_private=True):
            raise NotWritten("\n".join(map(str, mistakes)))
        return made
    raise NotWritten(
        f"its `{KEY}` are written in a way that cannot be changed without changing more: "
        "take them out by hand"
    )


def readable_targets(text: str, file: str) -> set[str]:
    """Names of the targets in a definition of which there can be paces; none, if it is none."""
    node, _ = parse(text, file)
    targets = node.find("targets").items() if node is not None else ()
    return {
        one.find("name").text
        for one in targets
        if (compares := one.get("compares")) is None or compares.text == "goodput"
    }


def _rest(node: Node) -> Any:
    """All that it says but its paces: also how numbers and texts are written."""
    assert isinstance(node.value, dict)
    return [(key, _content(below)) for key, below in node.value.items() if key != KEY]


def _content(node: Node) -> Any:
    if isinstance(node.value, dict):
        return [(key, _content(below)) for key, below in node.value.items()]
    if isinstance(node.value, tuple):
        return tuple(map(_content, node.value))
    return type(node.value), node.text


def _places(root: MappingNode) -> Iterator[tuple[int, int | None]]:
    """Where keys that are called so begin, and where the next one does."""
    keys = [key for key, _ in root.value]
    following = [int(key.start_mark.index) for key in keys[1:]]
    for key, then in zip(keys, [*following, None], strict=True):
        if isinstance(key, ScalarNode) and key.value == KEY:
            yield int(key.start_mark.index), then


def _span(text: str, root: MappingNode) -> tuple[int, int] | None:
    """From where to where its paces stand in a mapping in lines; ``None``: it has none."""
    for begins, then in _places(root):
        until = int(root.end_mark.index) if then is None else _line_of(text, then)
        begin = _line_of(text, begins)
        lines = text[begin:until].splitlines(keepends=True)
        while lines and lines[-1].strip()[:1] in ("", "#"):
            until -= len(lines.pop())  # what is said of the next key
        return begin, max(begin, until)
    return None


def _without(text: str, root: MappingNode) -> tuple[str, int]:
    """A mapping in lines without its paces, and where it ends."""
    end, span = int(root.end_mark.index), _span(text, root)
    if span is None:
        return text, end
    begin, until = span
    return text[:begin] + text[until:], end - (until - begin)


def _at_end(text: str, root: MappingNode, paces: Sequence[UsualPace]) -> str:
    rest, end = _without(text, root)
    head = rest[:end]
    gap = "" if not head or head.endswith(("\n", "\r")) else _line_end(text)
    return head + gap + _lines(text, root, paces) + rest[end:]


def _in_front(text: str, root: MappingNode, paces: Sequence[UsualPace]) -> str:
    rest, _ = _without(text, root)
    begin = _line_of(rest, min(int(root.start_mark.index), len(rest)))
    return rest[:begin] + _lines(text, root, paces) + rest[begin:]


def _in_place(text: str, root: MappingNode, paces: Sequence[UsualPace]) -> str:
    """Where they stood: what is said behind them would be of the text before them without."""
    begin, until = _span(text, root) or (0, 0)
    return text[:begin] + _lines(text, root, paces) + text[until:]


def _in_braces(text: str, root: MappingNode, paces: Sequence[UsualPace]) -> str:
    begin, end, keys = int(root.start_mark.index), int(root.end_mark.index) - 1, len(root.value)
    rest = text[begin + 1 : end]
    for number, (key, value) in enumerate(root.value):
        if isinstance(key, ScalarNode) and key.value == KEY:
            keys -= 1
            if number + 1 < len(root.value):
                cut = int(key.start_mark.index), int(root.value[number + 1][0].start_mark.index)
            else:
                before = root.value[number - 1][1].end_mark.index if number else begin + 1
                cut = int(before), int(value.end_mark.index)
            rest = text[begin + 1 : cut[0]] + text[cut[1] : end]
    # JSON is YAML in braces.
    made = msgspec.json.encode(as_values(paces)).decode()
    return f'{text[: begin + 1]}"{KEY}": {made}{", " if keys else ""}{rest}{text[end:]}'


def _lines(text: str, root: MappingNode, paces: Sequence[UsualPace]) -> str:
    indent = " " * min(_column(text, int(key.start_mark.index)) for key, _ in root.value)
    ends = _line_end(text)
    return "".join(f"{indent}{line}{ends}" for line in block(paces).splitlines())


def _line_of(text: str, place: int) -> int:
    """Where the line of ``place`` begins."""
    return max(text.rfind("\n", 0, place), text.rfind("\r", 0, place)) + 1


def _column(text: str, place: int) -> int:
    """Of a key; of the mark before it, where it has one (``? key``)."""
    before = text[_line_of(text, place) : place]
    return before.index("?") if before.strip() == "?" else len(before)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
