"""The sentences: what a person may quote. "Consistent with", never who did it."""

from __future__ import annotations

from math import exp

from probe.model.verdict import Method, SlowPhase, Trigger
from probe.verdict.facts import Elsewhere, Facts, failures
from probe.verdict.memory import Proven

_PLACE = {
    Method.DNS: "its name is answered falsely or not at all",
    Method.TCP: "connections to it are not let through",
    Method.TLS: "connections to it are cut when its name is said",
    Method.HTTP: "connections to it are cut once the request is made",
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


def _abroad(facts: Facts) -> str:
    if facts.elsewhere is Elsewhere.FINE:
        return " From outside the country it is fine."
    return ""


def blocked(facts: Facts) -> str:
    """The sentence for a block."""
    found = _proven(facts)
    place = _PLACE[found.method or Method.TCP]
    return (
        f"{facts.title}: cannot be reached from this line: {place}, while other sites are fine. "
        f"This is consistent with blocking ({found.method}).{_abroad(facts)}"
    )


def throttled(facts: Facts) -> str:
    """The sentence for throttling."""
    found = _proven(facts)
    slow = _SLOW[found.phase or SlowPhase.TRANSFER]
    return (
        f"{facts.title}: {slow} {times(found.factor)} as long as normal, while other sites are not "
        f"slowed. This is consistent with throttling; {_why(found)}.{_abroad(facts)}"
    )


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


def degraded(facts: Facts) -> str:
    """The sentence for a slow line."""
    factor = exp(facts.slow_line or 0.0)
    return (
        f"{facts.title}: this line is {times(factor)} slower than normal, other sites included; "
        "congestion looks like this, and so does a slowing of everything."
    )


def fine(facts: Facts) -> str:
    """The sentence for ``ok``."""
    size = (
        f"reads of up to {facts.tested_bytes // 1024} KiB were tested"
        if facts.tested_bytes
        else "only handshakes were tested"
    )
    versus = "as fast as normal" if facts.usual else "not much slower than other sites"
    return f"{facts.title}: reachable and {versus} ({controls(facts)}; {size})."


def withheld(facts: Facts) -> str:
    """The sentence for what the platform itself does not serve here."""
    refusing, asked = len(facts.withholding), len(facts.targets)
    share = "" if refusing == asked else f", at {refusing} of {asked} of its endpoints"
    return (
        f"{facts.title}: does not serve this here itself (HTTP 451, for legal reasons, under its "
        f"own certificate{share}); that is the platform's act and no network's."
    )


def may_claim(facts: Facts) -> tuple[str, ...]:
    """What a proven restriction bears out."""
    found = facts.proven
    if found is None:
        return ()
    claims = ["Other sites were fine on the same line in the same minutes."]
    if found.basis == "swap":
        claims.append("The same server was fast under a neutral name at the same time.")
    if found.basis == "addresses":
        claims.append(
            f"It was seen at {found.addresses} addresses of the platform in {found.rounds} rounds."
        )
    if found.basis == "platforms":
        claims.append(
            "It began in the same minutes as the same for platforms of other operators: "
            f"{', '.join(found.together)}."
        )
    if found.decoy:
        claims.append("The platform's name met the same at a server that is nobody's target.")
    if found.basis == "dns":
        claims.append("The platform was fine at an address that another resolver gave.")
    if facts.elsewhere is Elsewhere.FINE:
        claims.append("The platform was fine from outside the country at the same time.")
    return tuple(claims)


def may_not_claim(facts: Facts) -> tuple[str, ...]:
    """What it does not."""
    found = facts.proven
    if found is None:
        return ()
    limits = ["Who did it, or why."]
    if found.trigger is not Trigger.NAME:
        limits.append("That the platform's name is what triggers it.")
    if facts.elsewhere is not Elsewhere.FINE and found.basis not in ("swap", "dns"):
        limits.append(
            "That the platform's own network is not the cause: nobody looked from outside."
        )
    if found.unmeasured_seconds:
        limits.append(
            "That it lasted without a break: nothing was measured for "
            f"{found.unmeasured_seconds / 3_600.0:.1f} hours since it was first seen."
        )
    limits.append("Anything about other networks.")
    return tuple(limits)


def _proven(facts: Facts) -> Proven:
    assert facts.proven is not None
    return facts.proven
