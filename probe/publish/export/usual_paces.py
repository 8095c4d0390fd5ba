"""What ``throttlewatch export -f paces`` wrote on many lines, as one number for each target and
kind of line, and as the end of the definition of its platform."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from probe.config.definition import LEAST_LINES, UsualPace
from probe.model.identity import Access

KEY = "paces"
# A key of the definition itself: everything below it is indented, or a comment.
_BLOCK = re.compile(rf"^{KEY}:.*\n(?:[ \t#].*\n|\n)*", re.MULTILINE)


class PaceTold(msgspec.Struct, frozen=True):
    """Of one target on one line: its ``share`` of what the fastest site abroad gave, and on how
    many ``days`` that was seen."""

    share: float
    days: int


class LineTold(msgspec.Struct, frozen=True):
    """What one line tells: by ``platform/target``."""

    access: Access
    targets: dict[str, PaceTold]


def usual_paces(lines: Iterable[str], month: str) -> dict[str, tuple[UsualPace, ...]]:
    """By platform: what nineteen of twenty of the ``lines`` reach, of each target and kind of line
    of which enough have told, and of all kinds together. Raises ``msgspec.DecodeError``."""
    shares: dict[tuple[str, Access | None], list[float]] = defaultdict(list)
    for line in lines:
        told = msgspec.json.decode(line, type=LineTold)
        for name, one in told.targets.items():
            shares[name, told.access].append(one.share)
            shares[name, None].append(one.share)
    found: dict[str, list[UsualPace]] = defaultdict(list)
    for (name, access), reached in sorted(
        shares.items(), key=lambda one: (one[0][0], str(one[0][1]))
    ):
        platform, _, target = name.partition("/")
        share = sorted(reached)[len(reached) // LEAST_LINES]
        if len(reached) >= LEAST_LINES and share > 0.0:
            found[platform].append(
                UsualPace(
                    target=target, share=share, lines=len(reached), evidence=month, access=access
                )
            )
    return {platform: tuple(paces) for platform, paces in found.items()}


def written(definition: str, paces: Sequence[UsualPace]) -> str:
    """The text of a ``definition`` with these in the place of those that it has."""
    rest = _BLOCK.sub("", definition if definition.endswith("\n") else f"{definition}\n")
    return f"{rest.rstrip()}\n{block(paces)}" if paces else rest


def block(paces: Iterable[UsualPace]) -> str:
    """Them as YAML."""
    return "".join((f"{KEY}:\n", *(f"  - {{{_entry(one)}}}\n" for one in paces)))


def _entry(one: UsualPace) -> str:
    fields: Mapping[str, object] = {
        "target": one.target,
        **({} if one.access is None else {"access": one.access.value}),
        "share": f"{one.share:.3f}",
        "lines": one.lines,
        "evidence": one.evidence,
    }
    return ", ".join(f"{key}: {value}" for key, value in fields.items())
