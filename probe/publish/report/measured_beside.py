"""What was measured beside a restricted platform in the same rounds: controls, and another name at
the same servers. Each sentence is made of numbers of those rounds, or says that there are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from probe.model.identity import LegRole
from probe.model.verdict import State
from probe.publish.plain_words import rate_words
from probe.publish.report.report_parts import BeforeAndDuring, Episode, Setting
from probe.publish.report.times import listed

# What is this near to its usual speed is called unchanged.
UNCHANGED = (0.7, 1.4)


def told_of_controls(episodes: Sequence[Episode], setting: Setting) -> list[str]:
    """How fast the controls were in the same rounds."""
    rated = [(one, one.of(LegRole.CONTROL)) for one in episodes]
    known = [(one, ratio) for one, found in rated if (ratio := found.ratio) is not None]
    same = [(one, ratio) for one, ratio in known if ratio >= UNCHANGED[0]]
    slower = [(one, ratio) for one, ratio in known if ratio < UNCHANGED[0]]
    only = [(one, n.during) for one, n in rated if n.ratio is None and n.during is not None]
    none = [one for one, n in rated if n.during is None]
    head = "The controls, which nobody has a reason to slow down, were measured in the same rounds "
    said = []
    if same:
        share = median(ratio for _, ratio in same)
        where = _vantages(one for one, _ in same) if slower else ""
        said.append(f"{head}and {_kept(share)}{where} ({share:.0%} of their usual speed).")
    if slower:
        share = median(ratio for _, ratio in slower)
        where = _vantages(one for one, _ in slower) if same else ""
        said.append(
            f"{head}and ran at {share:.0%} of their usual speed{where}: the lines themselves "
            "changed too."
        )
    if only:
        rate = median(during for _, during in only)
        where = _vantages(one for one, _ in only)
        said.append(
            f"The controls ran at {rate_words(rate)} in the same rounds{where}; how fast they "
            "usually are is not known."
        )
    if none:
        said.append(
            f"No control's body was read in the rounds of {_titles(none, setting)}"
            f"{_vantages(none)}, so their speed is not compared."
        )
    return said


def told_of_swaps(episodes: Sequence[Episode], setting: Setting) -> list[str]:
    """How the same servers were under another name."""
    groups: dict[str, list[Episode]] = {}
    for one in episodes:
        groups.setdefault(_swap(one), []).append(one)
    # Where all are alike, it is said of all.
    alone = len(groups) == 1
    said = []
    for what, found in sorted(groups.items()):
        of = "" if alone else f" of {_titles(found, setting)}"
        ratios = [ratio for one in found if (ratio := one.of(LegRole.SWAP).ratio) is not None]
        if what == "fast":
            share = median(ratios)
            said.append(
                f"The same servers{of}, asked under another name over the same path, "
                f"{_kept(share)} ({share:.0%}). This is consistent with a restriction "
                "that acts on the platform's name as it passes through the network, and not with a "
                "slow platform."
            )
        elif what == "slow":
            said.append(
                f"The same servers{of} were slow under another name too ({median(ratios):.0%} of "
                "what was usual). This is consistent with a restriction by address, and with a "
                "platform whose servers are slow."
            )
        elif what == "no usual":
            numbers = listed([_rates(one) for one in found[:3]])
            said.append(
                f"The same servers{of} were asked under another name in the same rounds: {numbers}."
                " How fast they usually are under it is not known."
            )
        elif what == "answered":
            said.append(
                f"The same servers{of} answered under another name in the same rounds, over the "
                "same path. This is consistent with a block that acts on the platform's name."
            )
        elif what == "failed":
            count = sum(one.swaps for one in found)
            said.append(
                f"Under another name the same servers{of} gave nothing either ({count} exchanges "
                "failed). This is consistent with a restriction by address, and with a platform "
                "whose servers fail."
            )
        elif what == "handshakes":
            said.append(
                f"The same servers{of} were asked under another name for handshakes only, so it is "
                "not known whether the name or the address sets it off that reads are slow."
            )
        else:
            said.append(
                f"No other name was sent to the same servers{of} in these rounds, so it is not "
                "known whether the name or the address sets it off."
            )
    return said


def _kept(share: float) -> str:
    """What is not slower than before, by its share of the usual speed."""
    return "stayed as fast as before" if share <= UNCHANGED[1] else "were faster than before"


def _swap(episode: Episode) -> str:
    """What is known of the swap in the episode's rounds."""
    reads, handshakes = episode.of(LegRole.SWAP), episode.of(LegRole.SWAP, "handshake")
    if reads.ratio is not None:
        return "fast" if reads.ratio >= UNCHANGED[0] else "slow"
    if reads.during is not None:
        return "no usual"
    if handshakes.during is not None:
        return "answered" if episode.state is State.BLOCKED else "handshakes"
    return "failed" if episode.swaps else "none"


def _rates(episode: Episode) -> str:
    target, swap = episode.of(LegRole.TARGET), episode.of(LegRole.SWAP)
    return f"{_rate(target)} under its own, {_rate(swap)} under the other at {episode.vantage}"


def _rate(numbers: BeforeAndDuring) -> str:
    return "nothing read" if numbers.during is None else rate_words(numbers.during)


def _titles(episodes: Iterable[Episode], setting: Setting) -> str:
    return listed(list(dict.fromkeys(setting.title(one.platform) for one in episodes)))


def _vantages(episodes: Iterable[Episode]) -> str:
    return f" at {listed(sorted({one.vantage for one in episodes}))}"
