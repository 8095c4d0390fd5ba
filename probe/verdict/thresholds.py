"""Every number that the verdict depends on, in one place. docs/method.md gives the reasons."""

from __future__ import annotations

from math import log

from msgspec import Struct


class Thresholds(Struct, frozen=True, kw_only=True):
    """Ratios are of efforts (times); logarithms are natural.

    ``margin``: the claim is "slowed by more than this factor". ``evidence``: the e-value at which
    the sequential test speaks; the expected number of bursts between two false alarms of a line
    alone is at least this (Shin, Ramdas, Rinaldo, arXiv:2203.03532, theorem 2.4: an e-detector
    stopped at 1/alpha has an average run length of at least 1/alpha). ``address_evidence``: what
    each of two addresses must bear by itself. ``recovery_evidence``: the same test turned round.
    ``often_evidence``: the same for the share of suspicious rounds; a vantage has some 3,000 a day,
    over all its targets and measures, so a year's rounds at least between two false ones.
    ``bursts_per_round``: the most that follow one round. ``contradiction``: an ordinary round whose
    target is slower by no more than this factor ends a suspicion. ``no_baseline``: how much slower
    than its controls a target may be for honest reasons before its own history is known;
    ``no_swap_baseline`` the same towards a swap, which is the same server over the same path.
    ``degraded``: how much slower than its own history a line is called degraded.
    ``path_rtt``: the factor by which a round-trip time must differ from its history to count as
    another path. ``one_address_seconds``: how long an effect at the only address that a name has
    must last before a reference's word on it accuses anybody (edge effects last up to six hours, as
    far as we simulate them), and ``impaired_seconds`` before it is told at all;
    ``plain_seconds`` and ``plain_rounds`` (three, five minutes apart) if it is
    slower than ``plainly`` (a factor).
    ``together_seconds``: how far apart effects on platforms of different operators may be seen
    first to count as one: a transfer round of the default cadence and a third.
    ``settle_seconds``: so long after an onset a
    reference must have looked to vouch for the platform (outages reach places one after the other),
    and ``recanted_seconds`` after the last time that one found it failing or slow.
    """

    margin: float = 2.0
    evidence: float = 20_000.0
    address_evidence: float = 100.0
    recovery_evidence: float = 50.0
    often_evidence: float = 1_000_000.0
    bursts_per_round: int = 6
    rounds: int = 2
    contradiction: float = 1.5
    no_baseline: float = 4.0
    no_swap_baseline: float = 2.0
    degraded: float = 2.0
    degraded_rounds: int = 2
    path_rtt: float = 1.5
    path_rounds: int = 6
    line_rounds: int = 24
    one_address_seconds: float = 23_400.0
    impaired_seconds: float = 3_600.0
    plainly: float = 4.0
    plain_rounds: int = 3
    plain_seconds: float = 600.0
    together_seconds: float = 1_200.0
    settle_seconds: float = 300.0
    recanted_seconds: float = 3_600.0

    @property
    def log_margin(self) -> float:
        """The margin as a difference of logarithms."""
        return log(self.margin)


DEFAULT = Thresholds()
