"""What happened, in sentences that a person can check against the pictures.

Every sentence is made of numbers that were gathered; none says who did something or why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from probe.model.identity import LegRole, Role
from probe.model.law import Law
from probe.model.verdict import State
from probe.nation.finding_words import when_over
from probe.publish.plain_words import rate_words
from probe.publish.report.ailing import ailing, of_the_time, which
from probe.publish.report.borne import borne, not_borne
from probe.publish.report.curtained import told_of_curtains
from probe.publish.report.measured_beside import told_of_controls, told_of_swaps
from probe.publish.report.report_parts import (
    BeforeAndDuring,
    Episode,
    Gathered,
    Setting,
    Window,
)
from probe.publish.report.same_hours import HitTimes, joined, told_of_others
from probe.publish.report.times import TimeWriter, duration, lasted, listed
from probe.publish.report.told_of_normals import told_of_normals
from probe.publish.report.told_of_transports import apart, told_of_transports
from probe.verdict.words.words_law import law_words
from probe.verdict.words.words_numbers import times as times_words

# Restrictions that are nearer to each other, at whichever vantages, are told as one.
_ONE_TIME_SECONDS = 3_600.0
_PHOTO_BYTES = 1_000_000.0

_SIGNATURES = {
    "policer": "a fixed ceiling above which packets are dropped (a policer)",
    "shaper": "a fixed rate at which packets queue (a shaper)",
    "loss": "added packet loss",
    "delay": "added delay",
    "cutoff": "transfers that are cut off after some bytes",
}


class Tile(Struct, frozen=True):
    """One number that says most, and of what."""

    number: str
    of: str


class Story(Struct, frozen=True, kw_only=True):
    """The report's words: a headline, sentences, tiles; ``worst`` is what the main plot shows;
    ``laws``: how a throttle works, and whose it is."""

    headline: str
    sentences: tuple[str, ...]
    tiles: tuple[Tile, ...]
    worst: Episode | None
    may: tuple[str, ...]
    may_not: tuple[str, ...]
    laws: tuple[tuple[str, str], ...] = ()


def tell(gathered: Gathered, setting: Setting, clock: TimeWriter) -> Story:
    """The story of what was gathered. All its moments are of ``clock``."""
    told = _told(gathered, setting, clock)
    return replace(
        told,
        sentences=tuple(map(clock.retold, told.sentences)),
        may=tuple(map(clock.retold, told.may)),
        may_not=tuple(map(clock.retold, told.may_not)),
        laws=tuple((whose, clock.retold(words)) for whose, words in told.laws),
    )


def _told(gathered: Gathered, setting: Setting, clock: TimeWriter) -> Story:
    episodes = gathered.episodes
    if not episodes:
        return _calm(gathered, setting, clock)
    first = min(e.since for e in episodes)
    times = _times(episodes, gathered.window)
    often = f"{_often(len(times))}, " if len(times) > 1 else ""
    worst = max(episodes, key=lambda e: (e.onset is not None, _slower(e), e.rounds))
    titles = _titles(episodes, setting)
    verb = _verb(episodes)
    sentences = [
        f"{titles} {'was' if len(_names(episodes)) == 1 else 'were'} {verb} "
        f"{_where(episodes, gathered, setting)}. {_when(times, episodes, gathered.window, clock)}",
        *_speed(worst, setting),
        *told_of_controls(episodes, setting),
        *told_of_swaps(episodes, setting),
        *told_of_others(gathered, setting),
        *ailing(gathered, setting, clock),
        *told_of_transports(gathered, setting, clock),
        *told_of_curtains(gathered, clock),
        *told_of_normals(gathered, setting, clock),
        *(when_over(incident, clock.moment) for incident in setting.incidents),
    ]
    return Story(
        headline=f"{titles}: {verb} {_place({e.vantage for e in episodes}, setting)}, "
        f"{often}{_days(first, max(e.ends(gathered.window) for e in episodes), clock)}",
        sentences=tuple(sentences),
        tiles=_tiles(worst, gathered, setting, times),
        worst=worst,
        may=borne(episodes),
        may_not=not_borne(episodes, setting),
        laws=_laws(episodes, setting),
    )


def _laws(episodes: Sequence[Episode], setting: Setting) -> tuple[tuple[str, str], ...]:
    """How the throttle of each platform works, by the episode whose law rests on most reads."""
    most: dict[str, tuple[Episode, Law]] = {}
    for episode in episodes:
        law, known = episode.law, most.get(episode.platform)
        if law is not None and (known is None or law.reads > known[1].reads):
            most[episode.platform] = (episode, law)
    return tuple(
        (f"{setting.title(episode.platform)}, {episode.vantage}", law_words(law))
        for episode, law in most.values()
    )


def _times(episodes: Sequence[Episode], over: Window) -> HitTimes:
    """From when to when it was, wherever it was; what is close together is one time."""
    return joined(((e.since, e.ends(over)) for e in episodes), _ONE_TIME_SECONDS)


def _whole(times: HitTimes) -> str:
    """How long, as whoever adds up the times that are shown finds it."""
    return duration(sum(lasted(start, end) for start, end in times))


def _often(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _when(times: HitTimes, episodes: Sequence[Episode], over: Window, clock: TimeWriter) -> str:
    first, last = clock.moment(times[0][0]), clock.moment(times[-1][1])
    whole, going_on = _whole(times), [e for e in episodes if e.until is None]
    unsure = "" if _end_known(episodes) else "; what was after that is not known"
    open_end = "had not ended when this report was made"
    if going_on and all(e.is_lost(over) for e in going_on):
        open_end += f", as far as is known: it was last seen on {last}, and not measured since"
    if len(times) == 1:
        said = f"The effect was first seen on {first}, and "
        if going_on:
            return f"{said}{open_end}: {whole} until then."
        return f"{said}lasted until {last}: {whole} in all{unsure}."
    said = f"The effect was seen {_often(len(times))}, first on {first}"
    if going_on:
        return f"{said}; the last time {open_end}. {whole} in all until then."
    return f"{said}, last on {clock.moment(times[-1][0])}, until {last}: {whole} in all{unsure}."


def _end_known(episodes: Sequence[Episode]) -> bool:
    """Whether the last of them was seen to end."""
    ended = [e for e in episodes if e.until is not None]
    last = max((e.until or 0.0 for e in ended), default=0.0)
    return all(e.end_known for e in ended if e.until == last)


def _calm(gathered: Gathered, setting: Setting, clock: TimeWriter) -> Story:
    over = gathered.window
    if not gathered.rounds:
        said = "No round is in the history of this time: nothing can be said about it."
        return Story(
            headline=f"No measurements, {_days(over.start, over.end, clock)}",
            sentences=(said,), tiles=(), worst=None, may=(), may_not=(),
        )  # fmt: skip
    size = f"{gathered.tested_bytes // 1024} KiB" if gathered.tested_bytes else "some"
    inside = _inside(gathered, setting)
    fine, unproven = of_the_time(gathered, inside)
    impaired = which(gathered, setting)
    only = apart(gathered, setting)
    if impaired:
        headline = f"{impaired}: slow or failing, nobody knows whether only"
    elif fine > 0.0:
        headline = f"No throttling or blocking seen{only}"
    else:
        headline = "Not known whether anything was throttled or blocked"
    judged = (
        f"Each platform was fine for {fine:.0%} of the time on average; the rest was not measured, "
        "or could not be judged."
    )
    return Story(
        headline=f"{headline} {_place(inside, setting)}, {_days(over.start, over.end, clock)}",
        sentences=(
            *ailing(gathered, setting, clock),
            *told_of_transports(gathered, setting, clock),
            *told_of_curtains(gathered, clock),
            *told_of_normals(gathered, setting, clock),
            f"In {gathered.rounds:,} rounds no platform was found throttled or blocked{only}. "
            f"{judged}",
            *(
                f"{setting.title(platform)} was suspected for up to {duration(seconds)} at one "
                "vantage or could not be judged, and nothing was proven."
                for platform, seconds in unproven.items()
            ),
            f"Reads were of at most {size} each: what begins only after more bytes, or spares "
            "these vantages, was not seen.",
        ),
        tiles=(
            Tile(f"{gathered.rounds:,}", "rounds measured"),
            Tile(str(len({v for v, _ in gathered.slots})), "vantages"),
        ),
        worst=None,
        may=(),
        may_not=(),
    )


def _names(episodes: Sequence[Episode]) -> list[str]:
    return list(dict.fromkeys(e.platform for e in episodes))


def _titles(episodes: Sequence[Episode], setting: Setting) -> str:
    order = list(setting.titles)
    names = sorted(_names(episodes), key=lambda n: order.index(n) if n in order else len(order))
    return listed([setting.title(name) for name in names])


def _verb(episodes: Sequence[Episode]) -> str:
    states = {e.state for e in episodes}
    if states == {State.BLOCKED}:
        return "blocked"
    return "slowed down" if states == {State.THROTTLED} else "slowed down or blocked"


def _place(vantages: Iterable[str], setting: Setting) -> str:
    """On what: networks, if it is said which; else lines. A country is no more than where they are:
    what is so in a country is a finding's to say."""
    if setting.country == "ZZ":
        return "on the measured networks"
    names = set(vantages)
    networks = {setting.vantage(name).asn for name in names}
    count, what = (len(names), "line") if None in networks else (len(networks), "network")
    return f"on {count} {what}{'s' * (count != 1)} in {setting.country}"


