"""Who led the host where it went, and what may be said of it: a table, and what no case may break.

Each row is played after calm rounds and from the first round on.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from probe.model.identity import RoundKind
from probe.model.observation import Place
from probe.model.verdict import HOME_RESOLVER, Method, State, Verdict
from tests.verdict.looked import (
    FALSE_CERTIFICATE,
    FAR,
    LIE,
    NEAR,
    PRIVATE,
    SILENT,
    ZERO,
    Looked,
    Word,
    fails,
    gives,
)

NXDOMAIN, SERVFAIL = fails("dns_nxdomain_error"), fails("dns_servfail_error")
TIMEOUT, REFUSED = fails("generic_timeout_error"), fails("dns_refused_error")
CLOSED = fails("dns_temporary_failure")
HONEST = (gives(NEAR), gives(NEAR))
CALM = 12


class Case(Struct, frozen=True, kw_only=True):
    """What everybody says, and what may be said then: a rule for certain (``says``), or no
    accusation at all; ``home``: it may be the home's own doing. ``born``: the rule where it is so
    from the first round on, if that is another."""

    title: str
    host: Word
    system: Word | None = None
    plain: tuple[Word | None, Word | None] = HONEST
    secure: Word | None = gives(FAR)
    place: Place | None = Place.BEYOND
    works: bool | None = None
    forged: bool = False
    down: frozenset[str] = frozenset()
    says: str = ""
    home: bool = False
    born: str | None = None


CASES = (
    Case(
        title="the hosts file leads to nobody",
        host=gives(ZERO), system=gives(NEAR), place=Place.FILE,
        says="unknown.own-host",
    ),
    Case(
        title="the hosts file leads to another server",
        host=gives(LIE), system=gives(NEAR), place=Place.FILE, forged=True,
        says="unknown.own-host",
    ),
    Case(
        title="the hosts file leads to nobody, and the network lies too",
        host=gives(ZERO), system=NXDOMAIN, plain=(NXDOMAIN, NXDOMAIN), place=Place.FILE,
        says="unknown.own-host",
    ),
    Case(
        title="the hosts file leads to the platform",
        host=gives(FAR), system=gives(NEAR), place=Place.FILE,
        says="ok",
    ),
    Case(
        title="our look-up fails, the same resolver answers well on the wire",
        host=SERVFAIL, system=gives(NEAR),
        says="unknown.own-lookup",
    ),
    Case(
        title="our look-up times out, the same resolver answers what the encrypted one does",
        host=TIMEOUT, system=gives(FAR),
        says="unknown.own-lookup",
    ),
    Case(
        title="the resolver could not be asked",
        host=CLOSED, system=CLOSED,
        says="unknown.own-lookup",
    ),
    Case(
        title="the source address is gone",
        host=fails("address_not_available"), system=fails("address_not_available"),
        says="unknown.own-lookup",
    ),
    Case(
        title="a router's proxy has lost its way out, and answers what it remembers",
        host=SERVFAIL, place=Place.HOME, works=False,
        says="unknown.resolver-trouble",
    ),
    Case(
        title="a router's proxy is silent, and answers what it remembers",
        host=TIMEOUT, place=Place.HOME, works=False,
        says="unknown.resolver-trouble",
    ),
    Case(
        title="a resolver refuses all that is not its own",
        host=REFUSED, works=False,
        says="unknown.resolver-trouble",
    ),
    Case(
        title="a router's proxy is silent about this one name, and no resolver beyond it is",
        host=TIMEOUT, system=TIMEOUT, place=Place.HOME,
        says="unknown.resolver-trouble",
    ),
    Case(
        title="a router's proxy fails for this one name, and no resolver beyond it does",
        host=SERVFAIL, system=SERVFAIL, place=Place.HOME,
        says="unknown.resolver-trouble",
    ),
    Case(
        title="a router's proxy refuses this one name, as a list has it",
        host=REFUSED, system=REFUSED, place=Place.HOME,
        says="blocked.dns", home=True,
    ),
    Case(
        title="a filter at home answers with nobody's address",
        host=gives(ZERO), place=Place.HOST,
        says="blocked.dns", home=True,
    ),
    Case(
        title="a filter at home says that there is no such name",
        host=NXDOMAIN, place=Place.HOME,
        says="blocked.dns", home=True,
    ),
    Case(
        title="a filter at home leads to its own page",
        host=gives(LIE), place=Place.HOME, forged=True,
        says="blocked.dns", home=True,
    ),
    Case(
        title="a filter at home, and no resolver beyond it answers at all",
        host=gives(ZERO), place=Place.HOST, plain=(TIMEOUT, TIMEOUT),
        says="blocked.dns", home=True,
    ),
    Case(
        title="the home's resolver passes on the provider's lie, which a public one tells too",
        host=gives(PRIVATE), place=Place.HOME, plain=(gives(PRIVATE), gives(NEAR)),
        says="blocked.dns",
    ),
    Case(
        title="the home's resolver says that there is no such name, and so do public ones",
        host=NXDOMAIN, place=Place.HOME, plain=(NXDOMAIN, NXDOMAIN),
        says="blocked.dns",
    ),
    Case(
        title="the home's resolver lies, and a forged answer comes beside a public one's",
        host=gives(LIE), place=Place.HOME, forged=True,
        plain=(Word((LIE,), None, (NEAR,)), gives(NEAR)),
        says="blocked.dns",
    ),
    Case(
        title="the provider's resolver says that there is no such name",
        host=NXDOMAIN,
        says="blocked.dns",
    ),
    Case(
        title="the provider's resolver is silent about the platform alone",
        host=TIMEOUT, works=True,
        says="blocked.dns",
    ),
    Case(
        title="the provider's resolver leads to a silent place that nobody else knows",
        host=gives(LIE),
        says="blocked.dns",
    ),
    Case(
        title="all that is not encrypted leads to the same silent place",
        host=gives(LIE), plain=(gives(LIE), gives(LIE)),
        says="blocked.dns",
    ),
    Case(
        title="each unencrypted resolver leads to a silent place of its own",
        host=gives(LIE), plain=(gives("203.0.113.7"), gives("198.51.100.9")),
        says="blocked.dns",
    ),
    Case(
        title="a forged answer comes before the true one",
        host=gives(LIE), system=Word((LIE,), None, (NEAR,)),
        says="blocked.dns",
    ),
    Case(
        title="the near edge is down, the encrypted resolver gives a far one",
        host=gives(NEAR), down=frozenset({NEAR}),
        born="blocked.dns",  # nobody can tell where the platform was never seen well
    ),
    Case(
        title="content networks answer differently, and all is well",
        host=gives(NEAR), plain=(gives(FAR), gives("104.244.43.1")),
        says="ok",
    ),
)  # fmt: skip


def played(case: Case, calm: int, rounds: int = 4) -> list[Verdict]:
    country = Looked(place=case.place if not calm else Place.BEYOND)
    if calm:
        country.run(calm)
    country.place, country.works, country.down = case.place, case.works, case.down
    country.at_lies = FALSE_CERTIFICATE if case.forged else SILENT
    country.say(host=case.host, system=case.system, plain=case.plain, secure=case.secure)
    country.verdicts.clear()
    country.run(rounds)
    return country.verdicts


@pytest.mark.parametrize("calm", [0, CALM], ids=["from the start", "after calm"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_what_may_be_said(case: Case, calm: int) -> None:
    verdicts = played(case, calm)
    says = case.says if calm or case.born is None else case.born
    if not says.startswith("blocked"):
        assert not any(verdict.restricted for verdict in verdicts)
    if says == "ok" and not calm:
        return  # without a history it may be too early to say so
    if says:
        assert verdicts[-1].rule_id == says
    assert (verdicts[-1].reason == HOME_RESOLVER) is case.home
    caveat = any("in this home" in sentence for sentence in verdicts[-1].may_not_claim)
    assert caveat is case.home
    assert ("a filter at home" in verdicts[-1].sentence) is case.home
    assert verdicts[-1].votes is (says == "blocked.dns" and not case.home)


def test_the_strongest_evidence_takes_two_rounds() -> None:
    # All that is not encrypted leads to a silent place, the encrypted one to a place that is well.
    case = next(one for one in CASES if one.title.startswith("all that is not encrypted"))
    states = [verdict.state for verdict in played(case, CALM)]
    assert states.index(State.BLOCKED) == 1


def test_a_lie_that_is_over_is_over_as_soon_as_the_resolver_answers_well() -> None:
    country = Looked()
    country.run(CALM)
    country.say(host=NXDOMAIN, plain=HONEST, secure=gives(FAR))
    assert country.run(3).method is Method.DNS
    country.say(host=gives(NEAR), plain=HONEST, secure=gives(FAR))
    assert country.run(1).state is State.OK


def test_an_address_that_a_cache_has_kept_for_too_long_is_no_lie() -> None:
    """The encrypted resolver gave it before the platform left it; the host's still does."""
    country = Looked()
    country.run(CALM)
    country.say(host=gives(NEAR), system=gives(NEAR), plain=(None, None), secure=gives(LIE))
    country.run(1)
    country.at_lies = SILENT
    country.say(host=gives(LIE), system=None, plain=(gives(NEAR),) * 2, secure=gives(NEAR))
    country.verdicts.clear()
    country.run(6)
    assert not any(verdict.restricted for verdict in country.verdicts)


