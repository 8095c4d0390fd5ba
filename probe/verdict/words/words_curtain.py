"""The sentence on a curtain: which sites, what they do, and what is not known."""

from __future__ import annotations

from probe.model.curtain import Curtain, CurtainKind
from probe.model.identity import Family
from probe.verdict.words.words_numbers import times

_KIB = 1_024


def curtain(found: Curtain) -> str:
    """What ``found`` is, with its numbers; on one line, whatever platform is looked at."""
    others = f"sites of {found.others} other operators"
    alone = found.sites == 1
    who = f"the one site at {found.operator} that is asked here"
    if not alone:
        who = f"all {found.sites} sites at {found.operator} that are asked here"
    line = "on this line"
    if found.family is Family.IPV6:
        line += " over IPv6"
    match found.kind:
        case CurtainKind.SILENT:
            said = f"{who} are silent {line}, while {others} answer"
        case CurtainKind.FROZEN:
            verb = "stops" if alone else "stop"
            place = "before anything of what is asked for has come"
            if found.stopped:
                place = f"after about {max(1, round(found.stopped / _KIB))} KiB"
            said = f"{who} {verb} {place} {line}, while {others} go on"
        case CurtainKind.SLOW:
            verb = "takes" if alone else "take"
            factor = times(found.times or 1.0)
            said = f"{who} {verb} {factor} as long for the same as {others}, {line}"
    said = said[0].upper() + said[1:]
    if alone:
        said += "; whether that is this site's own matter is not known"
    return f"{said}. Platforms are compared with the others."
