"""The sentences on what is proven. Their numbers are those of ``Facts.told`` and ``working``."""

from __future__ import annotations

from probe.model.basis import Basis
from probe.model.identity import FIRST_PROBER
from probe.model.verdict import Method, SlowPhase, State, Trigger
from probe.observe.effort import ONLY_SMALL, Measure
from probe.verdict.basis.claims import moment, nobody_looked
from probe.verdict.basis.fell_with_it import FEW
from probe.verdict.burst.own_rate import proven_by_our_rate, root_of
from probe.verdict.ladder.facts import Elsewhere, Facts
from probe.verdict.line.families import TITLES
from probe.verdict.remembered.memory import Proven
from probe.verdict.words.words_beside import UPLOADS, beyond, two
from probe.verdict.words.words_curtain import curtain
from probe.verdict.words.words_numbers import times

_PLACE = {
    Method.DNS: "its name is answered falsely or not at all",
    Method.TCP: "connections to it are not let through",
    Method.TLS: "connections to it are cut in the TLS handshake",
    Method.HTTP: "connections to it are cut once the request is made",
}
_CUT_BY_NAME = "connections to it are cut when its name is said"
_CUT_BY_RANGE = (
    "connections to its servers are cut under obscure names too but not under famous ones"
)
# The same where nothing is said of a cause.
_FAILS = {
    Method.DNS: "its name is not answered",
    Method.TCP: "connections to it do not come about",
    Method.TLS: "TLS handshakes with it fail",
    Method.HTTP: "requests to it are not answered",
}
# Over QUIC, where a packet that says no name goes before each handshake: what fails at the first
# step is silent to that, too, and what fails at the second has answered it.
_OVER_QUIC = {
    Method.TCP: "not even a packet that says no name is answered",
    Method.TLS: "its handshakes fail, though a packet that says no name is answered at the same "
    "addresses",
}
_ONLY_SMALL = (
    "TLS handshakes with it fail: its small packets arrive and its large ones do not, as on a way "
    "that takes no large ones and does not say so"
)
# What a certificate shows is not that anything was cut.
_SHOWN = {
    "ssl_invalid_hostname": "what answers in its place shows a certificate for another name",
    "ssl_unknown_authority": "what answers in its place shows a certificate of an authority that "
    "is not trusted",
    "ssl_invalid_certificate": "what answers shows a certificate that is not valid",
}
_SLOW = {
    SlowPhase.HANDSHAKE: "its handshakes",
    SlowPhase.TRANSFER: "transfers from it",
    SlowPhase.BOTH: "transfers from it",
}
_NO_UPLOADS = "nothing that is sent to it at length is acknowledged"
_WHOLE = "connections to it, from the first packet to the last byte, take"
_WHY = {
    Trigger.NAME: "a neutral name at the same address is not slowed, so the platform's name is "
    "what triggers it",
    Trigger.ADDRESS: "a neutral name at the same address is slowed too, so the address is what "
    "triggers it, or the platform's own servers there are slow",
    Trigger.RANGE: "at the same address obscure neutral names are slowed too and famous ones are "
    "not, so the address is what triggers it, with a list of exceptions",
    Trigger.UNKNOWN: "what triggers it cannot be told from here",
}
_BY_NAME_ALONE = (
    "its name is slowed at a server that is nobody's target too, so the platform's name is what "
    "triggers it"
)


def _beside(facts: Facts) -> str:
    """What speaks for a cause on the way, beside the swap."""
    said = ""
    if facts.together:
        said += f" The same met {', '.join(facts.together)} in the same minutes."
    if facts.vouched:
        said += f" From outside the country {_fine(facts)}."
    return said