def _days(start: float, end: float, clock: TimeWriter) -> str:
    first, last = clock.day(start), clock.day(end - 1.0)
    return first if first == last else f"{first} to {last}"


def _where(episodes: Sequence[Episode], gathered: Gathered, setting: Setting) -> str:
    hit = list(dict.fromkeys(e.vantage for e in episodes))
    inside = _inside(gathered, setting)
    networks = sorted({f"AS{a}" for v in hit if (a := setting.vantage(v).asn) is not None})
    place = "" if setting.country == "ZZ" else f" in {setting.country}"
    named = f" ({listed(networks)})" if networks else ""
    return f"at {len(hit)} of {len(inside)} vantage{'s' * (len(inside) > 1)}{place}{named}"


def _inside(gathered: Gathered, setting: Setting) -> set[str]:
    hit = {e.vantage for e in gathered.episodes}
    return hit | {v for v, _ in gathered.slots if setting.vantage(v).role is Role.INSIDE}


def _slower(episode: Episode) -> float:
    """By how many times its verdicts said that it was slowed: a report has no factor of its own, as
    the plain ratio of two rates leaves out what the line and the distance explain."""
    return episode.factor or 0.0


def _speed(worst: Episode, setting: Setting) -> list[str]:
    target, title = worst.of(LegRole.TARGET), setting.title(worst.platform)
    said = []
    worst_was = f"Worst was {title} from {worst.vantage}: "
    if target.usual and target.during and target.during >= target.usual:
        # The whole line was slower before, so that "usual" is no measure of what was taken.
        if by_verdicts := _by_verdicts(worst):
            said.append(worst_was + by_verdicts[0].lower() + by_verdicts[1:].rstrip())
    elif target.usual and target.during:
        said.append(
            f"{worst_was}reads that usually ran at "
            f"{rate_words(target.usual)} ran at {rate_words(target.during)} (medians). "
            f"{_by_verdicts(worst)}A photo of 1 MB then takes "
            f"{_wait(_PHOTO_BYTES / target.during)} instead of "
            f"{_wait(_PHOTO_BYTES / target.usual)}."
        )
    if worst.signature in _SIGNATURES:
        said.append(f"The way it was slowed looks like {_SIGNATURES[worst.signature]}.")
    if worst.method:
        said.append(f"Connections failed at the layer of {worst.method.upper()}.")
    return said


