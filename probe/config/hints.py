"""What the schema's type hints ask for: read once, used for building, for errors and for docs."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import FieldInfo, fields

from probe.config.formats import FORMS, Form
from probe.config.values import Bytes, MonthlyBytes, Seconds

_WORDS: dict[Any, str] = {
    Seconds: "a duration such as 10s, 2m, 6h or 1d",
    Bytes: "a size such as 64KiB, 1MB or 65536",
    MonthlyBytes: "an amount of data such as 3GB/month or 100MB/day",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


@cache
def keys_of(struct: type[Struct]) -> Mapping[str, FieldInfo]:
    """The keys of one mapping of the configuration."""
    return {field.name: field for field in fields(struct)}


def default_of(field: FieldInfo) -> Any:
    """A key's default; ``NODEFAULT`` when it must be given."""
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return field.default


def bare(hint: Any) -> Any:
    """``hint`` without ``None`` and annotations: what a value that is there must be."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, types.UnionType):
            hint = next(arg for arg in get_args(hint) if arg is not types.NoneType)
        else:
            return hint


def is_struct(kind: Any) -> bool:
    """Whether ``kind`` is a mapping with keys of its own."""
    return isinstance(kind, type) and issubclass(kind, Struct)


def may_be_none(hint: Any) -> bool:
    """Whether ``null`` is a value."""
    if get_origin(hint) is Annotated:
        return may_be_none(get_args(hint)[0])
    return get_origin(hint) in (Union, types.UnionType) and types.NoneType in get_args(hint)


def metas(hint: Any) -> tuple[Meta, ...]:
    """The constraints on a value, outermost first."""
    if get_origin(hint) is Annotated:
        inner, *annotations = get_args(hint)
        return (*(a for a in annotations if isinstance(a, Meta)), *metas(inner))
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(meta for arg in get_args(hint) for meta in metas(arg))
    return ()


def form_of(hint: Any) -> Form | None:
    """The form that a text must have, if the schema names one."""
    name = _extra(hint).get("format")
    return None if name is None else FORMS[name]


def choices(hint: Any) -> tuple[str, ...]:
    """The texts that are allowed; empty when any is."""
    kind = bare(hint)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return tuple(member.value for member in kind)
    allowed: tuple[str, ...] = _extra(hint).get("choices", ())
    return allowed


def words(hint: Any) -> tuple[str, ...]:
    """The texts that are values beside those of another kind, as ``auto`` beside true and false."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) is Annotated:
        return words(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(word for arg in get_args(hint) for word in words(arg))
    return ()


def expected(hint: Any) -> str:
    """What ``hint`` asks for, for people."""
    kind = bare(hint)
    if get_origin(kind) is tuple:
        return "a list"
    if get_origin(kind) is dict or is_struct(kind):
        return "a mapping (key: value)"
    if choices(hint):
        return f"one of: {', '.join(choices(hint))}"
    form = form_of(hint)
    if form is not None:
        return form.expected
    described = (meta.description for meta in metas(hint) if meta.description)
    return next(described, _WORDS.get(kind, "a value"))


def said_by(hint: Any) -> str:
    """By which words people say such a value, if there are any (``calling.py``)."""
    return str(_extra(hint).get("said_by", ""))


def near(text: str, known: Iterable[str]) -> str:
    """The member of ``known`` that was probably meant, or nothing."""
    return next(iter(get_close_matches(text, list(known), n=1)), "")


def _extra(hint: Any) -> dict[str, Any]:
    return {key: value for meta in metas(hint) for key, value in (meta.extra or {}).items()}
