"""A reference vouches target by target: what turns it away says nothing of all else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from probe.model.failure import Failure
from probe.model.identity import LegRole, Phase, RoundKind
from probe.model.observation import RoundObservation
from probe.model.verdict import State, Verdict
from probe.model.vouch import Vouch
from probe.verdict.about import TargetFacts
from tests.verdict.country import WELL, Act, Country, Done, about_x, nothing

CALM = 30
TURNED_AWAY = Done(status=403)
SLOW = Done(transfer=9.0)
SILENT = Done(fails=Failure(phase=Phase.CONNECT, reason="generic_timeout_error"))


def only(target: str, done: Done) -> Act:
    """``done`` to a target's own name, whoever asks."""
    return lambda leg, at: done if leg.role is LegRole.TARGET and leg.target == target else WELL


def abroad(*acts: tuple[Act, int, RoundKind], calm: int = CALM) -> Country:
    """A vantage outside: a calm time, and then so many rounds of each of ``acts``."""
    country = Country(seed=2, swaps=False, about=about_x(outside=True))
    country.run(calm)
    for act, rounds, kind in acts:
        country.act = act
        country.run(rounds, kind)
    return country


def says(country: Country) -> dict[str, tuple[bool, bool]]:
    """By target: whether the last round reached it, and read it, and all was well."""
    last = country.verdicts[-1]
    return {
        one.target: (one.at == last.at, bool(one.read_at) and one.read_at <= last.at)
        for one in last.vouches
    }


READS, LOOKS = RoundKind.TRANSFER, RoundKind.LIGHT
BOTH = {"page": (True, False), "object": (True, True)}
NONE = {"page": (False, False), "object": (False, False)}


@pytest.mark.parametrize(
    ("act", "kind", "state", "told"),
    [
        (nothing, READS, State.OK, BOTH),
        # What was read in the round before still is, in one that does not read.
        (nothing, LOOKS, State.OK, BOTH),
        (only("page", TURNED_AWAY), READS, State.UNKNOWN, BOTH),
        (only("page", TURNED_AWAY), LOOKS, State.UNKNOWN, BOTH),
        (only("page", Done(status=451)), READS, State.WITHHELD, BOTH),
        # Its file is not served to us: it is reached, and not read.
        (only("object", TURNED_AWAY), READS, State.UNKNOWN, BOTH | {"object": (True, False)}),
        # Its own errors, silence and slowness are no manners of its own.
        (only("page", Done(status=503)), READS, State.DOWN, NONE),
        (only("object", SILENT), READS, State.DOWN, NONE),
        (only("object", SLOW), READS, State.UNKNOWN, NONE),
        # All that is asked turns us away: nothing was compared.
        (lambda leg, at: TURNED_AWAY if leg.role is LegRole.TARGET else WELL, READS, None, NONE),
        # The line is dead.
        (lambda leg, at: SILENT, READS, State.OFFLINE, NONE),
    ],
)
def test_what_it_vouches_for(
    act: Act, kind: RoundKind, state: State | None, told: dict[str, tuple[bool, bool]]
) -> None:
    country = abroad((act, 3, kind))
    assert state in (None, country.verdicts[-1].state)
    assert says(country) == told


def test_a_long_read_is_told_by_itself() -> None:
    def long_at(*rounds: tuple[Act, int, RoundKind]) -> tuple[float, float]:
        last = abroad(*rounds).verdicts[-1]
        (told,) = (one for one in last.vouches if one.target == "object")
        return told.long_at, told.read_at

    assert long_at((nothing, 1, READS))[0] == 0.0
    was, read = long_at((nothing, 1, RoundKind.LONG))
    assert was == read > 0.0
    # A shorter read leaves it as it was, and what is found otherwise ends it.
    was, read = long_at((nothing, 1, RoundKind.LONG), (nothing, 1, READS))
    assert 0.0 < was < read
    assert long_at((nothing, 1, RoundKind.LONG), (only("object", SILENT), 1, READS)) == (0.0, 0.0)


def test_what_was_never_asked_is_told_as_such() -> None:
    more = TargetFacts(name="picture", reads=True)
    known = about_x(outside=True)
    country = Country(about=about_x(outside=True, targets=(*known.targets, more)), swaps=False)
    assert Vouch(target="picture") in country.run(CALM).vouches


def test_whoever_stands_inside_vouches_for_nothing() -> None:
    assert Country().run(CALM).vouches == ()


def slowed_here(seen: Act) -> Verdict:
    """The object is slowed here, and a reference meets ``seen`` in the same hours."""
    there = abroad((seen, 3, READS), calm=CALM - 3)
    country = Country(swaps=False)
    country.run(CALM)
    country.act = only("object", SLOW)
    for _ in range(4):
        there.run(1)
        country.about = about_x(references=(there.verdicts[-1],), has_references=True)
        country.run(1)
    return country.verdicts[-1]


@pytest.mark.parametrize("status", [302, 401, 403, 429, 451])
def test_a_page_that_turns_it_away_leaves_the_object_vouched_for(status: int) -> None:
    verdict = slowed_here(only("page", Done(status=status)))
    assert verdict.state is State.THROTTLED
    assert verdict.basis == "reference"
    assert "this part of it is fine" in verdict.sentence
    assert not any("The platform was fine" in claim for claim in verdict.may_claim)


@pytest.mark.parametrize(
    "seen",
    [
        only("object", TURNED_AWAY),
        only("object", SILENT),
        only("object", SLOW),
        only("page", SILENT),
        only("page", Done(status=503)),
    ],
)
def test_what_it_did_not_read_well_is_not(seen: Act) -> None:
    assert slowed_here(seen).state not in (State.THROTTLED, State.BLOCKED)


def test_nor_where_no_page_leads_to_the_object_there() -> None:
    """All else of it is fine, so the verdict there is ``ok``: of the object it says nothing."""

    class Unlinked(Country):
        def a_round(self, kind: RoundKind = READS) -> RoundObservation:
            made = super().a_round(kind)
            found = {
                leg.order for leg in made.by_role(LegRole.TARGET) if leg.leg.target == "object"
            }
            return replace(made, legs=tuple(x for x in made.legs if x.order not in found))

    there = Unlinked(seed=2, swaps=False, about=about_x(outside=True))
    assert there.run(CALM).state is State.OK
    country = Country(swaps=False)
    country.run(CALM)
    country.act = only("object", SLOW)
    for _ in range(4):
        country.about = about_x(references=(there.run(1),), has_references=True)
        verdict = country.run(1)
    assert verdict.state is State.IMPAIRED
