"""The sentences: what a person may quote. "Consistent with", never who did it."""

from __future__ import annotations

from probe.model.verdict import Method, SlowPhase, Trigger
from probe.observe.effort import LEGAL_REASONS
from probe.verdict.claims import moment, nobody_looked
from probe.verdict.facts import Facts, failures
from probe.verdict.families import TITLES
from probe.verdict.memory import Proven
from probe.verdict.pace import Known

_PLACE = {
    Method.DNS: "its name is answered falsely or not at all",
    Method.TCP: "connections to it are not let through",
    Method.TLS: "connections to it are cut in the TLS handshake",
    Method.HTTP: "connections to it are cut once the request is made",
}
_CUT_BY_NAME = "connections to it are cut when its name is said"
# The same where nothing is said of a cause.
_FAILS = {
    Method.DNS: "its name is not answered",
    Method.TCP: "connections to it do not come about",
    Method.TLS: "TLS handshakes with it fail",
    Method.HTTP: "requests to it are not answered",
}
# What a certificate shows is not that anything was cut.
_SHOWN = {
    "ssl_invalid_hostname": "what answers in its place shows a certificate for another name",
    "ssl_unknown_authority": "what answers in its place shows a certificate of an authority that "
    "is not trusted",
    "ssl_invalid_certificate": "what answers shows a certificate that is not valid",
}
_SLOW = {
    SlowPhase.HANDSHAKE: "its handshakes take",
    SlowPhase.TRANSFER: "transfers from it take",
    SlowPhase.BOTH: "its handshakes and transfers take",
}
_WHY = {
    Trigger.NAME: "a neutral name at the same address is not slowed, so the platform's name is "
    "what triggers it",
    Trigger.ADDRESS: "a neutral name at the same address is slowed too, so the address is what "
    "triggers it, or the platform's own servers there are slow",
    Trigger.UNKNOWN: "what triggers it cannot be told from here",
}
_BY_NAME_ALONE = (
    "its name is slowed at a server that is nobody's target too, so the platform's name is what "
    "triggers it"
)


def times(factor: float | None) -> str:
    """``12 times``; what is beyond measure is said to be."""
    if factor is None:
        return "very much"
    return f"{factor:.1f} times" if factor < 10.0 else f"{factor:.0f} times"


def controls(facts: Facts) -> str:
    """How many controls are well."""
    healthy, slow = facts.healthy_controls, facts.slow_controls
    fine = f"{healthy} of {len(facts.controls)} controls {'is' if healthy == 1 else 'are'} fine"
    return f"{fine}, {slow} too slow to end in time" if slow else fine


def _beside(facts: Facts) -> str:
    """What speaks for a cause on the way, beside the swap."""
    found = _proven(facts)
    said = ""
    if found.together:
        said += f" The same met {', '.join(found.together)} in the same minutes."
    if facts.vouched:
        said += " From outside the country it is fine."
    return said


def blocked(facts: Facts) -> str:
    """The sentence for a block."""
    found = _proven(facts)
    place = _SHOWN.get(_reason(found)) or _PLACE[found.method or Method.TCP]
    if found.method is Method.TLS and found.trigger is Trigger.NAME and not _shown(found):
        place = _CUT_BY_NAME
    like = f"This is consistent with blocking ({found.method})"
    if found.at_home:
        like += (
            ", and as well with a filter at home: the name server that says so is on this computer "
            "or may be in this home, and none beyond it was heard to say the same"
        )
    return (
        f"{facts.title}: cannot be reached{_over(facts)} from this line: {place}, while other "
        f"sites are fine.{_other_family(facts)} {like}.{_beside(facts)}"
    )


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
    """The sentence for a resolver that answers only what it remembers."""
    return (
        f"{facts.title}: this line's name server gives no address for {_hosts(facts)} "
        f"({failures(facts.failing)}), nor any word on other names that it does not remember: it "
        "is out of order, as a router's can be, and nothing is concluded about the platform."
    )


def _hosts(facts: Facts) -> str:
    names = {leg.leg.connect_to for leg in facts.targets if leg.leg.target in facts.ours}
    return ", ".join(sorted(names))


def throttled(facts: Facts) -> str:
    """The sentence for throttling."""
    found = _proven(facts)
    slow = _SLOW[found.phase or SlowPhase.TRANSFER]
    return (
        f"{facts.title}: {slow} {times(found.factor)} as long as normal{_over(facts)}, while other "
        f"sites are not slowed.{_other_family(facts)} This is consistent with throttling; "
        f"{_why(found)}.{_beside(facts)}"
    )


def failing_here(facts: Facts) -> str:
    """The sentence for what fails on this line, wherever else it may."""
    found = _proven(facts)
    how = _SHOWN.get(_reason(found)) or _FAILS[found.method or Method.TCP]
    return (
        f"{facts.title}: has been failing{_over(facts)} on this line since "
        f"{moment(found.onset_at)} ({how}), while other sites are fine; whether it fails elsewhere "
        f"too is not known: {nobody_looked(facts)}.{_other_family(facts)}"
    )


