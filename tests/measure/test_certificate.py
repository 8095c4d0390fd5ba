"""Matching names by RFC 9525, section 6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.tls.certificate import Leaf


def leaf(*names: str, kind: str = "DNS") -> Leaf:
    return Leaf(sha256="", not_after=None, names=tuple((kind, name) for name in names))


@pytest.mark.parametrize(
    ("carried", "wanted"),
    [
        ("example.com", "example.com"),
        ("Example.COM", "eXample.com"),
        ("example.com", "example.com."),
        ("*.example.com", "www.example.com"),
        ("*.xn--bcher-kva.example", "a.xn--bcher-kva.example"),
        ("a_b.example.com", "a_b.example.com"),
    ],
)
def test_carried(carried: str, wanted: str) -> None:
    assert leaf("other.example", carried).carries(wanted)


@pytest.mark.parametrize(
    ("carried", "wanted"),
    [
        ("example.com", "www.example.com"),
        ("www.example.com", "example.com"),
        ("*.example.com", "example.com"),
        ("*.example.com", "a.b.example.com"),
        ("*.com", "example.com"),
        ("*", "example"),
        ("*.", "example."),
        ("w*.example.com", "www.example.com"),
        ("www.*.com", "www.example.com"),
        ("*.*.example.com", "a.b.example.com"),
        ("*.example.com", "*.example.com.evil.net"),
        ("example.com\0.evil.net", "example.com"),
        ("bücher.example", "bücher.example"),
        ("", ""),
        ("*.example.com", ".example.com"),
        ("*.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_not_carried(carried: str, wanted: str) -> None:
    assert not leaf(carried).carries(wanted)


@pytest.mark.parametrize(
    ("carried", "wanted", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", True),
        ("2001:DB8:0:0:0:0:0:1\n", "[2001:db8::1]", True),
        ("192.0.2.1", "www.example.com", False),
    ],
)
def test_addresses_match_addresses(carried: str, wanted: str, same: bool) -> None:
    assert leaf(carried, kind="IP Address").carries(wanted) is same


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABEL, min_size=3, max_size=5).filter(lambda labels: not labels[-1].isdigit())


@given(NAMES)
def test_a_wildcard_covers_exactly_one_label(labels: list[str]) -> None:
    wildcard = leaf("*." + ".".join(labels[1:]))
    assert wildcard.carries(".".join(labels))
    assert not wildcard.carries(".".join(labels[1:]))
    assert not wildcard.carries(".".join(["more", *labels]))
