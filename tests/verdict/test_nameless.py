"""A name that no resolver knows is rot of one target: nobody is accused of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.config.schema import Config
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.object_record import Why
from probe.model.observation import RoundObservation as Observed
from probe.model.verdict import State, Verdict
from probe.verdict.one_round import nameless
from probe.verdict.remembered.apart import EncryptedWord
from probe.verdict.remembered.keys import family_key
from synth.drive import Daemon, Said
from synth.edges import CALM
from synth.lines import FIBRE
from synth.shape import config as shape_config
from synth.shape import dns_observed, full_round, leg_observed
from synth.world import World

BEGIN = 1_699_920_000.0
HOUR = 3_600.0
CACHE = "rr1.example-city1.googlevideo.com"
QUIET = {State.OK, State.UNKNOWN}


@cache
def _config() -> Config:
    config = load(None, {})
    youtube = tuple(p for p in config.platforms if p.name == "youtube")
    settings = replace(config.settings, platforms=("youtube",))
    return replace(config, settings=settings, platforms=youtube)


class Here:
    """YouTube on a line where nobody restricts anything."""

    def __init__(self, *, gone: tuple[str, ...] = ()) -> None:
        self.world = World(_config(), FIBRE, seed=5, edges=CALM, begin=BEGIN, least_addresses=2)
        self.lose(gone)
        self.daemon = Daemon(_config(), self.world, begin=BEGIN)

    def lose(self, names: tuple[str, ...]) -> None:
        for name in names:
            assert name in self.world.zone
            self.world.zone[name] = ()

    def hours(self, hours: float) -> Iterator[Said]:
        return self.daemon.run(self.daemon.now + hours * HOUR)


def _accused(said: list[Said]) -> list[Verdict]:
    return [one.verdict for one in said if one.verdict.state not in QUIET]


@pytest.mark.parametrize("name", [CACHE, "i.ytimg.com", "www.youtube.com"])
def test_a_name_that_never_was_is_rot(name: str) -> None:
    here = Here(gone=(name,))
    said = list(here.hours(2))
    assert not _accused(said)
    assert not any(one.verdict.reason in ("failure_suspected", "target_failing") for one in said)
    rotten = {one.target: one.why for one in said[-1].verdict.unread}
    assert rotten
    assert set(rotten.values()) == {Why.NO_NAME}
    assert "no resolver knows the name of" in said[-1].verdict.sentence


def test_a_name_that_is_given_up_is_rot_once_an_encrypted_resolver_says_so() -> None:
    here = Here()
    assert not _accused(list(here.hours(4)))
    here.lose((CACHE,))
    said = list(here.hours(9))
    assert not _accused(said)
    (lost,) = said[-1].verdict.unread
    assert (lost.target, lost.why, lost.rotten) == ("cache", Why.NO_NAME, True)
    # An edge may be slow at the very end, and be under test for some rounds.
    assert State.OK in {one.verdict.state for one in said[-24:]}
    here.world.zone[CACHE] = here.world.zone["redirector.googlevideo.com"]
    said = list(here.hours(2))
    assert not said[-1].verdict.unread


@pytest.mark.parametrize("left", [(), (CACHE,)])
def test_a_platform_whose_names_vanish_together_is_not_passed_over(left: tuple[str, ...]) -> None:
    here = Here()
    list(here.hours(3))
    names = {leg.leg.connect_to for leg in list(here.hours(0.5))[-1].observed.legs}
    own = ("googlevideo.com", "youtube.com", "ytimg.com", "google.com")
    here.lose(tuple(n for n in sorted(names) if n.endswith(own) and n not in left))
    said = list(here.hours(1))
    assert {one.verdict.state for one in said[4:]}.isdisjoint({State.OK})


HOST, OTHER = "abs.twimg.test", "x.test"
KEY = family_key(Family.IPV4, HOST)
NXDOMAIN = "dns_nxdomain_error"
TIMEOUT = "generic_timeout_error"
GIVES = ""
"""An address, in place of a reason why there is none."""


def _round(host: str, *, plain: str, secure: str | None = None, other: str = GIVES) -> Observed:
    """A round of X: what the host was told of ``HOST``, what a plain and an encrypted resolver say
    (``None``: not asked), and what everybody says of X's ``OTHER`` name."""
    made = full_round(shape_config())
    told = {HOST: host, OTHER: other}
    legs = [
        leg_observed(one.leg, one.order, Failure(phase=Phase.RESOLVE, reason=why))
        if (why := told.get(one.leg.connect_to, GIVES)) and one.leg.owner == "x"
        else one
        for one in made.legs
    ]
    dns = [dns_observed(HOST, "system", "host", host), dns_observed(HOST, "one", "udp", plain)]
    dns += [] if secure is None else [dns_observed(HOST, "two", "https", secure)]
    dns.append(dns_observed(OTHER, "system", "host", other))
    return replace(made, legs=tuple(legs), dns=tuple(dns))


