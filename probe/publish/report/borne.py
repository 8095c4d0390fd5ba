"""What the evidence of a report's restrictions bears, and what it does not.

A verdict's claim is about its own platform and line. A report has several, so a claim that some of
them alone make says how many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from probe.publish.report.report_parts import Episode, Setting
from probe.verdict.words.words_others import NOT_CLAIMED

# The template says these of every report, with their reasons.
_SAID_OF_EVERYTHING = ("Who did it, or why.", "Anything about other networks.")


def borne(episodes: Sequence[Episode]) -> tuple[str, ...]:
    """What may be said."""
    return _counted([episode.may_claim for episode in episodes])


def not_borne(episodes: Sequence[Episode], setting: Setting) -> tuple[str, ...]:
    """What may not be said, beside what no measurement bears; where a verdict says "here", whose
    normal it is, and where."""
    left_out = (*_SAID_OF_EVERYTHING, NOT_CLAIMED)
    normals = (
        f"That what is normal for {setting.title(one.platform)} at {one.vantage} is as fast as it "
        "should be: others were throttled or blocked while it was learnt."
        for one in episodes
        if NOT_CLAIMED in one.may_not_claim
    )
    return (
        *_counted([[s for s in one.may_not_claim if s not in left_out] for one in episodes]),
        *dict.fromkeys(normals),
    )


def _counted(each: Sequence[Iterable[str]]) -> tuple[str, ...]:
    """Each claim once; with how many of the restrictions make it, where not all do."""
    count = Counter(claim for claims in each for claim in dict.fromkeys(claims))
    return tuple(
        claim
        if many == len(each)
        else f"{claim.removesuffix('.')} ({many} of {len(each)} restrictions)."
        for claim, many in count.items()
    )
