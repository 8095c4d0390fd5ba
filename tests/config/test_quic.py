"""QUIC is asked for by the operator, needs its library, and hides no contact."""

from __future__ import annotations

import importlib.util

import pytest

from probe.config import ConfigErrors, contacts, load

ON = {"THROTTLEWATCH_QUIC": "true"}


def test_quic_is_off_unless_asked_for_and_every_contact_over_it_is_listed() -> None:
    assert not load(None, {}).settings.quic
    off = {c for c in contacts(load(None, {})) if c.transport == "udp"}
    on = {c for c in contacts(load(None, ON)) if c.transport == "udp"}
    added = {(c.host, c.owner) for c in on - off}
    assert added == {
        ("www.youtube.com", "youtube"),
        ("redirector.googlevideo.com", "youtube"),
        ("code.jquery.com", "control-jquery"),
    }


def test_without_its_library_the_mistake_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("probe.config.loading.find_spec", lambda name: None)
    with pytest.raises(ConfigErrors, match=r"the extra `quic` installed"):
        load(None, ON)
    assert importlib.util.find_spec("aioquic") is not None
