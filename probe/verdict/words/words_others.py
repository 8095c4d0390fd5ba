"""The sentence on a normal that was learnt while a platform was restricted at other vantages."""

from __future__ import annotations

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
    networks = f"{found.networks} network{'' if found.networks == 1 else 's'}"
    when = f"since {moment(found.since)}"
    if found.until is not None:
        when = f"from {moment(found.since)} to {moment(found.until)}"
    who = " That is the word of the fleet's hub." if found.told_by is ToldBy.HUB else ""
    return (
        "What is normal here was learnt while this platform was throttled or blocked at other "
        f"vantages, in {networks} ({when}), so it may itself be slow.{who}"
    )
