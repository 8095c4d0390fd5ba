"""Play docs/what-it-can-mistake.md over lines and seeds.

    python -m benchmarks.mistakes [--seeds N] [--first N] [--line NAME]... [--only NAME]...

Prints what was said of X in each row, and where that is not what the page says; then the status
is 1.
"""

from __future__ import annotations

import argparse
from collections import Counter

from synth.lines import LINES
from synth.mistakes import PLAYS, played
from synth.mistakes_page import faults, rows, word


def main() -> int:
    """Play, and print as it comes."""
    parser = argparse.ArgumentParser(description="Plays docs/what-it-can-mistake.md.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--line", action="append", choices=sorted(LINES))
    parser.add_argument("--only", action="append", choices=sorted(PLAYS))
    asked = parser.parse_args()
    wrong = runs = 0
    for row in rows():
        if row.play not in PLAYS or (asked.only and row.play not in asked.only):
            continue
        for name in asked.line or ("fibre", "cable", "dsl"):
            said: Counter[str] = Counter()
            found: list[str] = []
            for seed in range(asked.first, asked.first + asked.seeds):
                seen = played(row.play, line=LINES[name], seed=seed)
                said.update(map(word, seen.rounds))
                found += [f"seed {seed}: {fault}" for fault in faults(row, seen)]
                runs += 1
            shares = ", ".join(f"{w} {n / said.total():.0%}" for w, n in said.most_common(4))
            print(f"{row.play:22} {name:8} {shares}", flush=True)
            for fault in found:
                print(f"    NOT AS THE PAGE SAYS: {fault}", flush=True)
            wrong += len(found)
    print(f"{runs} runs, {wrong} not as the page says")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
