"""What a changed probe writes into its rounds is taken out, or the round is left out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from probe.config import embedded
from probe.config.bundle import Signers
from probe.config.shipped import all_shipped
from probe.hub.round_words import Wording
from probe.model.burst import Burst
from probe.model.failure import Failure
from probe.model.identity import Compares, Phase
from probe.model.observation import DnsAnswer, SkippedLeg
from probe.model.stored import StoredRound
from probe.model.verdict import Evidence, LookingBack, State, TransportFinding
from probe.publish.privacy.configured_names import NO_HOST, NOTHING, Named
from probe.publish.privacy.exported_fields import Scrubber
from probe.publish.privacy.fleet_names import fleet_names, names_of
from synth.golden.kept import judged, read
from tests.config.bundles import KEYS, PEMS, body_of
from tests.store.rounds import CONFIG, stored

NAMED = Named.of(CONFIG)
HOME = "203.0.113.77"


def honest() -> StoredRound:
    return Scrubber(NAMED).stored(stored(3))


def leg(**changes: Any) -> Callable[[StoredRound], StoredRound]:
    """With another first leg."""

    def made(one: StoredRound) -> StoredRound:
        first, *others = one.observed.legs
        first = replace(first, leg=replace(first.leg, **changes))
        return replace(one, observed=replace(one.observed, legs=(first, *others)))

    return made


def seen(**changes: Any) -> Callable[[StoredRound], StoredRound]:
    def made(one: StoredRound) -> StoredRound:
        first, *others = one.observed.legs
        return replace(
            one, observed=replace(one.observed, legs=(replace(first, **changes), *others))
        )

    return made


def dns(**changes: Any) -> Callable[[StoredRound], StoredRound]:
    def made(one: StoredRound) -> StoredRound:
        first, *others = one.observed.dns
        return replace(
            one, observed=replace(one.observed, dns=(replace(first, **changes), *others))
        )

    return made


def observed(**changes: Any) -> Callable[[StoredRound], StoredRound]:
    return lambda one: replace(one, observed=replace(one.observed, **changes))


def verdict(**changes: Any) -> Callable[[StoredRound], StoredRound]:
    return lambda one: replace(one, verdict=replace(one.verdict, **changes))


def over(**changes: Any) -> Callable[[StoredRound], StoredRound]:
    found = TransportFinding(
        transport="quic", state=State.OK, rule_id="ok", sentence="", at=1.0, since=1.0
    )
    return verdict(over=(replace(found, **changes),))


BACK = LookingBack(target=HOME, since=1.0, until=2.0, times=2.0, before=1.0, after=2.0, others=1.0)
SKIPPED = SkippedLeg(leg=stored(3).observed.legs[0].leg, reason="me@home.example")
PLAN = Burst(target="home-of-jan.example", compares=Compares.GOODPUT, read_bytes=1)


@pytest.mark.parametrize("named", [None, NAMED])
def test_what_an_honest_probe_sends_stays_as_it_is(named: Named | None) -> None:
    assert Wording(named).scrubbed(honest()) == honest()


@pytest.mark.parametrize("named", [None, NAMED])
@pytest.mark.parametrize(
    "change",
    [
        verdict(sentence=f"X is slow at {HOME}."),
        verdict(sentence="X is slow at 2001:db8:0:1::7."),
        verdict(sentence="X is slow at host-203-0-113-77.isp.example."),
        verdict(sentence="Ask jan.jansen@home.example"),
        verdict(sentence="See https://home.example/jan"),
        verdict(may_claim=("fine", f"It is {HOME}.")),
        verdict(may_not_claim=(HOME,)),
        verdict(tls_stack=HOME),
        verdict(target=HOME),
        verdict(reason="Jan Jansen, Main Street 1"),
        verdict(rule_id=HOME),
        verdict(measure=f"of {HOME}"),
        verdict(evidence=(Evidence(name="x", subject=HOME, value=1.0),)),
        verdict(evidence=(Evidence(name="x", subject="x", versus=HOME, value=1.0),)),
        verdict(back=BACK),
        over(sentence=HOME),
        over(target="Jan Jansen"),
        leg(owner=HOME),
        leg(target="Jan Jansen"),
        leg(operator=HOME),
        leg(candidate="Jan Jansen"),
        seen(seen_names=("x", HOME)),
        dns(resolver=HOME),
        dns(transport="Jan Jansen"),
        observed(skipped=(SKIPPED,)),
        observed(burst=PLAN),
        observed(burst=replace(PLAN, target="script", controls=("jquery/object", HOME))),
    ],
)
def test_names_and_sentences_with_what_is_nobodys_business_are_left_out(
    change: Callable[[StoredRound], StoredRound], named: Named | None
) -> None:
    assert Wording(named).scrubbed(change(honest())) is None


@pytest.mark.parametrize(
    "change",
    [
        seen(failure=Failure(phase=Phase.CONNECT, reason="connection_reset", detail="jan-home")),
        seen(address="jan-home"),
        seen(address="fe80::1%jan-home"),
        leg(connect_to="jan home"),
        leg(sni="jan:home"),
        leg(url="https://jan:home@x.test/"),
        leg(url="jan-home"),
        leg(url="https://x.test/#jan-home"),
        dns(name="jan home"),
        dns(answers=(DnsAnswer(seconds=0.1, rcode="jan-home"),)),
        dns(answers=(DnsAnswer(seconds=0.1, rcode="NOERROR", addresses=("jan-home",)),)),
    ],
)
def test_what_has_a_form_is_taken_out_where_it_has_another(
    change: Callable[[StoredRound], StoredRound],
) -> None:
    was = change(honest())
    assert b"jan" in msgspec.json.encode(was)
    found = Wording(None).scrubbed(was)
    assert found is not None
    assert b"jan" not in msgspec.json.encode(found)


@pytest.mark.parametrize("field", ["connect_to", "sni", "certificate_name", "also_certified"])
def test_hosts_that_the_fleet_does_not_name_are_taken_out(field: str) -> None:
    host: Any = "jan.home.example"
    was = leg(**{field: (host,) if field == "also_certified" else host})(honest())
    for named, gone in ((None, False), (NAMED, True)):
        found = Wording(named).scrubbed(was)
        assert found is not None
        assert (host.encode() not in msgspec.json.encode(found)) is gone
        assert (NO_HOST.encode() in msgspec.json.encode(found)) is gone
    found = Wording(NAMED).scrubbed(leg(url="https://x.test/jan/home?id=7")(honest()))
    assert found is not None
    assert b"jan" not in msgspec.json.encode(found)


def test_what_any_probe_of_the_fleet_may_measure_is_named() -> None:
    """A country's own controls, those that are drawn, and those of the bundle that is given out:
    none of them has to stand in the fleet's configuration."""
    bundle = (body_of(), Signers(keys=KEYS[:1]))
    named, with_bundle = fleet_names(CONFIG, NOTHING), fleet_names(CONFIG, names_of(bundle))
    shipped = all_shipped(embedded.folder())
    assert len({one.country for one in shipped}) > 20
    urls = [target.url for one in shipped for target in one.targets if target.url]
    assert len(urls) > 80
    for url in urls:
        assert named.url(url) == url
        assert with_bundle.url(url) == url
    assert named.host("listed.example") == NO_HOST
    assert with_bundle.url("https://listed.example/a") == "https://listed.example/a"
    assert with_bundle.host("jan.home.example") == NO_HOST
    stale = names_of((body_of(pems=PEMS[1:2]), Signers(keys=KEYS[:1])))
    assert stale == names_of(None) == NOTHING
    assert stale.host("listed.example") == NO_HOST, "who may not sign names nothing"


def texts(value: Any) -> list[str]:
    found = []
    for name in value.__struct_fields__:
        below = getattr(value, name)
        for one in below if isinstance(below, tuple) else (below,):
            if isinstance(one, Struct):
                found += texts(one)
            elif type(one) is str:
                found.append(one)
    return found


def test_what_rules_say_of_histories_passes() -> None:
    """No sentence of ours, no name and no host is taken for what may not be said."""
    wording, said = Wording(None), set[str]()
    for history in islice(read(), 0, None, 9):
        for one in islice(judged(history), 40):
            was = StoredRound(observed=one.observed, verdict=one.now)
            found = wording.scrubbed(was)
            assert found is not None, one.now.sentence
            assert wording.scrubbed(found) == found
            assert found.verdict == was.verdict
            for old, new in zip(was.observed.legs, found.observed.legs, strict=True):
                assert (old.leg, old.address) == (new.leg, new.address)
            said.update(texts(found.verdict))
    assert len(said) > 50
