"""The sentence on a normal that was learnt while a platform was restricted at other vantages."""

from __future__ import annotations

from collections.abc import Callable

from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.verdict.basis.claims import moment

NOT_CLAIMED = (
    "That what is normal here is as fast as it should be: others were throttled or blocked while "
    "it was learnt."
)
"""What a verdict that was compared with such a normal does not bear. It has no numbers, so it is
the same in every round."""


def learnt_while_words(found: OthersRestricted) -> str:
    """What was so when what is normal here was learnt, and what follows."""
    return (
        "What is normal here was learnt while this platform was throttled or blocked "
        f"{at_others(found, moment)}, so it may itself be slow.{by_hub(found)}"
    )


def at_others(found: OthersRestricted, moment_of: Callable[[float], str]) -> str:
    """In how many networks, and from when to when. ``moment_of``: how a time (Unix seconds) is
    written."""
    networks = f"{found.networks} network{'' if found.networks == 1 else 's'}"
    when = f"since {moment_of(found.since)}"
    if found.until is not None:
        when = f"from {moment_of(found.since)} to {moment_of(found.until)}"
    return f"at other vantages, in {networks} ({when})"


def by_hub(found: OthersRestricted) -> str:
    """Another sentence, with a blank before it, if nobody but the hub says so."""
    return " That is the word of the fleet's hub." if found.told_by is ToldBy.HUB else ""
