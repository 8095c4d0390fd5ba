"""What is handed on of a round does not depend on what others wrote into it."""

from __future__ import annotations

from base64 import b64encode
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis.strategies import builds, characters, integers, text
from msgspec.structs import fields, replace

from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Compares, Family, Phase
from probe.model.observation import (
    DnsAnswer,
    Leg,
    LegObservation,
    RoundObservation,
    SkippedLeg,
    TlsFacts,
)
from probe.model.stored import StoredRound
from probe.publish.export.export_csv import csv_lines
from probe.publish.export.export_jsonl import jsonl_lines
from probe.publish.export.export_ooni import ooni_lines
from probe.publish.privacy.configured_names import Named
from probe.publish.privacy.exported_fields import RULES, Scrubber, may_hold_text
from probe.publish.terminal.round_table import to_json
from synth.event import ONSET, VANTAGES, history
from synth.shape import config, full_round, verdict_of
from tests.publish.naming import scrubber_of

OURS = "203.0.113.7"
NAMED = Named.of_texts(
    [
        ("hosts", "x.test"),
        ("hosts", "*.cdn.test"),
        ("url", "https://x.test:444/a/b%20c.js?lang=en"),
        ("path", "/favicon.ico"),
        ("pattern", r"https:\\?/\\?/static\.cdn\.test\\?/rsrc\.php\\?/[^\"'\s<>]+?\.js"),
        ("address", "192.0.2.1"),
    ]
)

FORMS = [
    "https://h/ip/203.0.113.7/x.js",
    "https://h/ip=203.0.113.7/x.js",
    "https://h/v-203.0.113.7.js",
    "https://h/203-0-113-7/x.js",
    "https://203-0-113-7.cdn.example/x.js",
    "https://203-0-113-7.cdn.test/x.js",
    "https://h/x.js?203.0.113.7=1",
    "https://h/x.js?203.0.113.7",
    "https://h/x.js;ip=203.0.113.7",
    "https://h/%32%30%33.0.113.7/x.js",
    "https://h/%2532%2530%2533.0.113.7/x.js",
    "https://h/2001:db8::7/x.js",
    "https://[2001:db8::7%25wlan0]/x.js",
    "https://[::ffff:203.0.113.7]/x.js",
    "https://h/x/cb710707/x.js",
    "https://h/0xcb.0x71.0x71.7/x.js",
    "https://h/0313.0.0161.07/x.js",
    "https://3405803783/x.js",
    "https://h/7.113.0.203.in-addr.arpa/x.js",
    "https://h/yweHBw==/x.js",
    "https://xn--203-0-113-7-abc/x.js",
    "https://h/203。0。113。7/x.js",
    "https://h/203.0.113.7,1/x.js",
    "https://u:203.0.113.7@x.test/favicon.ico",
    "https://x.test/favicon.ico#203.0.113.7",
    "https://x.test/favicon.ico?203.0.113.7",
    "https://x.test/favicon.ico;203.0.113.7",
    "https://x.test/favicon.ico/203.0.113.7",
    "https://x.test:20301/favicon.ico",
    "https://static.cdn.test/rsrc.php/203-0-113-7/x.js",
    "https://static.cdn.test/rsrc.php/cb710707.js?ip=1",
    "https://x.test/anna-the-user/AnnasWlan",
    "javascript:203.0.113.7",
    "https://[broken/203.0.113.7",
    "https://h:99999/203.0.113.7",
    "203.0.113.7",
]
MAY_STAND = {
    "https://scrubbed.invalid/[scrubbed]",
    "https://scrubbed.cdn.test/[scrubbed]",
    "https://scrubbed.cdn.test/rsrc.php/[scrubbed].js",
    "https://x.test/[scrubbed]",
    "https://x.test/favicon.ico",
}


@pytest.mark.parametrize("url", FORMS)
def test_of_a_link_only_what_the_configuration_spells_out_is_kept(url: str) -> None:
    kept = NAMED.url(url)
    assert kept in MAY_STAND
    assert NAMED.url(kept) == kept
    assert Named().url(url) in MAY_STAND  # nothing is named


@pytest.mark.parametrize(
    "url",
    [
        "https://x.test:444/a/b%20c.js?lang=en",
        "https://x.test/favicon.ico",
        "https://x.test/",
        "",
    ],
)
def test_what_the_configuration_names_is_left_alone(url: str) -> None:
    assert NAMED.url(url) == url


