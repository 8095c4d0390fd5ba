"""From a YAML tree to the schema's types: one walker for every key.

It reads the schema's type hints, so a new key needs no code here. It goes on after a mistake and
collects all of them; what is wrong comes back as ``INVALID``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, StrEnum
from typing import Any, Final, get_args, get_origin

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo

from probe.config.calling import country_near, network_number
from probe.config.document import Node, plain
from probe.config.errors import ConfigError, redact
from probe.config.hints import (
    bare,
    choices,
    expected,
    form_of,
    is_struct,
    keys_of,
    may_be_none,
    metas,
    near,
    said_by,
    words,
)
from probe.config.units import (
    BYTES,
    SECONDS,
    near_monthly,
    near_unit,
    parse_bytes,
    parse_monthly_bytes,
    parse_seconds,
)
from probe.config.values import Bytes, MonthlyBytes, Seconds

Check = Callable[[Any, Node], Iterable[ConfigError]]


class Invalid(Enum):
    """The type of ``INVALID``."""

    INVALID = "invalid"


INVALID: Final = Invalid.INVALID
_SHOWN = 60
# Whatever a key allows: beyond these, timers, calendars and counters of 64 bits end.
_MOST: Mapping[Any, float] = {
    Seconds: 3_155_760_000.0,  # a hundred years
    Bytes: 2**50,
    MonthlyBytes: 2**50,
    float: 1e15,
}
_SAID_OF_BOOLEANS = {
    **dict.fromkeys(("yes", "y", "on", "1", "true"), "true"),
    **dict.fromkeys(("no", "n", "off", "0", "false"), "false"),
}
# To look for the key that was meant takes longer than all the rest.
_MOST_SUGGESTIONS = 100


class Walker:
    """Builds values and collects mistakes. ``checks`` look at whole values of a type, once all
    their parts are right."""

    def __init__(self, checks: Mapping[type[Struct], Check]) -> None:
        self.errors: list[ConfigError] = []
        self._checks = checks

    def build(self, node: Node, hint: Any) -> Any:
        """The value of ``node`` as ``hint``, or ``INVALID``."""
        kind = bare(hint)
        if node.value is None and may_be_none(hint):
            return None
        if is_struct(kind):
            return self._struct(node, kind)
        if get_origin(kind) is tuple:
            return self._list(node, hint, get_args(kind)[0])
        if get_origin(kind) is dict:
            return self._mapping(node, hint, *get_args(kind))
        if kind is object:
            return plain(node)
        return self._scalar(node, hint, kind)

    def _struct(self, node: Node, struct: type[Struct]) -> Any:
        given = _given(node)
        if given is None:
            return self._wrong(node, struct)
        known = keys_of(struct)
        for key, below in given.items():
            if key not in known:
                self._unknown_key(below, key, known)
        values: dict[str, Any] = {}
        for key, field in known.items():
            if key in given:
                values[key] = self.build(given[key], field.type)
            elif field.required:
                self.errors.append(
                    node.error(found=f"no key {key!r}", expected=f"{key}: {expected(field.type)}")
                )
                values[key] = INVALID
        if INVALID in values.values():
            return INVALID
        made = struct(**values)
        mistakes = list(self._checks[struct](made, node)) if struct in self._checks else []
        self.errors += mistakes
        return INVALID if mistakes else made

    def _unknown_key(self, below: Node, key: str, known: Mapping[str, FieldInfo]) -> None:
        self.errors.append(
            below.as_key(key).error(
                found="a key that does not exist",
                expected=f"one of: {', '.join(sorted(known))}",
                suggestion=near(key, known) if len(self.errors) < _MOST_SUGGESTIONS else "",
            )
        )

    def _list(self, node: Node, hint: Any, member: Any) -> Any:
        if not isinstance(node.value, tuple):
            return self._wrong(node, hint)
        least = max((meta.min_length or 0 for meta in metas(hint)), default=0)
        if len(node.value) < least:
            self.errors.append(node.error(found="an empty list", expected="at least one entry"))
            return INVALID
        most = min((meta.max_length for meta in metas(hint) if meta.max_length), default=None)
        if most is not None and len(node.value) > most:
            self.errors.append(
                node.error(found=f"{len(node.value)} entries", expected=f"at most {most} entries")
            )
            return INVALID
        self._twice(node)
        made = tuple(self.build(below, member) for below in node.value)
        return INVALID if INVALID in made else made

    def _twice(self, node: Node) -> None:
        """Every list of the configuration is a set, and its members have names or are names."""
        seen: dict[object, Node] = {}
        for member in node.items():
            place = member.find("name") if isinstance(member.value, dict) else member
            if isinstance(place.value, dict | tuple):
                continue
            first = seen.setdefault(place.value, place)
            if first is not place:
                self.errors.append(
                    place.error(
                        found=f"{shown(place)} a second time (first on line {first.line})",
                        expected="each only once",
                    )
                )

    def _mapping(self, node: Node, hint: Any, key_hint: Any, value_hint: Any) -> Any:
        given = _given(node)
        if given is None:
            return self._wrong(node, hint)
        made: dict[Any, Any] = {}
        for key, below in given.items():
            made[self.build(below.as_key(key), key_hint)] = self.build(below, value_hint)
        return INVALID if INVALID in made or INVALID in made.values() else made

    def _scalar(self, node: Node, hint: Any, kind: Any) -> Any:
        if isinstance(node.value, str) and node.value in words(hint):
            return node.value
        form = form_of(hint)
        is_number = isinstance(node.value, int) and not isinstance(node.value, bool)
        if form is not None and form.numbers and is_number:
            value: Any = node.text
        else:
            value = _convert(node, kind)
        if value is INVALID or not _has_form(value, hint):
            return self._wrong(node, hint)
        for bounds in (*map(_bounds, metas(hint)), [("≤", _MOST[kind])] if kind in _MOST else []):
            if not all(_within(value, sign, bound) for sign, bound in bounds):
                limits = " and ".join(f"{sign} {bound:.12g}" for sign, bound in bounds)
                self.errors.append(
                    node.error(found=shown(node), expected=f"{expected(kind)}, {limits}")
                )
                return INVALID
        return value

    def _wrong(self, node: Node, hint: Any) -> Invalid:
        form = form_of(hint)
        if form is not None and form.secret:
            found, suggestion = "another text (not shown: it may hold a password)", ""
        else:
            found, suggestion = shown(node), _suggestion(node, hint)
        self.errors.append(node.error(found=found, expected=expected(hint), suggestion=suggestion))
        return INVALID


def _given(node: Node) -> dict[str, Node] | None:
    """The entries of a mapping; none where only the key stands and all below is commented out."""
    if node.value is None:
        return {}
    return node.value if isinstance(node.value, dict) else None


def _convert(node: Node, kind: Any) -> Any:
    """The scalar of ``node`` as ``kind``, or ``INVALID``. No guessing: ``yes`` is not true."""
    value = node.value
    if isinstance(value, float) and not math.isfinite(value):
        return INVALID
    if kind in (Seconds, Bytes):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return INVALID
        # `1e3` and `0x10` are numbers to YAML; they reach the parser as what they mean.
        if isinstance(value, float):
            value = f"{value:f}".rstrip("0").rstrip(".")
        text = str(value)
        try:
            return parse_seconds(text) if kind is Seconds else parse_bytes(text)
        except ValueError:
            return INVALID
    if kind is MonthlyBytes:
        try:
            return parse_monthly_bytes(value) if isinstance(value, str) else INVALID
        except ValueError:
            return INVALID
    if issubclass(kind, StrEnum):
        return kind(value) if value in choices(kind) else INVALID
    if kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number else INVALID  # type: ignore[arg-type]
    if kind is int and isinstance(value, bool):
        return INVALID
    return value if isinstance(value, kind) else INVALID


def _bounds(meta: Meta) -> list[tuple[str, float]]:
    signs = (("≥", meta.ge), (">", meta.gt), ("≤", meta.le), ("<", meta.lt))
    return [(sign, bound) for sign, bound in signs if bound is not None]


def _within(value: Any, sign: str, bound: float) -> bool:
    return bool(
        {"≥": value >= bound, ">": value > bound, "≤": value <= bound, "<": value < bound}[sign]
    )


def _has_form(value: Any, hint: Any) -> bool:
    allowed, form = choices(hint), form_of(hint)
    if (allowed and value not in allowed) or (form is not None and not form.accepts(value)):
        return False
    return all(
        # To its end: `$` would let a line's end pass.
        len(value) >= (meta.min_length or 0)
        and re.fullmatch(meta.pattern or ".*", value, re.DOTALL) is not None
        for meta in metas(hint)
        if isinstance(value, str)
    )


def _suggestion(node: Node, hint: Any) -> str:
    if isinstance(node.value, dict | tuple):
        return ""
    kind = bare(hint)
    if kind is Seconds:
        return near_unit(node.text, SECONDS)
    if kind is Bytes:
        return near_unit(node.text, BYTES)
    if kind is MonthlyBytes:
        return near_monthly(node.text)
    if kind is bool:
        text = node.text.strip().lower()
        return _SAID_OF_BOOLEANS.get(text, "") or near(text, words(hint))
    if isinstance(node.value, str) and (kind is int or said_by(hint) == "network"):
        number = network_number(node.text)
        return "" if number is None else str(number)
    if said_by(hint) == "country":
        return country_near(node.text)
    form = form_of(hint)
    meant = "" if form is None else form.near(node.text)
    if meant:
        # To YAML a bracket begins a list.
        return f'"{meant}"' if meant.startswith("[") else meant
    if kind is str and isinstance(node.value, int | float):
        return f'"{node.text}"' if _has_form(node.text, hint) else ""
    return near(node.text, choices(hint))


def shown(node: Node) -> str:
    """What stands at ``node``, short and without passwords."""
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, tuple):
        return "a list"
    if node.value is None:
        return "nothing"
    text = redact(" ".join(node.text.split()))
    return f"`{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}`"
