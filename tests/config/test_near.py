"""What people write where a configuration wants another form: the right value is named, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import characters, text

from probe.config.formats import FORMS
from tests.config.files import mistakes


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("acknowledge_risks: yes", "true"),
        ("acknowledge_risks: Off", "false"),
        ("acknowledge_risks: 1", "true"),
        ("quic: maybe", ""),
        ("listen: localhost", "localhost:9880"),
        ("listen: 0.0.0.0", "0.0.0.0:9880"),
        ('listen: "::1"', '"[::1]:9880"'),
        ("listen: http://127.0.0.1:9881/", "127.0.0.1:9881"),
        ("listen: 99999", ""),
        ("listen: 1.5", ""),
        ("listen: pi.local", ""),
        ("data_budget: 3GB", "3GB/month"),
        ("data_budget: 3 gb per month", "3GB/month"),
        ("data_budget: 100 MB daily", "100MB/day"),
        ("data_budget: 2GiB a month", "2GiB/month"),
        ("data_budget: 3", ""),
        ("data_budget: 3GB/week", ""),
        ("platforms: [fb]", "facebook"),
        ("platforms: [insta]", "instagram"),
        ("platforms: [YT]", "youtube"),
        ("platforms: [X]", "x"),
        ("platforms: [Twitter]", "x"),
        ("platforms: [tiktok]", ""),
        ("language: urdu", "ur"),
        ("beacon: https://beacon.example/", "beacon.example"),
        ("beacon: beacon.example.", "beacon.example"),
        ("beacon: beacon.example:443", "beacon.example"),
        ("beacon: anna@beacon.example", "beacon.example"),
        ("beacon: bücher.example", "xn--bcher-kva.example"),
        ('beacon: " Beacon.example "', "beacon.example"),
        ("beacon: a..b", ""),
        ("beacon: my beacon", ""),
        ("allowed_hosts: [pi.example/]", "pi.example"),
        ("allowed_hosts: ['[2001:db8::1]:9880']", "2001:db8::1"),
        ("allowed_hosts: ['http://Pi.example:9880']", "pi.example"),
    ],
)
def test_one_mistake_is_told_once_and_with_what_was_meant(
    text: str, meant: str, tmp_path: Path
) -> None:
    (mistake,) = mistakes(tmp_path, text)
    assert mistake.suggestion == meant
    if meant:
        key = text.partition(":")[0]
        put = f"{key}: [{meant}]" if "[" in text else f"{key}: {meant}"
        right = not mistakes(tmp_path, put)
        assert right, put


# Of each form that holds a host: what people write, and what is meant.
HOSTS = {
    "host": (
        ("https://www.example.com/a", "www.example.com"), ("www.example.com.", "www.example.com"),
        ("[2001:db8::1]", "2001:db8::1"), ("www.example.com:443", "www.example.com"),
    ),
    "host-name": (
        ("https://www.example.com/a", "www.example.com"), ("me@www.example.com", "www.example.com"),
        ("https://192.0.2.1/", ""), ("مثال.example", "xn--mgbh0fb.example"),
    ),
    "host-pattern": (
        ("https://*.Example.com/", "*.example.com"), ("*.example.com.", "*.example.com"),
        ("www.example.com/", "www.example.com"), ("*", ""), ("*.*.example.com", ""),
    ),
    "https-url": (
        ("www.example.com/a", "https://www.example.com/a"),
        ("http://www.example.com/a", "https://www.example.com/a"),
        ("https://me:pw@www.example.com/a", "https://www.example.com/a"),
        ("https://www.example.com./a", "https://www.example.com/a"),
        ("https://www.example.com/a#b", "https://www.example.com/a"),
        ("https://www.example.com/a b", "https://www.example.com/a%20b"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https:///a", ""), ("ftp", "https://ftp"),
    ),
    "host-and-port": (
        ("https://ntfy.example.org/", "ntfy.example.org"),
        ("me@mail.example.org:587", "mail.example.org:587"),
        ("mail.example.org.:587", "mail.example.org:587"), ("mail.example.org:0", ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", HOSTS)
def test_what_people_write_for_a_host_is_answered_with_what_they_mean(form: str) -> None:
    for said, meant in HOSTS[form]:
        assert not FORMS[form].accepts(said), said
        assert FORMS[form].near(said) == meant, said
        assert not meant or FORMS[form].accepts(meant)


@given(text(characters(), max_size=60))
def test_whatever_is_written_for_a_host_is_answered(said: str) -> None:
    for form in HOSTS:
        meant = FORMS[form].near(said)
        assert not meant or FORMS[form].accepts(meant)