NEVER, EARLIER, ENCRYPTED = (), ("plain",), ("plain", "encrypted")


@pytest.mark.parametrize(
    ("host", "plain", "secure", "known", "other", "skipped"),
    [
        (NXDOMAIN, NXDOMAIN, None, NEVER, True, nameless.NO_NAME),
        ("dns_no_answer", "dns_no_answer", None, NEVER, True, nameless.NO_NAME),
        (NXDOMAIN, NXDOMAIN, NXDOMAIN, NEVER, True, nameless.NO_NAME),
        (NXDOMAIN, NXDOMAIN, TIMEOUT, NEVER, True, nameless.NO_NAME),
        (NXDOMAIN, NXDOMAIN, NXDOMAIN, ENCRYPTED, True, nameless.NO_NAME),
        (NXDOMAIN, NXDOMAIN, NXDOMAIN, EARLIER, True, nameless.NO_NAME),
        (NXDOMAIN, NXDOMAIN, None, ENCRYPTED, True, nameless.NOT_YET),
        # Somebody contradicts, or contradicted, and nobody who cannot be forged takes its part.
        (NXDOMAIN, GIVES, None, NEVER, True, ""),
        (NXDOMAIN, NXDOMAIN, GIVES, NEVER, True, ""),
        (NXDOMAIN, NXDOMAIN, GIVES, ENCRYPTED, True, ""),
        (NXDOMAIN, NXDOMAIN, TIMEOUT, ENCRYPTED, True, ""),
        (NXDOMAIN, NXDOMAIN, None, EARLIER, True, ""),
        # Nobody else says anything.
        (NXDOMAIN, TIMEOUT, None, NEVER, True, ""),
        # The look-up says something else.
        (TIMEOUT, NXDOMAIN, NXDOMAIN, NEVER, True, ""),
        ("dns_servfail_error", NXDOMAIN, NXDOMAIN, NEVER, True, ""),
        ("dns_bogon_error", NXDOMAIN, None, NEVER, True, ""),
        # All names of the platform at once.
        (NXDOMAIN, NXDOMAIN, NXDOMAIN, NEVER, False, ""),
        (NXDOMAIN, NXDOMAIN, NXDOMAIN, ENCRYPTED, False, ""),
    ],
)
def test_whose_word_makes_a_name_none(
    host: str, plain: str, secure: str | None, known: tuple[str, ...], other: bool, skipped: str
) -> None:
    observed = _round(host, plain=plain, secure=secure, other=GIVES if other else NXDOMAIN)
    gone = nameless.vanished({}, observed)
    after = nameless.without_nameless(
        observed,
        gone,
        {KEY: ("192.0.2.7",)} if known else {},
        {KEY: ("192.0.2.7",)} if "encrypted" in known else {},
    )
    assert {one.reason for one in after.skipped} == ({skipped} if skipped else set())
    assert len(after.legs) + len(after.skipped) == len(observed.legs) + len(observed.skipped)
    if not skipped:
        assert after == observed


def test_what_an_encrypted_resolver_said_is_kept_until_a_name_has_an_address() -> None:
    """Ordinary rounds that only reach ask no encrypted resolver."""
    word = nameless.vanished({}, _round(NXDOMAIN, plain=NXDOMAIN, secure=GIVES))
    assert word == {KEY: EncryptedWord.OTHER}
    assert nameless.vanished(word, _round(NXDOMAIN, plain=NXDOMAIN)) == word
    assert nameless.vanished(word, _round(GIVES, plain=GIVES)) == {}
