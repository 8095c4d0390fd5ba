"""Targets that rot: are the innocent left alone, and is throttling found as before?

python -m benchmarks.rot gone [--seeds 5]    any one candidate of each target gone, and a
                                             throttling scenario: found of played
python -m benchmarks.rot alone [--seeds 2]   the targets of one operator alone in each trouble,
                                             without a look from outside: what is said
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator

from probe.config import load
from probe.config.candidates import candidates_of, mark_of
from probe.config.schema import Config
from probe.model.verdict import RESTRICTED
from scenarios.lines import LINES
from scenarios.model import Scenario
from scenarios.table import SCENARIOS
from synth.play import Play, config_of, detected, line_of
from synth.rot import Rot, Rotten
from synth.rot_play import RotPlay, every_platform

THROTTLING = ("russia-2024-youtube", "russia-2021-twitter", "pakistan-2024")
OPERATORS = (("x",), ("youtube",), ("facebook", "instagram", "whatsapp"))


def main() -> None:
    """Print what was found and said."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("gone", "alone"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--line", action="append", choices=sorted(LINES), default=[])
    args = parser.parse_args()
    rows = gone if args.what == "gone" else alone
    for row in rows(args.seeds, args.line or ["fibre", "mobile"]):
        print(row, flush=True)


def candidates(config: Config, scenario: Scenario) -> Iterator[tuple[str, Rotten]]:
    """Each candidate of each target of the scenario's platforms, gone; and none of them."""
    yield "none", {}
    for platform in config_of(config, scenario).platforms:
        for target in platform.targets:
            for number, one in enumerate(candidates_of(target)):
                yield f"{platform.name}/{target.name} {number + 1}", {mark_of(one): Rot.NO_LINK}


def gone(seeds: int, lines: list[str]) -> Iterator[str]:
    """A row for each candidate and scenario."""
    config = load(None, {})
    for scenario in (one for one in SCENARIOS if one.id in THROTTLING):
        for title, rotten in candidates(config, scenario):
            found, unjust, late = 0, 0, 0
            for line in lines:
                for seed in range(seeds):
                    play = Play(config, scenario, LINES[line], seed=seed)
                    for world in play.worlds.values():
                        world.rotten = rotten
                    outcome = play.run()
                    unjust += bool(outcome.unjust)
                    rounds = [
                        (detected(expectation, moments), expectation.within_rounds)
                        for (vantage, platform), moments in outcome.moments.items()
                        if (expectation := scenario.expected(platform, vantage)) is not None
                        and any(said.state in RESTRICTED for said in expectation.said)
                    ]
                    found += all(one is not None for one, _ in rounds)
                    late += any(one is not None and one > most for one, most in rounds)
            played = seeds * len(lines)
            yield (
                f"{scenario.id:22} gone: {title:20} found {found} of {played}, late {late}, "
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