def blocked(facts: Facts) -> str:
    """The sentence for a block."""
    found = _proven(facts)
    place = _SHOWN.get(_reason(found)) or _layer(facts, _PLACE)
    if root_of(found) is Method.TLS and found.trigger is Trigger.NAME and not _shown(found):
        place = _CUT_BY_NAME
    if found.trigger is Trigger.RANGE and not _shown(found):
        place = _CUT_BY_RANGE
    which = _which(facts)
    how = f"{which} cannot be reached{_over(facts)} from this line"
    if facts.working.itself:
        since = moment(found.onset_at)
        how = f"{which} could not be reached{_over(facts)} from this line since {since}"
    layer = root_of(found) if facts.prober == FIRST_PROBER or _up(facts) else Method.QUIC
    like = f"This is consistent with blocking ({layer})"
    if _up(facts):
        how, like = f"{UPLOADS} fail from this line", "This is consistent with blocking of uploads"
    if found.at_home:
        like += (
            ", and as well with a filter at home: the name server that says so is on this computer "
            "or may be in this home, and none beyond it was heard to say the same"
        )
    return (
        f"{facts.title}: {how}: {place}, while other sites are fine{_answering(facts)}."
        f"{_other_family(facts)} {like}.{_beside(facts)}"
    )


def _layer(facts: Facts, words: dict[Method, str]) -> str:
    """At which step it fails."""
    method = root_of(_proven(facts))
    if _up(facts):
        return _NO_UPLOADS
    if facts.prober != FIRST_PROBER and method in _OVER_QUIC:
        return _OVER_QUIC[method]
    return words[method]


def _which(facts: Facts) -> str:
    return "a part of it" if facts.working.answer > facts.working.itself else "it"


def _answering(facts: Facts) -> str:
    """What of it answers, though it is said to fail."""
    found = facts.working
    if found.itself:
        return "; at this moment it answers, and whether that is the end is being tested"
    if not found.answer:
        return ""
    return (
        f"; {found.answer} of {found.known} of its endpoints "
        f"answer{'s' if found.answer == 1 else ''}"
    )


def throttled(facts: Facts) -> str:
    """The sentence for throttling."""
    found = _proven(facts)
    return (
        f"{facts.title}: {_slowness(facts)}{_over(facts)}, while other sites are not slowed"
        f"{_lately(facts)}.{_other_family(facts)} This is consistent with throttling; "
        f"{_why(found)}.{_beside(facts)}"
    )


def _slowness(facts: Facts) -> str:
    """How slow it is, by what was measured in the rounds that found it so."""
    found = facts.told
    what, measure = _SLOW[_proven(facts).phase or SlowPhase.TRANSFER], _proven(facts).measure
    if _up(facts):
        what = UPLOADS
    if found is not None and found.before_reads:
        what, measure = _SLOW[SlowPhase.HANDSHAKE], Measure.HANDSHAKE
    if found is None or (found.times is None and not found.stopped):
        return f"{what} take longer than is honest; by how much cannot be told"
    if found.stopped:
        return f"{what} stop after about {max(1, round(found.stopped / 1024))} KiB"
    assert found.times is not None
    if found.whole:
        said = f"{_WHOLE} {times(found.times)} as long as normal{beyond(found.path)}"
    elif found.own is None or found.other is None:
        least = "at least " if found.at_least else ""
        said = f"{what} take {least}{times(found.times)} as long as normal{beyond(found.path)}"
    else:
        said = f"{what} {two(found, measure)}"
    if found.before_reads:
        said += ", so nothing is read"
    if found.handshake is not None and found.handshake > facts.margin:
        said += f", and its handshakes {times(found.handshake)} as long as normal"
    return said


def _lately(facts: Facts) -> str:
    found = facts.told
    return "" if found is None else f" (last seen so at {moment(found.at)})"