def test_a_filter_at_home_that_the_provider_then_joins_counts() -> None:
    country = Looked(place=Place.HOME)
    country.run(CALM)
    country.say(host=NXDOMAIN, plain=HONEST, secure=gives(FAR))
    assert country.run(3).reason == HOME_RESOLVER
    country.say(host=NXDOMAIN, plain=(NXDOMAIN, gives(NEAR)), secure=gives(FAR))
    verdict = country.run(1)
    assert (verdict.rule_id, verdict.reason) == ("blocked.dns", "")


WORDS = st.sampled_from(
    (
        gives(NEAR), gives(FAR), gives(LIE), gives(PRIVATE), gives(ZERO), gives(NEAR, FAR),
        NXDOMAIN, SERVFAIL, TIMEOUT, REFUSED, CLOSED, fails("dns_no_answer"),
    )
)  # fmt: skip
PLACES = st.sampled_from((None, *Place))


@settings(max_examples=150, deadline=None)
@given(
    host=WORDS,
    system=WORDS,
    plain=st.tuples(WORDS, WORDS),
    secure=WORDS | st.none(),
    place=PLACES,
    works=st.sampled_from((None, True, False)),
    forged=st.booleans(),
    calm=st.sampled_from((0, 3)),
    kinds=st.lists(st.sampled_from((RoundKind.LIGHT, RoundKind.TRANSFER)), min_size=3, max_size=5),
)
def test_dns_is_never_said_while_that_very_resolver_answers_well(
    host: Word,
    system: Word,
    plain: tuple[Word, Word],
    secure: Word | None,
    place: Place | None,
    works: bool | None,
    forged: bool,
    calm: int,
    kinds: list[RoundKind],
) -> None:
    country = Looked(place=Place.BEYOND)
    if calm:
        country.run(calm)
    country.place, country.works = place, works
    country.at_lies = FALSE_CERTIFICATE if forged else SILENT
    country.say(host=host, system=system, plain=plain, secure=secure)
    country.verdicts.clear()
    for kind in kinds:
        country.run(1, kind)
    good = system.failure is None and bool({NEAR, FAR} & {*system.addresses})
    for verdict in country.verdicts:
        if good or place is Place.FILE:
            assert verdict.method is not Method.DNS, verdict.sentence
        if place in (Place.HOST, Place.HOME) and all(
            _innocent(word) for word in plain if word is not None
        ):
            # The home alone lies: it stands for no network.
            assert verdict.method is not Method.DNS or verdict.reason == HOME_RESOLVER


