"""Golden histories: does the verdict still say the same of the rounds that are kept?

python -m synth.golden                  compare; print what differs, exit status 1 if anything
python -m synth.golden --record         write anew what is said (a change of behaviour)
python -m synth.golden --record-rounds  play the world of numbers anew, and write both files
python -m synth.golden --print          every verdict in full, a line each, to compare two trees
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import unified_diff

from synth.golden.histories import histories
from synth.golden.kept import VERDICTS, exact, judged, read, verdicts, write


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Raw)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--record", action="store_true", help="write anew what is said")
    what.add_argument("--record-rounds", action="store_true", help="play the worlds anew as well")
    what.add_argument("--print", action="store_true", help="print every verdict in full")
    chosen = parser.parse_args(arguments)
    if chosen.print:
        for history in read():
            for number, one in enumerate(judged(history)):
                print(f"{history.name} {number} {exact(one).decode()}")
        return 0
    if chosen.record_rounds:
        write(histories())
    now = list(verdicts(read()))
    if chosen.record or chosen.record_rounds:
        VERDICTS.write_text("\n".join(now) + "\n", encoding="utf-8")
        return 0
    found = list(unified_diff(kept_lines(), now, "kept", "now", lineterm="", n=1))
    print("\n".join(found) if found else "the same is said of every round")
    return bool(found)


def kept_lines() -> list[str]:
    """What was said when it was recorded."""
    return VERDICTS.read_text(encoding="utf-8").splitlines()


class _Raw(argparse.RawDescriptionHelpFormatter):
    """The text above as it stands."""


if __name__ == "__main__":
    sys.exit(main())
