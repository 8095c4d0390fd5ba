"""YAML text as a tree that remembers where everything stood.

Every value keeps its file, line and dotted key, also after it was merged into another tree: an
error then always points at what the operator wrote. YAML 1.2, so the country ``NO`` is a text.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from probe.config.errors import ConfigError, redact

_TAG = "tag:yaml.org,2002:"
_TRUE = "true"


class Node(Struct, frozen=True, kw_only=True):
    """A value with its place. ``text`` is a scalar as it was written, ``key_line`` where its key
    stood (the value itself may begin further down)."""

    file: str
    line: int
    key: str
    value: str | int | float | bool | tuple[Node, ...] | dict[str, Node] | None
    text: str = ""
    key_line: int = 0

    def error(self, *, found: str, expected: str, suggestion: str = "") -> ConfigError:
        """A mistake at this place. What was found is shown without passwords."""
        return ConfigError(
            file=self.file,
            line=self.line,
            key=redact(self.key),
            found=redact(found),
            expected=expected,
            suggestion=suggestion,
        )

    def as_key(self, name: str) -> Node:
        """The key ``name`` of this value, as a value itself."""
        line = self.key_line or self.line
        return Node(file=self.file, line=line, key=self.key, value=name, text=name)

    def get(self, key: str) -> Node | None:
        """The value of ``key`` when this is a mapping that has it."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def items(self) -> tuple[Node, ...]:
        """The members when this is a list, else nothing."""
        return self.value if isinstance(self.value, tuple) else ()

    def find(self, *path: str | int) -> Node:
        """The value at ``path``, or the nearest one above it that is there."""
        node = self
        for step in path:
            if isinstance(step, str):
                below = node.get(step)
            else:
                below = next(iter(node.items()[step : step + 1]), None)
            if below is None:
                break
            node = below
        return node


def parse(
    text: str, file: str, *, key: str = "", lines: bool = True
) -> tuple[Node | None, list[ConfigError]]:
    """The tree of one YAML document (``None``: it is not YAML), and what is wrong with it as YAML.

    ``key`` is where the document belongs; without ``lines`` all of it stands on line 0. An empty
    document is an empty mapping. Never raises.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if root is None:
            return Node(file=file, line=1, key=key, value={}), []
        reader = _Reader(file, lines)
        return reader.node(root, key, 0), reader.errors
    except (YAMLError, YAMLStreamError) as error:
        return None, [_syntax_error(error, file, key, lines)]
    except RecursionError:
        error_ = ConfigError(
            file=file, line=0, key=key, found="values nested too deeply", expected="valid YAML"
        )
        return None, [error_]


def plain(node: Node) -> Any:
    """The value without its places."""
    if isinstance(node.value, dict):
        return {key: plain(below) for key, below in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(below) for below in node.value]
    return node.value


def merge(base: Node, over: Node) -> Node:
    """``base`` with what ``over`` says: mappings merge, lists whose members have names merge by
    name, everything else is replaced."""
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        value = dict(base.value)
        for key, below in over.value.items():
            value[key] = merge(value[key], below) if key in value else below
        return _with_value(base, value)
    if _named(base) and _named(over):
        members = {_name(member): member for member in base.items()}
        for member in over.items():
            name = _name(member)
            members[name] = merge(members[name], member) if name in members else member
        return _with_value(base, tuple(members.values()))
    return over


def _named(node: Node) -> bool:
    return bool(node.items()) and all(_name(member) for member in node.items())


def _name(member: Node) -> str:
    name = member.get("name")
    return name.text if name is not None else ""


def _with_value(node: Node, value: tuple[Node, ...] | dict[str, Node]) -> Node:
    return Node(file=node.file, line=node.line, key=node.key, value=value, key_line=node.key_line)


class _Reader:
    """Turns ruamel's nodes into ours, collecting mistakes."""

    def __init__(self, file: str, lines: bool) -> None:
        self.errors: list[ConfigError] = []
        self._file = file
        self._lines = lines
        self._open: set[int] = set()

    def node(self, source: Any, key: str, key_line: int) -> Node:
        line = self._line(source)
        here = Node(file=self._file, line=line, key=key, value=None, key_line=key_line)
        if id(source) in self._open:
            self.errors.append(here.error(found="an alias to itself", expected="a value"))
            return here
        self._open.add(id(source))
        try:
            if isinstance(source, MappingNode):
                return _with_value(here, self._mapping(source, key))
            if isinstance(source, SequenceNode):
                members = (
                    self.node(member, f"{key}[{index}]", 0)
                    for index, member in enumerate(source.value)
                )
                return _with_value(here, tuple(members))
            return self._scalar(source, here)
        finally:
            self._open.discard(id(source))

    def _mapping(self, source: MappingNode, key: str) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key_source, value_source in source.value:
            line = self._line(key_source)
            here = Node(file=self._file, line=line, key=key, value=None)
            if not isinstance(key_source, ScalarNode):
                self.errors.append(here.error(found="a key that is no text", expected="a name"))
                continue
            name = key_source.value
            path = f"{key}.{name}" if key else name
            below = self.node(value_source, path, line)
            if name in found:
                self.errors.append(
                    Node(file=self._file, line=line, key=path, value=None).error(
                        found=f"the key a second time (first on line {found[name].key_line})",
                        expected="each key once",
                    )
                )
                continue
            found[name] = below
        return found

    def _line(self, source: Any) -> int:
        return int(source.start_mark.line) + 1 if self._lines else 0

    def _scalar(self, source: ScalarNode, here: Node) -> Node:
        text = source.value
        tag = str(source.tag).removeprefix(_TAG)
        value: str | int | float | bool | None = text
        try:
            if tag == "null":
                value = None
            elif tag == "bool":
                value = text.lower() == _TRUE
            elif tag == "int":
                digits = text.replace("_", "")
                value = int(digits) if digits.lstrip("+-").isdigit() else int(digits, 0)
            elif tag == "float":
                value = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
            elif tag.startswith("!"):
                self.errors.append(here.error(found=f"the tag {tag}", expected="a plain value"))
        except ValueError:
            value = text
        return Node(
            file=here.file,
            line=here.line,
            key=here.key,
            value=value,
            text=text,
            key_line=here.key_line,
        )


def _syntax_error(error: Exception, file: str, key: str, lines: bool) -> ConfigError:
    # ruamel's own text quotes the line, which may hold a password.
    line, found = 0, "text that is not YAML"
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if lines and mark is not None else 0
        another = (error.problem or "").startswith("but ")
        parts = (error.context, error.problem) if another else (error.problem,)
        found = ", ".join(part for part in parts if part) or found
    return ConfigError(file=file, line=line, key=key, found=found, expected="valid YAML")