def _by_verdicts(worst: Episode) -> str:
    if worst.factor is None:
        return ""
    return f"Its verdicts said that it took {times_words(worst.factor)} as long (median). "


def _wait(seconds: float) -> str:
    return duration(seconds) if seconds >= 1.0 else "less than a second"


def _ratios(episodes: Sequence[Episode], role: LegRole) -> list[float]:
    return [r for e in episodes if (r := e.of(role).ratio) is not None]


def _tiles(
    worst: Episode,
    gathered: Gathered,
    setting: Setting,
    times: HitTimes,
) -> tuple[Tile, ...]:
    episodes = gathered.episodes
    # Of one that was lost sight of nobody knows it.
    going_on = any(e.until is None and not e.is_lost(gathered.window) for e in episodes)
    hit = {e.vantage for e in episodes}
    tiles = []
    if _slower(worst) > 1.0:
        tiles.append(Tile(times_words(_slower(worst)), "as long at worst, by its verdicts"))
    if len(times) > 1:
        said = f"in all, {_often(len(times))}" + (", and going on" if going_on else "")
    else:
        said = "and going on" if going_on else "from first to last"
    tiles.append(Tile(_whole(times), said))
    inside = _inside(gathered, setting)
    tiles.append(Tile(f"{len(hit)} of {len(inside)}", "vantages inside affected"))
    control = _ratios(episodes, LegRole.CONTROL)
    if control:
        tiles.append(Tile(f"{median(control):.0%}", "of usual speed: the controls"))
    return tuple(tiles)


def numbers_words(numbers: BeforeAndDuring, measure: str) -> str:
    """``820 kB/s before, 15.5 kB/s during``."""
    return f"{value_words(numbers.usual, measure)} → {value_words(numbers.during, measure)}"


def value_words(value: float | None, measure: str) -> str:
    """A number with its unit, or a dash."""
    if value is None:
        return "-"
    if measure == "goodput":
        return rate_words(value)
    return f"{value * 1_000.0:.0f} ms" if value < 0.9995 else f"{value:.2f} s"