@pytest.mark.parametrize(
    ("pattern", "link", "kept"),
    [
        (
            r"https://x\.test/js/m\.[0-9a-f]+\.js",
            "/js/m.cb710707.js",
            "/js/m.[scrubbed].js",
        ),
        (r'"(/js/[^"]+/base\.js)"', "/js/203-0-113-7/base.js", "/[scrubbed]"),
        (r"(?:/s/player/)(\w+)/base\.js", "/s/player/cb71/base.js", "/s/player/[scrubbed]/base.js"),
        (r"(/s/player/\w+/base\.js)", "/s/player/cb71/base.js", "/s/player/[scrubbed]/base.js"),
        (r"//x\.test/a?b", "/203.0.113.7b", "/[scrubbed]b"),
        (r".+", "/203.0.113.7", "/[scrubbed]"),
        (r"\d+", "/203.0.113.7", "/[scrubbed]"),
        (r"https:\\/\\/x\.test\\/a\.js", "/a.js", "/a.js"),
        (r"https:\\/\\/x\.test\\/a\.js", "/b/a.js", "/[scrubbed]"),
    ],
)
def test_a_pattern_spells_out_the_ends_of_its_links(pattern: str, link: str, kept: str) -> None:
    named = Named.of_texts([("hosts", "x.test"), ("pattern", pattern)])
    assert named.url(f"https://x.test{link}") == f"https://x.test{kept}"


def test_every_field_that_can_hold_a_text_has_its_rule() -> None:
    for of, rules in RULES.items():
        kinds = {field.name: field.type for field in fields(of)}
        assert set(rules) <= set(kinds)
        missing = {name for name, kind in kinds.items() if may_hold_text(kind)} - set(rules)
        assert not missing, f"{of.__name__}: say in RULES what may be written of {missing}"
    inside = {name for of in RULES for name in _structs_in(of)}
    assert inside <= {of.__name__ for of in RULES}, "a part of a round that nothing looks into"


def _structs_in(of: type) -> set[str]:
    def within(found: msgspec.inspect.Type) -> set[str]:
        if isinstance(found, msgspec.inspect.StructType):
            texts = any(may_hold_text(field.type) for field in fields(found.cls))
            return {found.cls.__name__} if texts else set()
        if isinstance(found, msgspec.inspect.UnionType):
            return set().union(*map(within, found.types))
        return within(found.item_type) if hasattr(found, "item_type") else set()

    return set().union(*(within(msgspec.inspect.type_info(field.type)) for field in fields(of)))


def planted(said: str) -> RoundObservation:
    """A whole round in which others have written ``said`` wherever they can."""
    of = config()
    whole = full_round(of, "x")
    safe = quote(said, safe="")
    url = f"https://static.cdn.test/rsrc.php/{safe}.js"
    burst = Burst(
        target="page",
        compares=Compares.HANDSHAKE,
        read_bytes=0,
        family=Family.IPV4,
        controls=(),
        address=said,
        with_swap=False,
        each=3,
        deadline_seconds=5.0,
    )

    def leg(leg: Leg, number: int) -> Leg:
        links = (url, said, f"https://{said}/", f"https://x.test/{safe}?{safe}={safe}#{safe}")
        return replace(
            leg,
            url=links[number % len(links)],
            connect_to=said,
            sni=said,
            certificate_name=said,
            also_certified=(said, said),
        )

    def seen(one: LegObservation, number: int) -> LegObservation:
        return replace(
            one,
            leg=leg(one.leg, number),
            address=said,
            failure=Failure(phase=Phase.TLS, reason="connection_reset", detail=said),
            tls=TlsFacts(
                version=said,
                alpn=said,
                cipher=said,
                certificate_sha256=said,
                verify_error=f"{said}, certificate is not valid for '{said}'.",
            ),
            http=None if one.http is None else replace(one.http, version=said),
        )

    legs = tuple(seen(one, number) for number, one in enumerate(whole.legs))
    answer = DnsAnswer(seconds=0.1, rcode=said, addresses=(said,))
    failed = Failure(phase=Phase.RESOLVE, reason="dns_servfail_error", detail=said)
    return replace(
        whole,
        legs=legs,
        beside=legs[:1],
        skipped=tuple(SkippedLeg(leg=one.leg, reason="host_budget") for one in legs),
        dns=tuple(
            replace(one, name=said, answers=(answer,), failure=failed if number % 2 else None)
            for number, one in enumerate(whole.dns)
            if one.transport != "https"
        ),
        burst=burst,
    )


def outlets(observed: RoundObservation) -> bytes:
    """All that leaves of a round."""
    verdict = verdict_of(observed)
    stored = StoredRound(observed=observed, verdict=verdict)
    places = {vantage.name: vantage for vantage in VANTAGES}
    return b"".join(
        (
            *jsonl_lines([stored], Scrubber(NAMED)),
            *csv_lines([stored], places, Scrubber(NAMED)),
            *ooni_lines([stored], places, Scrubber(NAMED)),
            to_json([observed], [verdict], Scrubber(NAMED)),
        )
    )


