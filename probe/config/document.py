"""YAML text as a tree that remembers where everything stood.

Every value keeps its file, line and dotted key, also after it was merged into another tree: an
error then always points at what the operator wrote. YAML 1.2, so the country ``NO`` is a text.

A few lines of YAML can mean more than a machine has: aliases multiply, brackets nest. So a tree has
a most of values (an alias counts as all that it stands for) and of levels, and a scalar of
characters. What is beyond is a mistake with its line, like any other.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from probe.config.errors import ConfigError, redact

MOST_CHARACTERS = 524_288
"""Of one document. The largest that we know of, weights for ten thousand networks, has a third."""
MOST_VALUES = 100_000
MOST_LEVELS = 32
MOST_SCALAR_CHARACTERS = 65_536
# Whole numbers of more than 64 bits are no amount of anything: they are read as the texts that they
# are. Python's own limit would be 4,300 digits.
_LARGEST = 2**63
_MOST_DIGITS = 70
_LEVELS = f"at most {MOST_LEVELS} levels"
_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {"true": True, "false": False}
# What YAML's escapes can make, and no file, header or label can hold.
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")
_Scalar = str | int | float | bool | None


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

    def with_value(self, value: tuple[Node, ...] | dict[str, Node]) -> Node:
        """Other members at the same place."""
        return Node(
            file=self.file, line=self.line, key=self.key, value=value, key_line=self.key_line
        )

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
    if len(text) > MOST_CHARACTERS:
        found = f"{len(text):,} characters"
        return None, [_unread(file, key, found, f"at most {MOST_CHARACTERS:,} characters")]
    reader = _Reader(file, lines)
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MOST_LEVELS
    try:
        yaml.composer.warn_double_anchors = False
        root = yaml.compose(text)
        if root is None:
            return Node(file=file, line=1, key=key, value={}), []
        return reader.node(root, key, 0, 0), reader.errors
    except _TooMuch as error:
        return None, [*reader.errors, error.mistake]
    except MaxDepthExceededError as error:
        line = error.problem_mark.line + 1 if lines else 0
        return None, [_unread(file, key, "values nested too deeply", _LEVELS, line)]
    except (YAMLError, YAMLStreamError) as error:
        return None, [_syntax_error(error, file, key, lines)]
    except Exception:
        # On some texts that are no YAML the parser trips itself, such as over numbers in directives
        # and escapes; it also asserts what a text need not keep to (`%YAML 1.3`).
        return None, [_unread(file, key, "text that is not YAML", "valid YAML")]


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
        return base.with_value(value)
    if _named(base) and _named(over):
        members = {_name(member): member for member in base.items()}
        for member in over.items():
            name = _name(member)
            members[name] = merge(members[name], member) if name in members else member
        return base.with_value(tuple(members.values()))
    return over


def _named(node: Node) -> bool:
    return bool(node.items()) and all(_name(member) for member in node.items())


def _name(member: Node) -> str:
    name = member.get("name")
    return name.text if name is not None else ""


class _TooMuch(Exception):  # noqa: N818 - it ends the reading
    """More than a configuration can need: reading on would only take time and memory."""

    def __init__(self, mistake: ConfigError) -> None:
        super().__init__()
        self.mistake = mistake


class _Reader:
    """Turns ruamel's nodes into ours, collecting mistakes. Raises ``_TooMuch``."""

    def __init__(self, file: str, lines: bool) -> None:
        self.errors: list[ConfigError] = []
        self._file = file
        self._lines = lines
        self._open: set[int] = set()
        self._values = 0

    def node(self, source: Any, key: str, key_line: int, level: int) -> Node:
        line = self._line(source)
        here = Node(file=self._file, line=line, key=key, value=None, key_line=key_line)
        if id(source) in self._open:
            self.errors.append(here.error(found="an alias to itself", expected="a value"))
            return here
        self._values += 1
        if self._values > MOST_VALUES:
            found = f"more than {MOST_VALUES:,} values, counting what each alias stands for"
            raise _TooMuch(here.error(found=found, expected="fewer values, or fewer aliases"))
        if level > MOST_LEVELS:
            raise _TooMuch(here.error(found="values nested too deeply", expected=_LEVELS))
        self._open.add(id(source))
        try:
            if isinstance(source, MappingNode):
                return here.with_value(self._mapping(source, key, level))
            if isinstance(source, SequenceNode):
                members = (
                    self.node(member, f"{key}[{index}]", 0, level + 1)
                    for index, member in enumerate(source.value)
                )
                return here.with_value(tuple(members))
            return self._scalar(source, here)
        finally:
            self._open.discard(id(source))

    def _mapping(self, source: MappingNode, key: str, level: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key_source, value_source in source.value:
            line = self._line(key_source)
            here = Node(file=self._file, line=line, key=key, value=None)
            if not isinstance(key_source, ScalarNode):
                self.errors.append(here.error(found="a key that is no text", expected="a name"))
                continue
            name = self._text(key_source.value, here)
            path = f"{key}.{name}" if key else name
            below = self.node(value_source, path, line, level + 1)
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
        text = self._text(source.value, here)
        tag = str(source.tag).removeprefix(_TAG)
        if tag.startswith("!"):
            self.errors.append(here.error(found=f"the tag {tag}", expected="a plain value"))
        value = _value(text, tag)
        return Node(
            file=here.file,
            line=here.line,
            key=here.key,
            value=value,
            text=text,
            key_line=here.key_line,
        )

    def _text(self, text: str, here: Node) -> str:
        if len(text) > MOST_SCALAR_CHARACTERS:
            found = f"a text of {len(text):,} characters"
            expected = f"at most {MOST_SCALAR_CHARACTERS:,} characters"
            raise _TooMuch(here.error(found=found, expected=expected))
        if _NO_CHARACTER.search(text):
            found = "a text with \\0 or half of a surrogate pair in it"
            self.errors.append(here.error(found=found, expected="characters"))
            return _NO_CHARACTER.sub("?", text)
        return text


def _value(text: str, tag: str) -> _Scalar:
    """What ``text`` means under YAML's ``tag``; itself, if it is not what the tag says."""
    try:
        if tag == "null":
            return None
        if tag == "bool":
            return _BOOLEANS.get(text.lower(), text)
        if tag == "int":
            digits = text.replace("_", "")
            if len(digits) > _MOST_DIGITS:
                return text
            number = int(digits) if digits.lstrip("+-").isdigit() else int(digits, 0)
            return number if -_LARGEST <= number < _LARGEST else text
        if tag == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        pass
    return text


def _unread(file: str, key: str, found: str, expected: str, line: int = 0) -> ConfigError:
    return ConfigError(file=file, line=line, key=key, found=found, expected=expected)


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