def _innocent(word: Word) -> bool:
    return word.failure is None and {*word.addresses} <= {NEAR, FAR}


@pytest.mark.parametrize("reason", ["dns_servfail_error", "generic_timeout_error"])
def test_a_router_that_dies_for_a_minute_accuses_nobody(reason: str) -> None:
    country = Looked(place=Place.HOME)
    country.run(CALM)
    country.verdicts.clear()
    for word, works in ((fails(reason), False), (gives(NEAR), None)) * 4:
        country.works = works
        country.say(host=word, plain=HONEST, secure=gives(FAR))
        country.run(1, RoundKind.LIGHT)
    assert {v.rule_id for v in country.verdicts} <= {"unknown.resolver-trouble", "ok"}


@pytest.mark.parametrize("after", [1, 2, 3])
def test_the_hosts_file_is_ours_whatever_was_said_before(after: int) -> None:
    country = Looked()
    country.run(CALM)
    country.say(host=NXDOMAIN, plain=HONEST, secure=gives(FAR))
    country.run(after)
    country.place = Place.FILE
    country.say(host=gives(ZERO), system=NXDOMAIN, plain=HONEST, secure=gives(FAR))
    assert country.run(1).rule_id == "unknown.own-host"


def test_where_the_hosts_file_leads_is_no_address_of_the_platform() -> None:
    country = Looked()
    country.run(CALM)
    country.place = Place.FILE
    country.say(host=gives(LIE), system=gives(NEAR), plain=HONEST, secure=gives(FAR))
    country.run(3)
    known = country.memory.platform("x").addresses.values()
    assert known
    assert not any(LIE in addresses for addresses in known)