# No text of the configuration, no known server and nothing that our own lists have is so long.
anything = text(characters(exclude_categories=["Cs"]), min_size=24, max_size=60)


@settings(max_examples=20, deadline=None)
@given(anything, anything)
def test_whatever_others_write_the_same_is_handed_on(one: str, other: str) -> None:
    assert outlets(planted(one)) == outlets(planted(other))


v4 = builds(lambda n: ip_address(n), integers(0xCB000101, 0xCB00FFFF))


@settings(max_examples=20, deadline=None)
@given(v4, v4)
def test_of_an_address_that_nobody_proved_only_its_network_is_told(one: Any, other: Any) -> None:
    written = outlets(planted(str(one)))
    assert written == outlets(planted(str(other)))
    assert b"203.0.0.0/16#1" in written
    packed = one.packed
    for form in (str(one), str(one).replace(".", "-"), packed.hex(), str(int(one))):
        assert form.encode() not in written
    assert b64encode(packed).rstrip(b"=") not in written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("203.0.113.7", "203.0.0.0/16#1"),
        ("::ffff:203.0.113.7", "203.0.0.0/16#1"),
        ("2001:db8:77::77", "2001:db8::/32#1"),
        ("fe80::1%wlan0", "fe80::/10#1"),
        ("192.168.178.23", "192.168.0.0/16#1"),
        ("10.10.34.36", "10.0.0.0/8#1"),
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("192.0.2.1", "192.0.2.1"),
        ("pi-of-anna.fritz.box", "[scrubbed]"),
        ("", ""),
    ],
)
def test_addresses(said: str, written: str) -> None:
    assert Scrubber(NAMED).addresses.written(said) == written
    assert Scrubber(NAMED).addresses.written(written) == written
    assert Scrubber(NAMED, every_address=True).addresses.written(said) == said


def test_addresses_of_one_network_can_be_told_apart() -> None:
    addresses = Scrubber(NAMED).addresses
    said = ("203.0.113.7", "203.0.113.8", "203.0.113.7", "198.51.100.1")
    assert [addresses.written(one) for one in said] == [
        "203.0.0.0/16#1",
        "203.0.0.0/16#2",
        "203.0.0.0/16#1",
        "198.51.0.0/16#3",
    ]


def test_where_a_certificate_held_or_doh_led_the_address_is_a_servers_from_then_on() -> None:
    whole = full_round(config(), "x")
    answered = replace(whole, dns=tuple(d for d in whole.dns if d.transport == "https"), legs=())
    for proof in (replace(whole, dns=()), answered):
        scrubber = Scrubber(NAMED)
        assert scrubber.addresses.written("192.0.2.7") == "192.0.0.0/16#1"
        scrubber.round(proof)
        assert scrubber.addresses.written("192.0.2.7") == "192.0.2.7"
    by_udp = replace(whole, legs=(), dns=tuple(d for d in whole.dns if d.transport == "udp"))
    scrubber = Scrubber(NAMED)
    scrubber.round(by_udp)
    assert scrubber.addresses.written("192.0.2.7") == "192.0.0.0/16#1"


def test_what_the_configuration_named_is_handed_on_as_it_was() -> None:
    rounds = list(history(ONSET - 600.0, ONSET + 1_200.0))
    scrubber = scrubber_of(rounds)
    for stored in rounds:
        assert scrubber.stored(stored) == stored


def test_taking_out_twice_is_taking_out_once() -> None:
    scrubber = Scrubber(NAMED)
    once = scrubber.round(planted("2001:db8:77::77"))
    assert scrubber.round(once) == once


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("self-signed certificate", "self-signed certificate"),
        ("Hostname mismatch, certificate is not valid for 'mary.test'.", "Hostname mismatch"),
        ("mary, certificate is not valid for 'mary.test'.", "the certificate does not hold"),
        ("203.0.113.77 is not mine", "the certificate does not hold"),
        ("", ""),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_in_openssls_words(said: str, kept: str) -> None:
    whole = full_round(config(), "x")
    leg = replace(whole.legs[0], tls=TlsFacts(version="TLSv1.3", verify_error=said))
    clean = Scrubber(NAMED).round(replace(whole, legs=(leg,), beside=(leg,)))
    assert [one.tls and one.tls.verify_error for one in clean.every_leg] == [kept, kept]


def test_each_name_that_a_certificate_may_have_is_a_name() -> None:
    leg = replace(full_round(config(), "x").legs[0].leg, also_certified=("x.test", "203.0.113.7"))
    assert Scrubber(NAMED).leg(leg).also_certified == ("x.test", "scrubbed.invalid")
