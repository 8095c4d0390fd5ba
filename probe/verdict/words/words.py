"""The sentences: what a person may quote. "Consistent with", never who did it."""

from __future__ import annotations

from probe.observe.effort import LEGAL_REASONS
from probe.verdict.basis.claims import moment
from probe.verdict.ladder.facts import Facts, failures
from probe.verdict.normal.pace import SLOWEST, KnownBy
from probe.verdict.words.words_beside import (
    NOT_KNOWN,
    UPLOADS,
    advice,
    beyond,
    history_tells,
    how_slow,
)
from probe.verdict.words.words_numbers import rate, times

_AS_FAST = 1.5
"""Slower than its history by no more is as fast as before: so much ends a suspicion, too."""


def share_failing(facts: Facts) -> str:
    """``1 of 3``: targets that fail, of those that were looked at."""
    failing = {leg.leg.target for leg in facts.failing}
    return f"{len(failing)} of {len({leg.leg.target for leg in facts.known})}"


def controls(facts: Facts) -> str:
    """How many controls are well."""
    healthy, slow = facts.healthy_controls, facts.slow_controls
    fine = f"{healthy} of {len(facts.controls)} controls {'is' if healthy == 1 else 'are'} fine"
    return f"{fine}, {slow} too slow to end in time" if slow else fine


def own_host(facts: Facts) -> str:
    """The sentence for names that the probe's own hosts file leads elsewhere."""
    return (
        f"{facts.title}: this computer's own list of names (/etc/hosts) leads {_hosts(facts)} to "
        "another place than the network's name servers do, so nothing is concluded about the "
        "network; take the name out of that list to have it measured."
    )


def own_lookup(facts: Facts) -> str:
    """The sentence for a look-up that failed by itself."""
    return (
        f"{facts.title}: this computer found no good address for {_hosts(facts)} "
        f"({failures(facts.failing)}), though nothing false was answered by its name server; that "
        "is no sign of interference."
    )


def resolver_trouble(facts: Facts) -> str:
    """The sentence for a resolver that leaves a question open, or all that it does not remember."""
    return (
        f"{facts.title}: this line's name server gives no address for {_hosts(facts)} "
        f"({failures(facts.failing)}), nor any word on the name itself: it is out of order, as a "
        "router's can be, or something in this home leaves the question open, and nothing is "
        "concluded about the platform."
    )


def _hosts(facts: Facts) -> str:
    names = {leg.leg.connect_to for leg in facts.known if leg.leg.target in facts.ours}
    return ", ".join(sorted(names))


def server_errors(facts: Facts) -> str:
    """The sentence for a platform whose servers are in trouble."""
    return (
        f"{facts.title}: its own servers answer with errors ({failures(facts.targets)}); that is "
        "not interference."
    )


def refused(facts: Facts) -> str:
    """The sentence for a platform that says no."""
    return (
        f"{facts.title}: answers, but refuses what we ask for; that is not interference "
        f"({controls(facts)})."
    )


def target_failing(facts: Facts) -> str:
    """The sentence for targets that fail in a round that nothing follows."""
    return (
        f"{facts.title}: {share_failing(facts)} targets fail "
        f"({failures(facts.failing)}) while {controls(facts)}; one round does not tell why."
    )


def suspected(facts: Facts) -> str:
    """The sentence for what is not proven."""
    open_yet = "that is not proven to be more than chance or a fault of its own servers"
    if facts.evident:
        open_yet = (
            "that is more than chance, and it is not told yet from a fault of its own servers, or "
            "of one of them"
        )
    said = f"{facts.title}: {_seen(facts)} while {controls(facts)}; {open_yet}."
    return f"{said}{_not_known(facts)}"


def unmeasured(facts: Facts) -> str:
    """The sentence for what was not measured, or not tested, to stay within a budget."""
    if facts.episode is None:
        return f"{facts.title}: not measured in this round, to stay within the budget."
    return (
        f"{facts.title}: {_seen(facts)} while other sites were fine; to test that further would go "
        f"beyond the budget, so nothing is concluded.{_not_known(facts)}"
    )


def _not_known(facts: Facts) -> str:
    """What cannot be told where there is no history, and what helps."""
    if facts.plain is None or history_tells(facts.plain) or facts.failing:
        return ""
    return f" {NOT_KNOWN[0].upper()}{NOT_KNOWN[1:]}. {advice(facts)}"


