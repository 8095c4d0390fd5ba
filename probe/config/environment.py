"""Environment variables that override keys of the main file.

``THROTTLEWATCH_SCHEDULE__LIGHT=10s`` is ``schedule.light: 10s``. Lists are comma-separated or in
YAML's flow syntax, mappings in flow syntax. An empty variable counts as not set, because that is
what container tools make of an optional one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from msgspec import Struct

from probe.config.document import Node, parse
from probe.config.errors import ConfigError
from probe.config.hints import bare, is_struct, keys_of, near
from probe.config.schema import Settings
from probe.config.values import Bytes, Seconds

PREFIX = "THROTTLEWATCH_"
MAIN_FILE = "THROTTLEWATCH_CONFIG"
PASSWORD = "THROTTLEWATCH_PASSWORD"  # noqa: S105  the variable's name
"""What commands that ask a daemon show it."""
_NO_KEYS = frozenset({MAIN_FILE, PASSWORD})
_AS_WRITTEN = (str, Seconds, Bytes)


def variables() -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Every variable that overrides a key: its name, the key's path and type."""

    def below(struct: type[Struct], path: tuple[str, ...]) -> Iterator[Any]:
        for key, field in keys_of(struct).items():
            here, kind = (*path, key), bare(field.type)
            yield PREFIX + "__".join(here).upper(), here, field.type
            if is_struct(kind):
                yield from below(kind, here)

    yield from below(Settings, ())


def overlay(main: Node, environ: Mapping[str, str]) -> tuple[Node, list[ConfigError]]:
    """``main`` with what the environment says, and mistakes."""
    known = {name: (path, hint) for name, path, hint in variables()}
    errors: list[ConfigError] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in _NO_KEYS or not environ[name].strip():
            continue
        if name not in known:
            errors.append(
                ConfigError(
                    file=name,
                    line=0,
                    key="",
                    found="a variable for no key",
                    expected=f"{PREFIX}KEY, with two underscores between nested keys",
                    suggestion=near(name, known),
                )
            )
            continue
        path, hint = known[name]
        node, mistakes = _read(environ[name], name, ".".join(path), hint)
        errors += mistakes
        if node is not None and not mistakes:
            main = _put(main, path, node)
    return main, errors


def _read(text: str, name: str, key: str, hint: Any) -> tuple[Node | None, list[ConfigError]]:
    kind = bare(hint)
    if get_origin(kind) is tuple and not text.lstrip().startswith("["):
        members = [
            _read(member.strip(), name, f"{key}[{index}]", get_args(kind)[0])
            for index, member in enumerate(text.split(","))
        ]
        node = Node(file=name, line=0, key=key, value=tuple(m for m, _ in members if m is not None))
        return node, [error for _, errors in members for error in errors]
    if kind in _AS_WRITTEN or (isinstance(kind, type) and issubclass(kind, str)):
        return Node(file=name, line=0, key=key, value=text.strip(), text=text.strip()), []
    return parse(text, name, key=key, lines=False)


def _put(node: Node, path: tuple[str, ...], value: Node) -> Node:
    """``node`` with ``value`` at ``path``. What is no mapping stays, to be reported as that."""
    if not path:
        return value
    if node.value is not None and not isinstance(node.value, dict):
        return node
    first, *rest = path
    entries = dict(node.value or {})
    key = f"{node.key}.{first}" if node.key else first
    empty = Node(file=value.file, line=value.line, key=key, value={})
    entries[first] = _put(entries.get(first, empty), tuple(rest), value)
    return Node(file=node.file, line=node.line, key=node.key, value=entries, key_line=node.key_line)
