"""The program that runs a pattern over a page, in a process of its own: it can be ended.

The pattern is an operator's, the page a far end's (or a censor's), and together they can take for
ever, as Python's ``re`` tries every way to match. So ``links.py`` runs this file by its path, alone
(``python -I -S``): the standard library and nothing else (docs/decisions/0009-link-patterns.md).

In: the pattern as one line of JSON, then the page. Out: what matched, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import sys

MOST_MATCHES = 1_000
MOST_LETTERS = 8_192
CPU_SECONDS = 5
"""A page of 1 MiB takes some hundredths of a second with the shipped patterns, also one that is
made to hurt; twenty times that on the smallest machine."""
MEMORY_BYTES = 192 * 2**20
"""More than twice what the interpreter and a page need."""


def matches(pattern: str, page: str) -> list[str]:
    """What matches, in order and each once: the first group, or the whole if there is none. At most
    ``MOST_MATCHES``, each cut where it is longer than ``MOST_LETTERS`` by more than one letter."""
    found: dict[str, None] = {}
    for match in re.finditer(pattern, page):
        raw = match.group(1) if match.re.groups else match.group(0)
        if raw:
            found[raw[: MOST_LETTERS + 1]] = None
        if len(found) == MOST_MATCHES:
            break
    return list(found)


def main() -> None:
    """Search what is on standard input."""
    # Where a sandbox forbids it, the parent's clock is what ends us.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    pattern, _, page = sys.stdin.buffer.read().partition(b"\n")
    found = matches(json.loads(pattern), page.decode("utf-8", "replace"))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
