"""The sentences for what is slow or failing in some rounds, or at some addresses, only."""

from __future__ import annotations

from probe.observe.effort import Measure
from probe.verdict.basis.claims import moment, nobody_looked
from probe.verdict.ladder.facts import Facts
from probe.verdict.suspected.often import Often
from probe.verdict.words.words_beside import UPLOADS


def too_often(facts: Facts) -> str:
    """The sentence for what is suspicious in too many rounds."""
    found = _often(facts)
    if found.bad:
        return (
            f"{facts.title}: {found.bad} of {found.tried} addresses that were tried {_do(found)} "
            f"from this line since {moment(found.onset_at)}, and the others are well, as other "
            f"sites are; whether it is so elsewhere too is not known: {nobody_looked(facts)}."
        )
    what = _what(found, facts.direction)
    return (
        f"{facts.title}: {what} in {found.slow} of {found.rounds} rounds on this line "
        f"since {moment(found.onset_at)}, before that in {found.calm_slow} of {found.calm}, and "
        f"other sites in {found.others_slow} of {found.others}; whether it is so elsewhere too is "
        f"not known: {nobody_looked(facts)}."
    )


def _do(found: Often) -> str:
    if found.fails:
        return "does not answer" if found.bad == 1 else "do not answer"
    return "is slow" if found.bad == 1 else "are slow"


def _what(found: Often, direction: str) -> str:
    what = "its handshakes" if found.measure is Measure.HANDSHAKE else "transfers from it"
    if direction == "up":
        what = UPLOADS
    if found.failed == found.slow:
        return f"{what} failed"
    return f"{what} {'failed or ' if found.failed else ''}took more than twice as long as normal"


def may_claim(found: Often) -> tuple[str, ...]:
    """Sentences that such a verdict bears, for whoever quotes it."""
    return (
        f"It was so in {found.slow} of {found.rounds} rounds, and in {found.calm_slow} of "
        f"{found.calm} of calm times.",
    )


def path_changed(facts: Facts) -> str:
    """The sentence for what is as much farther away as it is slower."""
    return (
        f"{facts.title}: slower, and farther away in the same measure, as when its traffic comes "
        "from another place; what is normal is being learnt anew."
    )


def one_edge(facts: Facts) -> str:
    """The sentence for addresses of which some are slow or failing and others are not."""
    episode = facts.episode
    assert episode is not None
    bad = sum(wealth.e_value > 1.0 for wealth in episode.by_address.values())
    tried = len(episode.by_address)
    cause = (
        "that is its own affair, as far as can be told"
        if bad == 1 and tried > 2
        else "whether that is its own affair or not cannot be told from here"
    )
    return (
        f"{facts.title}: {bad} of {tried} of its addresses that were tried since "
        f"{moment(episode.onset_at)} {'is' if bad == 1 else 'are'} slow or failing, and the "
        f"{'other is' if tried - bad == 1 else 'others are'} not; {cause}."
    )


def _often(facts: Facts) -> Often:
    assert facts.often is not None
    return facts.often