def _seen(facts: Facts) -> str:
    """What a suspicion rests on: the last round's failures, or the episode's own."""
    slow = facts.usual_times is not None and facts.usual_times > facts.margin
    failed, since = failures(facts.failing), ""
    before = facts.episode.failures if facts.episode is not None else ()
    if not failed and before and facts.plain is None:
        phase, _, reason = before[-1].partition("/")
        failed = f"{reason} in {phase}"
        if slow:
            since = f", and then took {times(facts.usual_times or 1.0)} as long as normal"
    if failed:
        return f"it failed ({failed}){since}"
    if facts.plain is not None:
        return how_slow(facts.plain, facts.direction)
    if not facts.targets:
        return "it failed or was slow"  # a round that measured nothing does not know which it was
    if slow:
        factor = times(facts.usual_times or 1.0)
        return f"it took {factor} as long as normal{beyond(facts.usual_path)}"
    return "it was slow when that was looked at" if facts.usual else "it was slower than is honest"


def _pace(facts: Facts) -> str:
    """How fast it is, and by what that can be said."""
    found = facts.paces
    if found is None:
        if facts.direction == "up":
            return f"reachable; how fast {UPLOADS} go is not known yet"
        return "reachable; how fast it reads is not known yet"
    if facts.usual_times is not None and facts.usual_times > _AS_FAST:
        factor = times(facts.usual_times)
        return (
            f"reachable; the slowest of it took {factor} as long as usual{beyond(facts.usual_path)}"
        )
    if found.known is KnownBy.SWAP:
        return "reachable and as fast as a neutral name at the same server"
    if found.known is KnownBy.CONTROLS:
        return "reachable and not much slower than other sites"
    pace = f"{rate(found.platform)} beside up to {rate(found.control)} of controls"
    if found.known is KnownBy.HISTORY and facts.usual:
        return f"reachable and as fast as in the {found.days:.0f} days before ({pace})"
    return f"reachable; how fast it should be is not known here ({pace})"


def _before(facts: Facts) -> str:
    """What it was before it became faster than ever."""
    found = facts.relief
    if found is None:
        return ""
    rates = ""
    if found.before and found.after:
        rates = f" ({rate(found.before)}, then {rate(found.after)})"
    return (
        f" Until {moment(found.at)} its reads took {times(found.times)} as long as now{rates}, "
        f"from the first round on ({moment(found.began_at)}), and those of other sites did not "
        "change: a restriction that began before looks like this when it ends, and so does a "
        "server that becomes faster."
    )


def fine(facts: Facts) -> str:
    """The sentence for ``ok``."""
    size = "only handshakes were tested"
    if facts.tested_bytes:
        what = "uploads" if facts.direction == "up" else "reads"
        size = f"{what} of up to {facts.tested_bytes // 1024} KiB were tested in the last day"
        if facts.unread:
            size += f"; {_unread(facts)}"
    elif facts.unread:
        size += f"; no object could be read since {moment(min(u.since for u in facts.unread))}"
    elif facts.read_at:
        size += f"; no object could be read since {moment(facts.read_at)}"
    if facts.paces is not None and facts.paces.control < SLOWEST:
        # Nobody may take it for a good line, or for a platform that is as it should be.
        size += f"; no other site gave more than {rate(facts.paces.control)} in the last day"
    if facts.nameless:
        size += f"; {_nameless(facts)}"
    if facts.moved:
        size += f"; {_moved(facts)}"
    return f"{facts.title}: {_pace(facts)} ({controls(facts)}; {size}).{_before(facts)}"


def _unread(facts: Facts) -> str:
    """Which targets were only reached."""
    return ", ".join(f"of {one.target} nothing since {moment(one.since)}" for one in facts.unread)


def _nameless(facts: Facts) -> str:
    """Which targets were not asked, as no resolver knows their names."""
    return ", ".join(
        f"no resolver knows the name of {one.target} since {moment(one.since)}"
        for one in facts.nameless
    )


def _moved(facts: Facts) -> str:
    """Which targets are reached, and give something else than is expected."""
    return ", ".join(
        f"{one.target} is reached, and what is asked of it is not there since {moment(one.since)}"
        for one in facts.moved
    )


def strangers(facts: Facts) -> str:
    """The sentence for answers under a certificate that holds for no name which is expected."""
    names = ", ".join(sorted({leg.leg.target for leg in facts.strangers}))
    return (
        f"{facts.title}: somebody answers in the place of {names} with a certificate for another "
        "name, so it is not known who; nothing is concluded."
    )


def withheld(facts: Facts) -> str:
    """The sentence for what the platform itself does not serve here."""
    refusing = len({leg.leg.target for leg in facts.withholding})
    asked = len({leg.leg.target for leg in facts.known})
    share = "" if refusing == asked else f", at {refusing} of {asked} of its endpoints"
    statuses = {leg.http.status for leg in facts.withholding if leg.http is not None}
    how = "HTTP 451" if LEGAL_REASONS in statuses else "it names who had it blocked"
    return (
        f"{facts.title}: does not serve this here itself ({how}, for legal reasons, under its "
        f"own certificate{share}); that is the platform's act and no network's."
    )
