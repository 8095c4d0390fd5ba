"""The page's first lines: how it stands with the platforms on this line, and since when."""

from __future__ import annotations

from msgspec import Struct

from probe.model.identity import Role, Vantage
from probe.publish.latest.snapshot import Snapshot
from probe.publish.report.times import TimeWriter
from probe.publish.state_words import HowItStands, clause, grouped, measured

_TODAY_SECONDS = 86_400.0
# What is told with its onset and its numbers.
_PROVEN = (HowItStands.BLOCKED, HowItStands.THROTTLED, HowItStands.IMPAIRED)


class LineAnswer(Struct, frozen=True, kw_only=True):
    """``gravest`` is how it stands with the platform that is worst off. ``details``: where several
    are in the same way, since when each is, and by how much."""

    sentence: str
    gravest: HowItStands
    details: tuple[str, ...] = ()


def this_line(snapshot: Snapshot, clock: TimeWriter) -> tuple[LineAnswer, ...]:
    """An answer for each vantage inside; where there is none, for each of the others."""
    inside = [v for v in snapshot.vantages if v.role is Role.INSIDE]
    shown = inside or list(snapshot.vantages)
    return tuple(_answer(snapshot, vantage, clock, alone=len(shown) == 1) for vantage in shown)


def _answer(snapshot: Snapshot, vantage: Vantage, clock: TimeWriter, *, alone: bool) -> LineAnswer:
    titles = {platform.name: platform.title for platform in snapshot.platforms}
    verdicts = {name: snapshot.verdicts.get((vantage.name, name)) for name in titles}
    groups = grouped(verdicts)
    sentences, details = [], list[str]()
    for one, names in groups.items():
        said = clause(one, [titles[name] for name in names])
        if one in _PROVEN:
            proven = {name: v for name in names if (v := verdicts[name]) is not None}
            first = min(verdict.since for verdict in proven.values())
            said += f" since {_since(first, snapshot.taken_at, clock)}"
            if len(proven) == 1:
                number = measured(next(iter(proven.values())))
                said += f": {number}" if number else ""
            else:
                details += [
                    f"{titles[name]}: since {_since(verdict.since, snapshot.taken_at, clock)}"
                    + (f", {number}" if (number := measured(verdict)) else "")
                    for name, verdict in proven.items()
                ]
        sentences.append(f"{said}.")
    place = "" if alone else f"{vantage.name}: "
    gravest = next(iter(groups), HowItStands.UNMEASURED)
    return LineAnswer(sentence=place + " ".join(sentences), gravest=gravest, details=tuple(details))


def _since(at: float, now: float, clock: TimeWriter) -> str:
    return clock.hour(at) if now - at < _TODAY_SECONDS else clock.moment(at)
