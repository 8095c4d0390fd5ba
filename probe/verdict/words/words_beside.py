"""The words on how slow a platform is beside others, where its own history is not known."""

from __future__ import annotations

from probe.observe.effort import Measure
from probe.verdict.ladder.facts import Facts
from probe.verdict.ladder.shown import Beside, Told
from probe.verdict.normal.beside_others import FAR, PlainRatio
from probe.verdict.words.words_numbers import rate, seconds, times

NOT_KNOWN = "whether it always was so here is not known"


UPLOADS = "uploads to it"
"""What is compared of what goes up."""


def how_slow(found: PlainRatio, direction: str) -> str:
    """``its reads come at 16 kB/s beside 417 kB/s of other sites (26 times as long)``."""
    said, what = found.told, UPLOADS if direction == "up" else "its reads"
    if found.measure is Measure.HANDSHAKE:
        what = "its handshakes"
    if said.stopped:
        return f"{what} stop after about {max(1, round(said.stopped / 1024))} KiB"
    nothing = ", so nothing is read" if said.before_reads else ""
    return f"{what} {two(said, found.measure)}{_far(found)}{nothing}"


def two(said: Told, measure: Measure) -> str:
    """``come at 16 kB/s beside 417 kB/s of other sites (26 times as long)``, with both numbers of
    which the last is the ratio."""
    assert said.own is not None
    assert said.other is not None
    assert said.times is not None
    factor = f"{'at least ' if said.at_least else ''}{times(said.times)} as long"
    if measure is Measure.HANDSHAKE:
        pair = f"take {seconds(said.own)} beside {seconds(said.other)}"
    else:
        pair = f"come at {rate(1.0 / said.own)} beside {rate(1.0 / said.other)}"
    return f"{pair} {_other(said)} ({factor})"


def _other(said: Told) -> str:
    if said.beside is Beside.SWAP:
        return "under a neutral name at the same server"
    return "of other sites"


def history_tells(found: PlainRatio) -> bool:
    """Whether it is known that it was not always so: of reads that stop, where their normal is
    known. What is set beside others is so as its own history does not show it (``shown.told``)."""
    return bool(found.told.stopped) and found.told.usual


def beyond(path: float) -> str:
    """What a number of times leaves out: that it is ``path`` times as long by its distance."""
    if path < FAR:
        return ""
    return f", not counting up to {times(path)} that its greater distance may explain"


def _far(found: PlainRatio) -> str:
    if found.told.beside is Beside.SWAP or found.path < FAR:
        return ""
    return f", of which its distance explains up to {times(found.path)}"


def advice(facts: Facts) -> str:
    """What a person can do to know more."""
    if facts.has_references:
        return "Let the probe run on; vantages outside will tell more."
    return "Let the probe run on, or compare with a vantage outside (a reference)."


def slower_from_the_start(facts: Facts) -> str:
    """The sentence for what is slower than other sites, where no history is known."""
    if facts.plain is None:
        return (
            f"{facts.title}: reachable, but slower than other sites, and what is normal for it "
            "here is not known yet."
        )
    return (
        f"{facts.title}: reachable, but slower than other sites: "
        f"{how_slow(facts.plain, facts.direction)}; "
        f"{NOT_KNOWN}. {advice(facts)}"
    )


def slow_unproven(facts: Facts) -> str:
    """The sentence for a round that was slow, of which nothing follows."""
    again = "measuring again has not shown that to be more than chance; nothing is concluded"
    if facts.plain is not None:
        slow = how_slow(facts.plain, facts.direction)
        said = f"{facts.title}: reachable; in this round {slow}, and {again}"
        return f"{said}." if history_tells(facts.plain) else f"{said}; {NOT_KNOWN}. {advice(facts)}"
    if facts.usual_times is not None and facts.usual_times > facts.margin:
        took = f"it took {times(facts.usual_times)} as long as normal{beyond(facts.usual_path)}"
    else:
        took = "it took longer than would be honest beside other sites"
    return f"{facts.title}: reachable; in this round {took}, and {again}."
