"""What ``false_alarms`` found, added up and printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from benchmarks.poisson import interval
from synth.effects import Effect, How

YEAR = 365.0
LINGERS_SECONDS = 3 * 3_600.0
MOST_PER_YEAR = 0.1
MOST_OVER = 4.0
# What the swap of a platform's main target compares.
SWAPS = ("goodput", "handshake")


@dataclass
class Delay:
    """Transfer rounds until a restriction was found (an accusation, or ``impaired``), and until its
    end was; ``None``: never. ``accused``: it was an accusation at once."""

    platform: str
    effect: Effect
    found: float | None
    over: float | None
    accused: bool = False


@dataclass
class Impaired:
    """A time in which a platform was called ``impaired``: ``words`` say of what and when,
    ``seconds`` how long, and ``after`` for how long when all was over that had been on when it
    began (0: some still was)."""

    words: str
    rule: str
    seconds: float
    after: float


@dataclass
class Report:
    """Of one piece of work."""

    line: str
    days: float = 0.0
    which: str = ""
    dense: float = 1.0
    impaired: list[Impaired] = field(default_factory=list)
    rounds: int = 0
    bursts: int = 0
    bursts_refused: int = 0
    round_bytes: int = 0
    burst_bytes: int = 0
    throttled: int = 0
    blocked: int = 0
    accused_rounds: int = 0
    alarms: list[str] = field(default_factory=list)
    said: dict[str, int] = field(default_factory=dict)
    delays: list[Delay] = field(default_factory=list)


def print_reports(names: Sequence[str], reports: Sequence[Report]) -> bool:
    """Print both tables; whether the criteria hold."""
    console = Console(width=150)
    fine = True
    for which in dict.fromkeys(r.which for r in reports if r.days):
        own = [r for r in reports if r.days and r.which == which]
        fine = _print_alarms(console, names, own) and fine
        console.print()
    return _print_delays(console, names, reports) and fine


def _per_year(count: int, years: float) -> str:
    low, high = interval(count)
    return f"{count / years:.2f} ({low / years:.2f} to {high / years:.2f})"


def _print_alarms(console: Console, names: Sequence[str], reports: Sequence[Report]) -> bool:
    dense = reports[0].dense
    title = f"Nobody restricts anything: {reports[0].which}"
    if dense != 1.0:
        title += f"; what is rare comes {dense:g} times as often, and years are years of that"
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("line", "years", "days played", "throttled", "blocked"):
        table.add_column(heading)
    table.add_column("accused a year (95 %)")
    for heading in ("impaired a year", "minutes of it"):
        table.add_column(heading, justify="right")
    for heading in ("suspicious rounds", "bursts/day", "refused/day", "MB/day", "of it bursts"):
        table.add_column(heading, justify="right")
    for name in (*names, "all"):
        own = [r for r in reports if name in (r.line, "all")]
        if not own:
            continue
        days = sum(r.days for r in own)
        years = dense * days / YEAR
        rounds = sum(r.rounds for r in own)
        impaired = [one for r in own for one in r.impaired]
        count = sum(r.throttled + r.blocked for r in own)
        suspicious = sum(n for r in own for key, n in r.said.items() if "suspected" in key)
        table.add_row(
            name,
            f"{years:.2f}",
            f"{days:.0f}",
            str(sum(r.throttled for r in own)),
            str(sum(r.blocked for r in own)),
            _per_year(count, years),
            f"{len(impaired) / years:.1f}",
            f"{sum(one.seconds for one in impaired) / 60.0 / years:.0f}",
            f"{suspicious / rounds:.2%}",
            f"{sum(r.bursts for r in own) / days:.1f}",
            f"{sum(r.bursts_refused for r in own) / days:.1f}",
            f"{sum(r.round_bytes + r.burst_bytes for r in own) / days / 1e6:.0f}",
            f"{sum(r.burst_bytes for r in own) / days / 1e6:.1f}",
        )
    console.print(table)
    for report in reports:
        for alarm in report.alarms:
            console.print(f"  ALARM {alarm}", highlight=False)
    _print_impaired(console, [one for r in reports for one in r.impaired])
    said: dict[str, int] = {}
    for report in reports:
        for key, number in report.said.items():
            said[key] = said.get(key, 0) + number
    total = sum(said.values())
    shares = (f"{key} {n / total:.2%}" for key, n in sorted(said.items(), key=lambda x: -x[1]))
    console.print("said: " + ", ".join(shares), highlight=False)
    years = dense * sum(r.days for r in reports) / YEAR
    return sum(r.throttled + r.blocked for r in reports) <= MOST_PER_YEAR * years


def _print_impaired(console: Console, found: Sequence[Impaired]) -> None:
    """By rule, and each that was still said long after all that could be its cause."""
    by_rule: dict[str, list[Impaired]] = {}
    for one in found:
        by_rule.setdefault(one.rule, []).append(one)
    for rule, some in by_rule.items():
        hours = sum(one.seconds for one in some) / 3_600.0
        console.print(f"{rule}: {len(some)} times, {hours:.1f} hours", highlight=False)
    for one in found:
        if one.after > LINGERS_SECONDS:
            console.print(f"  LINGERS {one.words}", highlight=False)


def quantile(values: Sequence[float | None], share: float) -> float | None:
    """``None`` (never) sorts last."""
    ordered = sorted(values, key=lambda v: float("inf") if v is None else v)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def words(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f}"


def most_rounds(factor: float, line: str) -> float | None:
    """What the median must not exceed; ``None``: nothing is asked."""
    fixed = line in ("fibre", "cable", "dsl")
    if factor >= 10.0:
        return 2.0
    return 4.0 if factor >= (3.0 if fixed else 5.0) else None


def _print_delays(console: Console, names: Sequence[str], reports: Sequence[Report]) -> bool:
    delays = [(r.line, d) for r in reports for d in r.delays]
    if not delays:
        return True
    fine = _print_medians(console, names, delays)
    console.print()
    _print_each(console, names, delays)
    return fine


def _print_medians(
    console: Console, names: Sequence[str], delays: Sequence[tuple[str, Delay]]
) -> bool:
    """By line and factor, over every effect, trigger and platform: what is asked for; whether it
    holds everywhere."""
    table = Table(
        title="Transfer rounds until it is said, and until its end is said (median, p90)",
        title_justify="left",
        box=None,
    )
    for heading in ("line", "factor", "n", "found", "of them", "accused", "over", "asked"):
        table.add_column(heading)
    fine = True
    for name in names:
        for factor in sorted({d.effect.factor for _, d in delays}):
            own = [d for line, d in delays if line == name and d.effect.factor == factor]
            if not own:
                continue
            most = most_rounds(factor, name)
            holds = within(own, most)
            fine = fine and holds
            asked = "" if most is None else f"{most:.0f}{'' if holds else '  MISSED'}"
            table.add_row(name, f"{factor:.0f}", *_row(own), asked)
    console.print(table)
    return fine


def _print_each(
    console: Console, names: Sequence[str], delays: Sequence[tuple[str, Delay]]
) -> None:
    """The same by kind of effect; a few incidents each, so nothing is judged by it."""
    table = Table(title="The same, by kind of effect", title_justify="left", box=None)
    for heading in ("line", "how", "factor", "by", "swap", "n", "found", "of them"):
        table.add_column(heading)
    for heading in ("accused", "over"):
        table.add_column(heading)
    effects = list(dict.fromkeys(d.effect for _, d in delays))
    for name in names:
        for effect in effects:
            for swap in SWAPS:
                own = [
                    d
                    for line, d in delays
                    if line == name
                    and d.effect == effect
                    and SWAPS[d.platform != "youtube"] == swap
                ]
                if not own:
                    continue
                table.add_row(
                    name,
                    effect.how.value,
                    f"{effect.factor:.0f}",
                    "name" if effect.by_name or effect.how is How.HANDSHAKE else "address",
                    swap,
                    *_row(own),
                )
    console.print(table)


def within(own: Sequence[Delay], most: float | None) -> bool:
    """Whether the medians are no later than ``most`` rounds, and than four for the end."""
    if most is None:
        return True
    found = quantile([d.found for d in own], 0.5)
    over = [d.over for d in own if d.found is not None]
    ended = quantile(over, 0.5) if over else 0.0
    return found is not None and found <= most and ended is not None and ended <= MOST_OVER


def _row(own: Sequence[Delay]) -> tuple[str, str, str, str, str]:
    found = [d.found for d in own]
    over = [d.over for d in own if d.found is not None]
    return (
        str(len(own)),
        f"{words(quantile(found, 0.5))}, {words(quantile(found, 0.9))}",
        f"{sum(f is not None for f in found)}",
        f"{sum(d.accused for d in own)}",
        f"{words(quantile(over, 0.5))}, {words(quantile(over, 0.9))}" if over else "",
    )