def failing_here(facts: Facts) -> str:
    """The sentence for what fails on this line, wherever else it may."""
    found = _proven(facts)
    how = _SHOWN.get(_reason(found)) or _layer(facts, _FAILS)
    if found.failure == ONLY_SMALL:
        how = _ONLY_SMALL
    which = _which(facts)
    return (
        f"{facts.title}: {which} has been failing{_over(facts)} on this line since "
        f"{moment(found.onset_at)} ({how}), while other sites are fine{_answering(facts)}; "
        f"{_elsewhere(facts, 'fails')}.{_other_family(facts)}"
    )


def slow_here(facts: Facts) -> str:
    """The sentence for what is slow on this line, wherever else it may be."""
    found = _proven(facts)
    return (
        f"{facts.title}: {_slowness(facts)}{_over(facts)}, on this line, since "
        f"{moment(found.onset_at)}, while other sites are not slowed{_lately(facts)}; "
        f"{_elsewhere(facts, 'is slow')}.{_other_family(facts)}"
    )


def behind_a_curtain(facts: Facts) -> str:
    """The sentence for what is slow or fails with the sites of the network that it is in."""
    found, hung = _proven(facts), facts.behind
    assert hung is not None
    fails = found.state is State.BLOCKED
    how = _SHOWN.get(_reason(found)) or _FAILS[root_of(found)]
    what = f"it has been failing ({how})" if fails else _slowness(facts)
    return (
        f"{facts.title}: {what}{_over(facts)}, on this line, since {moment(found.onset_at)}, and "
        f"so it is with other sites at {hung.operator}, in whose network its servers are"
        f"{_lately(facts)}. {curtain(hung)} So it is not {facts.title} alone; "
        f"{_elsewhere(facts, 'fails' if fails else 'is slow')}.{_other_family(facts)}"
    )


def _elsewhere(facts: Facts, what: str) -> str:
    """What is known of it outside the country."""
    if facts.fell_with_it:
        return _with_others(facts)
    if not facts.vouched:
        return f"whether it {what} elsewhere too is not known: {nobody_looked(facts)}"
    said = f"from outside the country {_fine(facts)}"
    seen = _proven(facts).first_ones
    if proven_by_our_rate(_proven(facts), Basis.REFERENCE) and seen.well:
        return (
            f"{said}; but of those connections to it that were the first after a pause, "
            f"{seen.failed} failed and {seen.well} did not: a limit on how often is asked looks so"
        )
    if _proven(facts).way_clear and _proven(facts).state is State.BLOCKED:
        return (
            f"{said}, but what is silent here still acknowledges that we wait: its servers near "
            "here may be silent"
        )
    if _proven(facts).way_clear:
        return (
            f"{said}, but it is not shown that this happens on the way to it: its servers near "
            "here may be the cause"
        )
    return f"{said}; whether its servers near here are is not known"


def _fine(facts: Facts) -> str:
    """What references find fine: all of it, or only that which is slow or fails here."""
    if facts.elsewhere is Elsewhere.FINE:
        return "it is fine"
    return "this part of it is fine"


def _with_others(facts: Facts) -> str:
    """What takes several operators down at once is no matter of one."""
    said = (
        f"sites of {' and '.join(facts.fellows)} fell silent here in the same hour, too, as if the "
        "way to several networks failed or was closed"
        if len(facts.fellows) >= FEW
        else f"a site of {facts.fellows[0]} fell silent here in the same minutes, too, as if one "
        "way to both failed or was closed; it may as well be out of order itself"
    )
    return f"{said}; from outside the country {_fine(facts)}" if facts.vouched else said


def _up(facts: Facts) -> bool:
    """It is about what is sent."""
    return facts.direction == "up"


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


def _reason(found: Proven) -> str:
    return found.failure.partition("/")[2]


def _shown(found: Proven) -> bool:
    return _reason(found) in _SHOWN


def _why(found: Proven) -> str:
    if found.decoy and found.trigger is Trigger.NAME:
        return _BY_NAME_ALONE
    return _WHY[found.trigger or Trigger.UNKNOWN]


def _proven(facts: Facts) -> Proven:
    assert facts.proven is not None
    return facts.proven
