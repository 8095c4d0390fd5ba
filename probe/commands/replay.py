"""``throttlewatch replay``: what the present rules say of recorded rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table
from rich.text import Text

from probe.commands.recorded import placed_by, read
from probe.config.handful import with_whole_pool
from probe.config.schema import Config
from probe.config.values import AUTO
from probe.model.foreign import one_line
from probe.model.identity import Role
from probe.model.observation import RoundObservation
from probe.model.verdict import Verdict
from probe.verdict.about import About, about, reference_seconds
from probe.verdict.replay import Knows, Latest, Replayed
from probe.verdict.replay import replay as judge_again
from probe.verdict.thresholds import DEFAULT, Thresholds


class ReplayTally(Struct):
    """What a replay comes to."""

    rounds: int = 0
    bursts: int = 0
    compared: int = 0
    agreed: int = 0
    unmade: int = 0
    unknown_platforms: set[str] = set()


def thresholds_of(changes: Sequence[str]) -> Thresholds:
    """The default thresholds with ``NAME=VALUE`` changes. Raises ``ValueError``, for a person."""
    made = DEFAULT
    for change in changes:
        name, _, value = change.partition("=")
        if name not in Thresholds.__struct_fields__:
            known = ", ".join(Thresholds.__struct_fields__)
            raise ValueError(f"no threshold {name!r}; there is: {known}")
        kind = type(getattr(DEFAULT, name))
        try:
            made = replace(made, **{name: kind(value)})
        except ValueError:
            raise ValueError(f"{name}: {value!r} is no number") from None
    return made


def replayed(
    paths: Sequence[Path], config: Config, thresholds: Thresholds, tally: ReplayTally
) -> Iterator[Replayed]:
    """Every round of the files, one file after the other, judged again.

    Raises ``RecordedError`` at the first line that is none.
    """
    config = placed_by(paths, config)
    rounds = chain.from_iterable(map(read, paths))
    for one in judge_again(rounds, knowledge(config, thresholds, tally)):
        tally.rounds += one.observed.burst is None
        tally.bursts += one.observed.burst is not None
        tally.unmade += one.unmade
        if one.then is not None:
            tally.compared += 1
            tally.agreed += one.agrees
        yield one


def knowledge(config: Config, thresholds: Thresholds, tally: ReplayTally) -> Knows:
    """What the configuration says of each round's platform."""
    outside = {v.name for v in config.settings.vantages if v.role is Role.REFERENCE}
    fresh = reference_seconds(config)
    config = over_all(with_whole_pool(config))  # what was drawn and used then, the rounds say
    platforms = {platform.name: platform for platform in config.platforms}
    known: dict[tuple[str, str], About] = {}

    def knows(observed: RoundObservation, latest: Latest) -> About:
        key, abroad = (observed.platform, observed.vantage), observed.vantage in outside
        if key not in known:
            platform = platforms.get(observed.platform)
            if platform is None:
                tally.unknown_platforms.add(observed.platform)
                found = About(title=observed.platform)
            else:
                found = about(config, platform, outside=abroad, vantage=observed.vantage)
            known[key] = replace(found, thresholds=thresholds)
        if not outside or abroad:
            return known[key]
        oldest = observed.started_at - fresh
        news = (latest.get((vantage, observed.platform)) for vantage in sorted(outside))
        references = tuple(v for v in news if v is not None and v.at >= oldest)
        return replace(known[key], references=references, has_references=True)

    return knows


def over_all(config: Config) -> Config:
    """Where the file leaves it to what is installed, what was measured over QUIC is judged."""
    if config.settings.quic != AUTO:
        return config
    return replace(config, settings=replace(config.settings, quic=True))


def print_table(
    console: Console, rounds: Iterable[Replayed], tally: ReplayTally, *, every: bool
) -> None:
    """What would have been said and when: each change of it, or every round."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("time (UTC)", "vantage", "platform", "round", "said then", "says now"):
        table.add_column(heading)
    differed: dict[tuple[str, str], bool] = {}
    for one in rounds:
        key = (one.observed.vantage, one.observed.platform)
        news = one.changed or differed.get(key, False) is one.agrees
        differed[key] = not one.agrees
        if every or news:
            table.add_row(
                _time(one.observed.started_at),
                *map(one_line, key),
                one.observed.kind.value,
                "" if one.then is None else one_line(words(one.then)),
                Text(words(one.now), style="" if one.agrees else "yellow"),
            )
    console.print(table)
    console.print(summary(tally), highlight=False)


def json_lines(rounds: Iterable[Replayed]) -> Iterator[bytes]:
    """One line for each round: ``id``, ``vantage``, ``platform``, ``kind``, ``at``, the verdicts
    ``then`` and ``now``, and whether they agree."""
    for one in rounds:
        line = {
            "id": one.observed.id,
            "vantage": one.observed.vantage,
            "platform": one.observed.platform,
            "kind": one.observed.kind,
            "at": one.observed.started_at,
            "agrees": one.agrees,
            "then": one.then,
            "now": one.now,
        }
        yield msgspec.json.encode(line) + b"\n"


def words(verdict: Verdict) -> str:
    """State, and what tells it from others of its kind."""
    details = (verdict.reason, verdict.method, verdict.trigger, verdict.signature)
    found = [str(detail) for detail in details if detail]
    if verdict.factor is not None and verdict.restricted:
        found.append(f"{verdict.factor:.1f} times slower")
    return verdict.state.value + (f" ({', '.join(found)})" if found else "")


def summary(tally: ReplayTally) -> str:
    """The replay in a few sentences."""
    found = [f"{tally.rounds} rounds and {tally.bursts} bursts judged again."]
    if tally.compared:
        share = tally.agreed / tally.compared
        found.append(f"{tally.agreed} of {tally.compared} ({share:.1%}) say what was said then.")
    if tally.unmade:
        found.append(
            f"{tally.unmade} times the present rules ask for a burst that nobody made: with it, "
            "they might have said more."
        )
    if tally.unknown_platforms:
        names = ", ".join(map(one_line, sorted(tally.unknown_platforms)))
        found.append(f"Not in the configuration, so judged without its facts: {names}.")
    return " ".join(found)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
