"""Targets that rot: are the innocent left alone, and is throttling found as before?

python -m benchmarks.rot gone [--seeds 5]    any one candidate of each target gone, and each
                                             throttling scenario: found of played
    [--scenario russia-2024-youtube] [--line fibre] [--only x/] [--only none] [--with]
python -m benchmarks.rot alone [--seeds 2]   the targets of one operator alone in each trouble,
                                             without a look from outside: what is said
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random

from msgspec import Struct

from probe.config import load
from probe.config.candidates import candidates_of, mark_of
from probe.config.schema import Config
from probe.model.identity import Compares
from probe.model.verdict import RESTRICTED, State
from scenarios.lines import LINES
from scenarios.model import Scenario
from scenarios.table import SCENARIOS
from synth.play import Play, config_of, detected, line_of
from synth.rot import Rot, Rotten
from synth.rot_play import RotPlay, every_platform

DRAWS = 3
OPERATORS = (("x",), ("youtube",), ("facebook", "instagram", "whatsapp"))
THROTTLING = tuple(
    one
    for one in SCENARIOS
    if any(said.state is State.THROTTLED for e in one.expect for said in e.said)
)


class Found(Struct, frozen=True):
    """Of some plays of a scenario: in how many all that is to be found was, in how many of these
    later than it should, and in how many something was said that must never be."""

    played: int = 0
    found: int = 0
    late: int = 0
    unjust: int = 0


def main() -> None:
    """Print what was found and said."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("gone", "alone"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--line", action="append", choices=sorted(LINES), default=[])
    every = [one.id for one in THROTTLING]
    parser.add_argument("--scenario", action="append", choices=every, default=[])
    parser.add_argument(
        "--only", action="append", default=[], help="of what may be gone what begins so"
    )
    parser.add_argument(
        "--with", action="store_true", dest="together", help="it goes as the throttling begins"
    )
    args = parser.parse_args()
    lines = args.line or ["fibre", "mobile"]
    if args.what == "alone":
        rows = alone(args.seeds, lines)
    else:
        chosen = [one for one in THROTTLING if not args.scenario or one.id in args.scenario]
        rows = gone(chosen, args.seeds, lines, only=tuple(args.only), together=args.together)
    for row in rows:
        print(row, flush=True)


def candidates(config: Config, scenario: Scenario) -> Iterator[tuple[str, list[Rotten]]]:
    """What may be gone, each with a few words for it: nothing; each candidate of each target of the
    scenario's platforms and controls, alone; one of every target of the platforms at once, drawn a
    few times."""
    made = config_of(config, scenario)
    yield "none", [{}]
    for definition in (*made.platforms, *made.controls):
        for target in definition.targets:
            for number, one in enumerate(candidates_of(target)):
                title = f"{definition.name}/{target.name} {number + 1}"
                yield title, [{mark_of(one): Rot.NO_LINK}]
    targets = [target for platform in made.platforms for target in platform.targets]
    several = [candidates_of(target) for target in targets if target.compares is Compares.GOODPUT]
    yield (
        "one of each at once",
        [
            {
                mark_of(Random(f"{n}/{m}").choice(some)): Rot.NO_LINK
                for m, some in enumerate(several)
            }
            for n in range(DRAWS)
        ],
    )


def play(
    config: Config, scenario: Scenario, line: str, seed: int, rotten: Rotten, *, together: bool
) -> Found:
    """One play with what is ``rotten``, from the beginning or (``together``) from when it begins to
    be throttled on."""
    made = Play(config, scenario, LINES[line], seed=seed, struck=rotten if together else {})
    if not together:
        for world in made.worlds.values():
            world.rotten = rotten
    outcome = made.run()
    rounds = [
        (detected(expectation, moments), expectation.within_rounds)
        for (vantage, platform), moments in outcome.moments.items()
        if (expectation := scenario.expected(platform, vantage)) is not None
        and any(said.state in RESTRICTED for said in expectation.said)
    ]
    found = all(one is not None for one, _ in rounds)
    late = any(one is not None and one > most for one, most in rounds)
    return Found(1, found, late, bool(outcome.unjust))


def gone(
    scenarios: Iterable[Scenario],
    seeds: int,
    lines: list[str],
    *,
    only: tuple[str, ...],
    together: bool,
) -> Iterator[str]:
    """A row for each candidate and scenario; ``only``: whose titles begin so (none: all)."""
    config = load(None, {})
    for scenario in scenarios:
        for title, every in candidates(config, scenario):
            if only and not title.startswith(only):
                continue
            plays = [
                play(config, scenario, line, seed, rotten, together=together)
                for line in lines
                for seed in range(seeds)
                for rotten in every
            ]
            found, late, unjust = (
                sum(getattr(one, what) for one in plays) for what in ("found", "late", "unjust")
            )
            yield (
                f"{scenario.id:30} gone: {title:24} found {found} of {len(plays)}, late {late}, "
                f"unjust {unjust}"
            )


def alone(seeds: int, lines: list[str]) -> Iterator[str]:
    """A row for each trouble and operator."""
    config = every_platform()
    for rot in Rot:
        for operator in OPERATORS:
            said: Counter[str] = Counter()
            for line in lines:
                for seed in range(seeds):
                    play = RotPlay(
                        config, rot, seed=seed, line=line_of(LINES[line]), only=operator
                    ).run()
                    states = {v.state for some in play.verdicts.values() for v in some}
                    said["accused"] += bool(states & RESTRICTED)
                    said["impaired"] += any(
                        v.state.value == "impaired"
                        for name in operator
                        for v in play.verdicts[name]
                    )
            yield f"{rot.value:26} {'+'.join(operator):28} {dict(said)} of {seeds * len(lines)}"


if __name__ == "__main__":
    main()
