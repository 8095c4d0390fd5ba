"""What is dumped is read as the same value, and as a person would write it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from probe.config.dump import dump

VALUES = st.recursive(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]))
    | st.integers()
    | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text("xyz", min_size=1), VALUES))
def test_it_is_read_as_it_was(value: object) -> None:
    assert YAML(typ="safe", pure=True).load(dump(value)) == value


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r\t\x07\x85\u2028 ")))
@example("a\x07\nb")
@example("a\r\nb")
@example("a\x85b")
def test_any_text_is_read_as_it_was(text: str) -> None:
    assert YAML(typ="safe", pure=True).load(dump({"text": text})) == {"text": text}


def test_long_texts_are_blocks_and_nothing_is_folded() -> None:
    text = dump({"expr": "a\nand b", "note": "x " * 200})
    assert "expr: |-\n  a\n  and b\n" in text
    assert len(text.splitlines()) == 4


def test_the_order_is_kept_and_texts_that_look_like_something_else_are_quoted() -> None:
    assert dump({"b": "true", "a": ["1", 1, "NO"]}) == "b: 'true'\na:\n  - '1'\n  - 1\n  - NO\n"
