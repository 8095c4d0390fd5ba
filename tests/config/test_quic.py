"""QUIC is asked for by the operator, needs its library, and hides no contact."""

from __future__ import annotations

import importlib.util

import pytest

from probe.config import ConfigErrors, contacts, load
from probe.config.advice import warnings

ON = {"THROTTLEWATCH_QUIC": "true"}


def test_quic_is_off_unless_asked_for_and_every_contact_over_it_is_listed() -> None:
    assert not load(None, {}).settings.quic
    off = {c for c in contacts(load(None, {})) if c.transport == "udp"}
    on = {c for c in contacts(load(None, ON)) if c.transport == "udp"}
    assert {c.owner for c in on - off if not c.owner.startswith("control-")} == {
        "facebook",
        "instagram",
        "youtube",
    }
    added = {(c.host, c.owner) for c in on - off}
    assert added >= {
        ("www.youtube.com", "youtube"),
        ("redirector.googlevideo.com", "youtube"),
        ("www.facebook.com", "facebook"),
        ("code.jquery.com", "control-jquery"),
        ("cdnjs.cloudflare.com", "control-cdnjs"),
    }


def test_the_shipped_pool_has_controls_of_several_operators_that_speak_it() -> None:
    pool = load(None, ON).pool
    operators = {one.operator for one in pool if any(t.quic for t in one.targets)}
    assert len(operators) >= 3


def test_too_few_operators_that_speak_it_are_warned_of() -> None:
    one = {**ON, "THROTTLEWATCH_CONTROLS": "control-jquery,control-kernel,control-debian"}
    assert any("over QUIC" in said for said in warnings(load(None, one)))
    two = {**ON, "THROTTLEWATCH_CONTROLS": "control-jquery,control-cdnjs,control-debian"}
    assert not any("over QUIC" in said for said in warnings(load(None, two)))


def test_without_its_library_the_mistake_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("probe.config.loading.find_spec", lambda name: None)
    with pytest.raises(ConfigErrors, match=r"the extra `quic` installed"):
        load(None, ON)
    assert importlib.util.find_spec("aioquic") is not None
