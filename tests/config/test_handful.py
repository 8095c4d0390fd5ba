"""A probe draws its own controls, keeps them, and replaces what does not serve; nobody can foresee
which."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.config import contacts, load
from probe.config.handful import (
    PAIRS,
    SITES,
    Handful,
    filled,
    with_handful,
    with_whole_pool,
    without,
)
from probe.config.probers import LEAST_OPERATORS, judged_beside
from probe.config.schema import Config
from probe.publish.privacy.configured_names import Named

CONFIG = load(None, {})
POOL = CONFIG.pool
BY_NAME = {one.name: one for one in POOL}
SECRETS = st.binary(min_size=16, max_size=16).map(bytes.hex)


def drawn(secret: str) -> Handful:
    return filled(Handful(secret), POOL)


@settings(max_examples=60, deadline=None)
@given(SECRETS)
def test_a_handful_has_pairs_and_many_operators_and_kinds(secret: str) -> None:
    chosen = [BY_NAME[name] for name in drawn(secret).chosen]
    assert len(chosen) == SITES
    operators = Counter(one.operator for one in chosen)
    assert sum(count == 2 for count in operators.values()) == PAIRS
    assert len(operators) == SITES - PAIRS
    assert len({one.network for one in chosen}) >= 5


def test_no_site_and_no_operator_is_in_every_handful() -> None:
    handfuls = [drawn(f"{number:032x}").chosen for number in range(400)]
    by_site = Counter(name for chosen in handfuls for name in chosen)
    by_operator = Counter(
        operator for chosen in handfuls for operator in {BY_NAME[name].operator for name in chosen}
    )
    assert set(by_site) == set(BY_NAME)
    assert max(by_site.values()) < 0.6 * len(handfuls)
    assert max(by_operator.values()) < 0.8 * len(handfuls)
    assert len(set(handfuls)) > 0.98 * len(handfuls)


@settings(max_examples=60, deadline=None)
@given(SECRETS, st.sets(st.sampled_from(sorted(BY_NAME)), max_size=12))
def test_it_is_kept_whatever_comes_into_the_pool_or_leaves_it(secret: str, gone: set[str]) -> None:
    first = drawn(secret)
    assert filled(first, POOL) == first
    fewer = filled(first, [one for one in POOL if one.name not in gone])
    kept = tuple(name for name in first.chosen if name not in gone)
    assert fewer.chosen[: len(kept)] == kept
    assert len(fewer.chosen) == SITES
    assert not set(fewer.chosen) & gone
    # And what was drawn then stays when the pool is whole again.
    assert filled(fewer, POOL) == fewer


@settings(max_examples=60, deadline=None)
@given(SECRETS, st.integers(0, SITES - 1))
def test_what_does_not_serve_is_replaced_and_comes_back_last(secret: str, place: int) -> None:
    first = drawn(secret)
    name = first.chosen[place]
    after = filled(without(first, [name], 1.0), POOL)
    assert name not in after.chosen
    assert set(first.chosen) - set(after.chosen) == {name}
    assert len(after.chosen) == SITES
    # All have failed: better one that did than none.
    worn = after
    for _ in range(8):
        worn = filled(without(worn, worn.chosen, 2.0), POOL)
        assert len(worn.chosen) == SITES


def speakers(handful: Handful) -> set[str | None]:
    """The operators abroad of those that speak QUIC."""
    chosen = [BY_NAME[name] for name in handful.chosen]
    return {
        one.operator
        for one in chosen
        if one.scope == "foreign" and any(target.quic for target in one.targets)
    }


@settings(max_examples=60, deadline=None)
@given(SECRETS, st.sets(st.sampled_from(sorted(BY_NAME)), max_size=3))
def test_where_quic_is_judged_there_is_what_it_can_be_compared_with(
    secret: str, failed: set[str]
) -> None:
    """Also by a probe that drew its controls before it was turned on, and after some failed it."""
    beside = judged_beside(load(None, {"THROTTLEWATCH_QUIC": "true"}).settings)
    before = drawn(secret)
    after = filled(before, POOL, beside)
    assert after.chosen[:SITES] == before.chosen
    assert len(after.chosen) <= SITES + LEAST_OPERATORS
    assert len(speakers(after)) >= LEAST_OPERATORS
    assert len(after.chosen) == SITES or len(speakers(before)) < LEAST_OPERATORS
    assert filled(after, POOL, beside) == after
    assert len(speakers(filled(without(after, failed, 1.0), POOL, beside))) >= LEAST_OPERATORS
    assert filled(after, POOL, ()) == after


def test_two_probes_share_few() -> None:
    shared = [
        len(set(drawn(f"{n:032x}").chosen) & set(drawn(f"{n + 1:032x}").chosen))
        for n in range(0, 200, 2)
    ]
    assert sum(shared) / len(shared) < SITES / 2


def test_the_pool_is_large_and_of_many() -> None:
    assert len(POOL) >= 24
    assert len({one.operator for one in POOL}) >= 12
    assert {one.network for one in POOL} == {"cdn", "cloud", "university", "mirror", "own"}
    large = [one for one in POOL if one.targets[0].min_bytes >= 524_288]
    assert len(large) >= 24


def test_none_is_run_by_who_runs_a_platform() -> None:
    platforms = {one.operator for one in load(None, {"THROTTLEWATCH_PLATFORMS": "[x, facebook, "
                 "instagram, whatsapp, youtube]"}).platforms}  # fmt: skip
    assert not platforms & {one.operator for one in POOL}


def test_whoever_names_controls_gets_these_and_no_others() -> None:
    named = load(None, {"THROTTLEWATCH_CONTROLS": "control-debian,control-rust,control-mit"})
    assert [one.name for one in named.controls] == ["control-debian", "control-rust", "control-mit"]
    assert named.pool == ()
    every = load(None, {"THROTTLEWATCH_CONTROLS": "all"})
    assert every.pool == ()
    assert every.controls == CONFIG.controls


def test_all_that_may_be_drawn_is_listed_and_may_be_written() -> None:
    config = with_handful(CONFIG, drawn("00" * 16))
    assert {one.name for one in config.controls} == set(drawn("00" * 16).chosen)
    hosts = {host for one in POOL for host in one.hosts}
    for found in (CONFIG, config):
        assert hosts <= {contact.host for contact in contacts(found)}
        assert hosts <= Named.of(found).hosts
    assert {one.name for one in with_whole_pool(config).controls} == set(BY_NAME)


def _countries() -> list[str]:
    from probe.config.embedded import DOMESTIC, folder

    return sorted(file.stem for file in (folder() / DOMESTIC).glob("*.yaml"))


def test_there_is_a_domestic_control_for_many_countries() -> None:
    assert len(_countries()) >= 25


@pytest.mark.parametrize("country", _countries())
def test_a_countrys_own_control_is_measured_where_that_is_said(country: str) -> None:
    def own(config: Config) -> list[str]:
        return [one.name for one in config.controls if one.scope == "domestic"]

    there = load(None, {"THROTTLEWATCH_COUNTRY": country})
    assert own(there) == [f"control-domestic-{country.lower()}"]
    (one,) = (c for c in there.controls if c.scope == "domestic")
    assert (one.country, one.pool) == (country, None)
    assert one.targets[0].min_bytes >= 65_536
    assert own(with_handful(there, drawn("00" * 16))) == own(there)
    assert own(CONFIG) == []


def test_a_reference_abroad_brings_no_control_of_its_country() -> None:
    config = load(
        None,
        {
            "THROTTLEWATCH_COUNTRY": "TR",
            "THROTTLEWATCH_VANTAGES": "[{name: home}, {name: far, country: SE, role: reference, "
            "proxy: 'socks5://192.0.2.1:1'}]",
        },
    )
    domestic = [one.country for one in config.controls if one.scope == "domestic"]
    assert domestic == ["TR"]
