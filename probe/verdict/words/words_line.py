"""The sentences about the line and this machine: what stands between a person and everybody."""

from __future__ import annotations

from datetime import UTC, datetime
from math import exp

from probe.verdict.basis.certificate_dates import Fault
from probe.verdict.ladder.facts import Facts, failures
from probe.verdict.line.families import TITLES, NoNews
from probe.verdict.words.words_numbers import times

KIB = 1_024


def resolver_broken(facts: Facts) -> str:
    """The sentence for a resolver of the host's own that answers nothing."""
    return (
        f"{facts.title}: this host's resolver answers for no name at all, other sites included; "
        "other resolvers do."
    )


def intercepted(facts: Facts) -> str:
    """The sentence for a box that opens everybody's TLS."""
    whose = "certificates of other sites, too, are" if facts.opened else "every certificate is"
    return (
        f"{facts.title}: something on this line opens encrypted connections: {whose} "
        "another one and of an authority that is not trusted, as a virus scanner or a company's "
        "proxy makes them. Nothing is concluded; measure where it is not."
    )


def portal(facts: Facts) -> str:
    """The sentence for something that answers in everybody's place."""
    return (
        f"{facts.title}: something else answers in the place of every site "
        f"({failures(facts.controls)}), as a network does that wants a login first."
    )


def nothing_answers(facts: Facts) -> str:
    """The sentence for a line over which nobody is reached."""
    return (
        f"{facts.title}: this line is offline: neither it nor any of {len(facts.controls)} "
        f"controls answers ({failures(facts.controls)})."
    )


def no_news(facts: Facts) -> str:
    """The sentence for a round over an address family that says nothing of the platform."""
    family = TITLES[facts.family]
    if facts.no_news is NoNews.ABSENT:
        return f"{facts.title}: it has no {family} address, so over that there is nothing to say."
    tried = f"nothing answers over {family} ({failures(facts.controls)})"
    if facts.no_news is NoNews.DEAD:
        return (
            f"{facts.title}: {tried}, while other sites have answered otherwise: {family} does not "
            "work on this line. Of the platform nothing else is known just now."
        )
    return (
        f"{facts.title}: {tried}, and nobody has been asked otherwise since; nothing is concluded."
    )


def nothing_to_compare(facts: Facts) -> str:
    """The sentence for a round without a control that is well."""
    how = failures(facts.controls) or "none was asked"
    return f"{facts.title}: no control is fine ({how}), so there is nothing to compare with."


def line_changed(facts: Facts) -> str:
    """The sentence for another line."""
    return (
        f"{facts.title}: the line itself has changed (every site is at another distance); what is "
        "normal is being learnt anew."
    )


def cut_off(facts: Facts) -> str:
    """The sentence for a line that most sites cannot be reached over."""
    found = facts.cut_off
    assert found is not None
    inside = ""
    if found.domestic:
        verb = "answers" if found.domestic == 1 else "answer"
        inside = f"; {found.domestic} inside the country {verb}"
    silent = f"{found.silent} of {found.silent + found.answering}"
    return (
        f"{facts.title}: this line is cut off from most of the Internet: it fails "
        f"({failures(facts.failing)}), and so do {silent} controls abroad{inside}."
    )


def reads_stop(facts: Facts) -> str:
    """The sentence for a line on which what most sites send is cut."""
    found = facts.reads_stop
    assert found is not None
    inside = ""
    if found.domestic:
        verb = "is" if found.domestic == 1 else "are"
        inside = f"; {found.domestic} inside the country {verb} read whole"
    stopped = f"{found.stopped} of {found.stopped + found.whole}"
    kib = found.bytes / KIB
    where = f"after about {round(kib)} KiB" if kib >= 1.0 else "before 1 KiB has come"
    return (
        f"{facts.title}: reads over this line stop {where}; so do those of {stopped} operators of "
        f"controls abroad{inside}; this is not aimed at the platform alone."
    )


def lossy(facts: Facts) -> str:
    """The sentence for a line that loses packets, whoever sends them."""
    found = facts.lossy
    assert found is not None
    inside = ""
    if found.inside:
        inside = f"; inside the country in {found.inside_gaps} of {found.inside}"
    return (
        f"{facts.title}: this line loses packets of other sites as well; in {found.gaps} of the "
        f"last {found.reads} reads of controls abroad some were missing{inside}; this is not aimed "
        "at the platform alone."
    )


def clock_wrong(facts: Facts) -> str:
    """The sentence for a certificate that only this machine's clock makes invalid."""
    found = facts.dates
    assert found is not None
    behind = found.fault is Fault.BEHIND
    told = "no other site's answer told the time"
    if found.off_seconds is not None:
        told = f"other sites' clocks are {duration(abs(found.off_seconds))} " + (
            "ahead of it" if found.off_seconds > 0.0 else "behind it"
        )
    begins = f"is valid from {day(found.at)} on" if behind else f"was valid until {day(found.at)}"
    return (
        f"{facts.title}: its certificate {begins} and is right in all else, so this machine's "
        f"clock is {'behind' if behind else 'ahead'}, as far as can be told ({told}); nothing is "
        "concluded. Set the clock."
    )


def misdated(facts: Facts) -> str:
    """The sentence for a certificate whose own dates are wrong."""
    found = facts.dates
    assert found is not None
    if found.fault is Fault.EXPIRED:
        return (
            f"{facts.title}: its own certificate ran out on {day(found.at)} and is right in all "
            "else; that is not interference."
        )
    return (
        f"{facts.title}: its own certificate begins on {day(found.at)} only, and by other sites' "
        "clocks that day has not come; that is not interference."
    )


def authority_unknown(facts: Facts) -> str:
    """The sentence for a certificate of an authority that this machine does not know."""
    return (
        f"{facts.title}: its certificate is for its name and bears the timestamps of public logs, "
        "but this machine's list of authorities does not have the one that signed it: the list may "
        "be old, or its servers leave out a link. Nothing is concluded; update the list "
        "(ca-certificates)."
    )


def day(at: float) -> str:
    """The day of Unix time ``at``, in UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def duration(seconds: float) -> str:
    """``3 days``, ``5 hours``, ``40 minutes``: the largest unit of which there are two."""
    for name, size in (("day", 86_400.0), ("hour", 3_600.0)):
        if seconds >= 2.0 * size:
            return f"{seconds / size:.0f} {name}s"
    minutes = round(seconds / 60.0)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def degraded(facts: Facts) -> str:
    """The sentence for a slow line."""
    factor, inside = exp(facts.slow_line or 0.0), facts.inside_as_usual
    if inside:
        return (
            f"{facts.title}: sites abroad are {times(factor)} slower than normal on this line, "
            f"this one included; {inside} inside the country {'is' if inside == 1 else 'are'} as "
            "fast as usual; congestion of the ways abroad looks like this, and so does a slowing "
            "of everything abroad."
        )
    return (
        f"{facts.title}: this line is {times(factor)} slower than normal, other sites included; "
        "congestion looks like this, and so does a slowing of everything."
    )
