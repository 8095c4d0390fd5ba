"""The files of golden histories: what was measured, fixed, and what is said of it, made anew.

``rounds.jsonl.xz`` holds the histories: for each a line with its name and what is known of its
platforms, then a line for each round or burst. ``verdicts.txt`` is text, so that a change of
behaviour is read in a diff: a line for each time through which the same was said, with a digest of
every verdict in it, and of the bursts that were asked for, as they are to the letter.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec.structs import replace

from probe.commands.replay import words
from probe.model.observation import RoundObservation
from probe.store.codec import pack_value, unpack_value
from probe.verdict.about import About
from probe.verdict.ladder.ladder import RULES
from probe.verdict.ladder.rule import Rule
from probe.verdict.remembered.memory import Memory
from probe.verdict.replay import Knows, Latest, Recorded, Replayed, outline, replay
from probe.verdict.thresholds import DEFAULT, Thresholds
from synth.golden.compact import few_digits
from synth.golden.histories import History

FOLDER = Path(__file__).parents[2] / "tests" / "golden"
ROUNDS = FOLDER / "rounds.jsonl.xz"
VERDICTS = FOLDER / "verdicts.txt"
# After so many rounds the memory is stored and read again, as a restart does.
RESTART_ROUNDS = 25
# The last digits of a logarithm are the C library's, and of a sum Python's version's.
DIGITS = 9
# It changes with every rule, whatever is said.
_LEFT_OUT = ("rules_version",)
_HEAD = """\
# What the rules say of the rounds in rounds.jsonl.xz. For each time in which the same was said:
# its first round, how many there are (+ bursts), a digest of its verdicts, and what was said.
# Made by `python -m synth.golden --record`; never edited by hand.
"""


def write(histories: Iterable[History], path: Path = ROUNDS) -> None:
    """Replace the rounds that are kept."""
    lines: list[bytes] = []
    for history in histories:
        head = msgspec.to_builtins(history)
        del head["rounds"]
        for _, _, about in head["about"]:
            # Those of the present are used.
            del about["thresholds"]
        lines += [msgspec.json.encode(head), *map(msgspec.json.encode, history.rounds)]
    best = lzma.PRESET_EXTREME | 9
    path.write_bytes(lzma.compress(b"\n".join(lines) + b"\n", preset=best))


def read(path: Path = ROUNDS) -> Iterator[History]:
    """The histories that are kept."""
    round_of = msgspec.json.Decoder(RoundObservation).decode
    head, rounds = b"", list[RoundObservation]()
    for line in lzma.decompress(path.read_bytes()).splitlines():
        if line.startswith(b'{"name"'):
            if head:
                yield _history(head, rounds)
            head, rounds = line, []
        else:
            rounds.append(round_of(line))
    yield _history(head, rounds)


def _history(head: bytes, rounds: list[RoundObservation]) -> History:
    return replace(msgspec.json.decode(head, type=History), rounds=tuple(rounds))


def judged(
    history: History, rules: tuple[Rule, ...] = RULES, thresholds: Thresholds = DEFAULT
) -> Iterator[Replayed]:
    """Every round of ``history`` under the present rules, with restarts."""
    rounds = map(_recorded, history.rounds)
    return replay(rounds, _knowledge(history, thresholds), rules, kept=_restarts())


def _recorded(observed: RoundObservation) -> Recorded:
    return Recorded(observed=observed)


def _knowledge(history: History, thresholds: Thresholds) -> Knows:
    known = {(v, p): replace(one, thresholds=thresholds) for v, p, one in history.about}
    outside = [(vantage, platform) for (vantage, platform), one in known.items() if one.outside]

    def knows(observed: RoundObservation, latest: Latest) -> About:
        about = known[observed.vantage, observed.platform]
        if not about.has_references:
            return about
        oldest = observed.started_at - history.fresh
        news = (latest.get(key) for key in outside if key[1] == observed.platform)
        return replace(about, references=tuple(v for v in news if v is not None and v.at >= oldest))

    return knows


def _restarts() -> Callable[[Memory], Memory]:
    rounds = 0

    def kept(memory: Memory) -> Memory:
        nonlocal rounds
        rounds += 1
        if rounds % RESTART_ROUNDS:
            return memory
        return unpack_value(pack_value(memory), Memory)

    return kept


def exact(one: Replayed) -> bytes:
    """A verdict and the burst that it asks for, to the letter and to ``DIGITS`` digits. What is
    absent or empty is left out, so a new field with a default changes nothing."""
    told = _full(few_digits(msgspec.to_builtins((one.now, one.plan)), DIGITS))
    return msgspec.json.encode(told)


def _full(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: _full(one)
            for key, one in value.items()
            if one not in (None, "", [], {}) and key not in _LEFT_OUT
        }
    if isinstance(value, list):
        return [_full(one) for one in value]
    return value


def verdicts(
    histories: Iterable[History],
    rules: tuple[Rule, ...] = RULES,
    seen: Callable[[Replayed], None] = lambda one: None,
) -> Iterator[str]:
    """The lines of ``verdicts.txt``; each round and burst is shown to ``seen``, too."""
    yield from _HEAD.splitlines()
    for history in histories:
        lives: dict[tuple[str, str], list[tuple[int, Replayed]]] = {}
        for number, one in enumerate(judged(history, rules)):
            key = (one.observed.vantage, one.observed.platform)
            lives.setdefault(key, []).append((number, one))
            seen(one)
        for (vantage, platform), life in lives.items():
            yield ""
            yield f"{history.name}: {platform} at {vantage}"
            yield from map(_line, _spans(life))


def _spans(life: list[tuple[int, Replayed]]) -> Iterator[list[tuple[int, Replayed]]]:
    span: list[tuple[int, Replayed]] = []
    for number, one in life:
        if span and outline(span[-1][1].now) != outline(one.now):
            yield span
            span = []
        span.append((number, one))
    yield span


def _line(span: list[tuple[int, Replayed]]) -> str:
    digest = blake2b(digest_size=6)
    for _, one in span:
        digest.update(exact(one))
    bursts = sum(one.observed.burst is not None for _, one in span)
    many = f"{len(span) - bursts}" + (f"+{bursts}" if bursts else "")
    said = replace(span[0][1].now, signature=None)
    return f"{span[0][0]:>5} {many:>6}  {digest.hexdigest()}  {words(said)}"