def slow_here(facts: Facts) -> str:
    """The sentence for what is slow on this line, wherever else it may be."""
    found = _proven(facts)
    slow = _SLOW[found.phase or SlowPhase.TRANSFER].replace(" take", " have taken")
    return (
        f"{facts.title}: {slow} {times(found.factor)} as long as normal{_over(facts)} on this line "
        f"since {moment(found.onset_at)}, while other sites are not slowed; whether it is slow "
        f"elsewhere too is not known: {nobody_looked(facts)}.{_other_family(facts)}"
    )


def _over(facts: Facts) -> str:
    """Over which address family it was proven, where several are tried."""
    return f" over {TITLES[_proven(facts).family]}" if facts.several else ""


def _other_family(facts: Facts) -> str:
    """That it is fine over another family, as far as that was tried since it began."""
    found = _proven(facts)
    fine = [
        TITLES[family]
        for family, at in sorted(facts.well_at.items())
        if family is not found.family and at >= found.onset_at
    ]
    return f" Over {' and '.join(fine)} it is fine." if fine else ""


def refused(facts: Facts) -> str:
    """The sentence for a platform that says no."""
    return (
        f"{facts.title}: answers, but refuses what we ask for; that is not interference "
        f"({controls(facts)})."
    )


def target_failing(facts: Facts) -> str:
    """The sentence for targets that fail in a round that nothing follows."""
    return (
        f"{facts.title}: {len(facts.failing)} of {len(facts.targets)} targets fail "
        f"({failures(facts.failing)}) while {controls(facts)}; one round does not tell why."
    )


def _reason(found: Proven) -> str:
    return found.failure.partition("/")[2]


def _shown(found: Proven) -> bool:
    return _reason(found) in _SHOWN


def _why(found: Proven) -> str:
    if found.decoy and found.trigger is Trigger.NAME:
        return _BY_NAME_ALONE
    return _WHY[found.trigger or Trigger.UNKNOWN]


def suspected(facts: Facts) -> str:
    """The sentence for what is not proven."""
    return (
        f"{facts.title}: {_seen(facts)} while {controls(facts)}; that is not proven to be more "
        "than chance or a fault of its own servers."
    )


def unmeasured(facts: Facts) -> str:
    """The sentence for what was not measured, or not tested, to stay within a budget."""
    if facts.episode is None:
        return f"{facts.title}: not measured in this round, to stay within the budget."
    return (
        f"{facts.title}: {_seen(facts)} while other sites were fine; to test that further would go "
        "beyond the budget, so nothing is concluded."
    )


def _seen(facts: Facts) -> str:
    """What a suspicion rests on: the last round's failures, or the episode's own."""
    failed = failures(facts.failing)
    if not failed and facts.episode is not None and facts.episode.failures:
        phase, _, reason = facts.episode.failures[-1].partition("/")
        failed = f"{reason} in {phase}"
    if failed:
        return f"it failed ({failed})"
    # A round that measured nothing does not know which it was.
    return f"it {'' if facts.targets else 'failed or '}was much slower than normal"


def rate(bytes_per_second: float) -> str:
    """A rate for people."""
    if bytes_per_second >= 1e6:
        return f"{bytes_per_second / 1e6:.1f} MB/s"
    kilo = bytes_per_second / 1e3
    return f"{kilo:.1f} kB/s" if kilo < 10.0 else f"{kilo:.0f} kB/s"


def _pace(facts: Facts) -> str:
    """How fast it is, and by what that can be said."""
    found = facts.paces
    if found is None:
        return "reachable; how fast it reads is not known yet"
    if found.known is Known.SWAP:
        return "reachable and as fast as a neutral name at the same server"
    if found.known is Known.CONTROLS:
        return "reachable and not much slower than other sites"
    pace = f"{rate(found.platform)} beside up to {rate(found.control)} of controls"
    if found.known is Known.HISTORY and facts.usual:
        return f"reachable and as fast as in the {found.days:.0f} days before ({pace})"
    return f"reachable; how fast it should be is not known here ({pace})"


def _before(facts: Facts) -> str:
    """What it was before it became faster than ever."""
    found = facts.relief
    if found is None:
        return ""
    return (
        f" Until {moment(found.at)} its reads took {times(found.times)} as long as now, from the "
        f"first round on ({moment(found.began_at)}), and those of other sites did not change: a "
        "restriction that began before looks like this when it ends, and so does a server that "
        "becomes faster."
    )


def fine(facts: Facts) -> str:
    """The sentence for ``ok``."""
    size = (
        f"reads of up to {facts.tested_bytes // 1024} KiB were tested"
        if facts.tested_bytes
        else "only handshakes were tested"
    )
    return f"{facts.title}: {_pace(facts)} ({controls(facts)}; {size}).{_before(facts)}"


def withheld(facts: Facts) -> str:
    """The sentence for what the platform itself does not serve here."""
    refusing, asked = len(facts.withholding), len(facts.targets)
    share = "" if refusing == asked else f", at {refusing} of {asked} of its endpoints"
    statuses = {leg.http.status for leg in facts.withholding if leg.http is not None}
    how = "HTTP 451" if LEGAL_REASONS in statuses else "it names who had it blocked"
    return (
        f"{facts.title}: does not serve this here itself ({how}, for legal reasons, under its "
        f"own certificate{share}); that is the platform's act and no network's."
    )


def _proven(facts: Facts) -> Proven:
    assert facts.proven is not None
    return facts.proven
