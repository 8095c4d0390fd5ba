"""Why a verdict was given: the square with its numbers, and the rule that spoke."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from msgspec.structs import replace
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from probe.config.probers import goes_up
from probe.model.identity import Compares, LegRole, RoundKind
from probe.model.observation import LegObservation, RoundObservation
from probe.model.stored import StoredRound
from probe.model.verdict import TransportFinding, Verdict
from probe.observe.goodput import goodput, handshake_seconds
from probe.observe.sent_body import as_carried
from probe.publish.languages.tongue import ENGLISH_TONGUE, Tongue
from probe.publish.plain_words import evidence_words, failure_words, rate_words, unread_words
from probe.verdict.ladder.ladder import RULES
from probe.verdict.words.words_cache import cache_words
from probe.verdict.words.words_curtain import curtain
from probe.verdict.words.words_law import law_words

_CORNERS = (
    ("platform's name", LegRole.TARGET, LegRole.DECOY),
    ("neutral name", LegRole.SWAP, LegRole.CONTROL),
)


# How the above is read, for who sees it for the first time.
LEGEND = (
    "Letters are legs, in the order in which they were made: t is the target (the platform "
    "itself), s the swap (a neutral name at the platform's server), c a control (a site that "
    "nobody has a reason to slow down), d the decoy (the platform's name at a neutral server).",
    "Goodput is body bytes per second from the request to the last byte. Handshake time is TCP "
    "connect plus TLS.",
    "Of a slowdown ratio 1 is as usual, and 2 is twice as long as the controls or the swap of the "
    "same round let expect.",
)
# A bet's winnings beyond this tell a person nothing more.
_MOST_EVIDENCE = 1e6


def explain(
    console: Console, rounds: Sequence[StoredRound], tongue: Tongue = ENGLISH_TONGUE
) -> None:
    """Print how the last of ``rounds`` (one ordinary round and its bursts, in order) was judged;
    in ``tongue`` what there are words for: tables and rules are English."""
    for stored in rounds:
        observed = stored.observed
        console.print(_title(observed), highlight=False)
        if observed.legs:
            console.print(Padding(_square(observed), (0, 0, 1, 2), expand=False))
        for prober in sorted({leg.leg.prober for leg in observed.beside}):
            over = tuple(leg for leg in observed.beside if leg.leg.prober == prober)
            console.print(Text(f"  {_told_of(prober)}", "dim"))
            if goes_up(prober):
                over = tuple(as_carried(leg) or leg for leg in over)
            alone = replace(observed, legs=over, beside=())
            console.print(Padding(_square(alone), (0, 0, 1, 2), expand=False))
    verdict = rounds[-1].verdict
    for line in conclusion(verdict):
        console.print(tongue.plain(line), highlight=False)
    console.print()
    for line in LEGEND:
        console.print(tongue.plain(line), style="dim", highlight=False)


def conclusion(verdict: Verdict) -> list[str]:
    """The rule, the numbers it looked at, and what may be claimed, a line each."""
    rule = next((rule for rule in RULES if rule.id == verdict.rule_id), None)
    lines = [
        verdict.sentence,
        f"rule {verdict.rule_id} (rules version {verdict.rules_version})"
        + (f": {rule.why}" if rule is not None else ""),
    ]
    lines += [f"on this line: {curtain(one)}" for one in verdict.curtains]
    if verdict.e_value is not None:
        bets = verdict.e_value
        evidence = evidence_words(bets) if bets <= _MOST_EVIDENCE else "more than 1,000,000"
        lines.append(f"evidence of the sequential test: {evidence} (1 is none)")
    for entry in verdict.evidence:
        beside = "" if entry.reference is None else f" ({_number(entry.reference)})"
        versus = f" versus {entry.versus}{beside}" if entry.versus else ""
        lines.append(f"  {entry.subject}: {entry.name} {_number(entry.value)}{versus}")
    if verdict.viewers_cache is not None:
        lines.append(cache_words(verdict.viewers_cache))
    if verdict.law is not None:
        lines.append(law_words(verdict.law))
    lines += [unread_words(one) for one in verdict.unread]
    for title, claims in (("may be said", verdict.may_claim), ("not", verdict.may_not_claim)):
        lines += [f"{title}: {claim}" for claim in claims]
    for one in verdict.over:
        lines += _over(one)
    if verdict.tls_stack:
        lines.append(f"this client's TLS: {verdict.tls_stack}")
    return lines


def _number(value: float) -> str:
    """To three digits, without powers of ten, which few people read."""
    return f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 1_000.0 else f"{value:.3g}"


def _over(found: TransportFinding) -> list[str]:
    """What was found over another transport, and by which numbers."""
    bets = found.e_value
    evidence = "" if bets is None else f", evidence of its own test {evidence_words(bets)}"
    reason = f" ({found.reason})" if found.reason else ""
    lines = [f"{_told_of(found.transport)}: {found.state}{reason}, rule {found.rule_id}{evidence}"]
    lines.append(f"  {found.sentence}")
    for entry in found.evidence:
        versus = f" versus {entry.versus}" if entry.versus else ""
        lines.append(f"  {entry.subject}: {entry.name} {_number(entry.value)}{versus}")
    if found.law is not None:
        lines.append(law_words(found.law))
    return lines


def _told_of(prober: str) -> str:
    return "for uploads" if goes_up(prober) else f"over {prober}"


def _title(observed: RoundObservation) -> str:
    words = f"{observed.kind.value} round"
    if observed.burst is not None and (tried := observed.burst.experiment) is not None:
        words = f"experiment on {observed.burst.target} ({tried.trial})"
    if observed.kind is RoundKind.BURST and observed.burst is not None:
        words = f"burst of {observed.burst.target}, {len(observed.every_leg)} legs in random order"
        if observed.burst.over:
            words += f" {_told_of(observed.burst.over)}"
        others = [name for name in observed.burst.joint if name != observed.platform]
        if others:
            words += f" with those of {', '.join(others)}"
    return f"{observed.platform} from {observed.vantage}, {words}: {_order(observed)}"


def _order(observed: RoundObservation) -> str:
    """The order of the legs, a letter each: t(arget), s(wap), c(ontrol), d(ecoy)."""
    legs = observed.legs or observed.beside
    return "".join(leg.leg.role.value[0] for leg in legs)


def _square(observed: RoundObservation) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("", "platform's address", "neutral address"):
        table.add_column(heading)
    for name, at_platform, at_neutral in _CORNERS:
        table.add_row(
            Text(name, "dim"), _corner(observed, at_platform), _corner(observed, at_neutral)
        )
    return table


def _corner(observed: RoundObservation, role: LegRole) -> str:
    legs = observed.by_role(role)
    if not legs:
        return "not measured"
    groups: dict[str, list[LegObservation]] = {}
    for leg in legs:
        name = leg.leg.owner if role is LegRole.CONTROL else leg.leg.target
        groups.setdefault(name, []).append(leg)
    return "\n".join(f"{name}: {_numbers(group)}" for name, group in groups.items())


def _numbers(legs: Sequence[LegObservation]) -> str:
    """The middle one of several legs' numbers, and how many failed."""
    parts = []
    rates = [rate for leg in legs if (rate := goodput(leg)) is not None]
    times = [time for leg in legs if (time := handshake_seconds(leg)) is not None]
    if times:
        parts.append(f"handshake {median(times) * 1_000.0:.0f} ms")
    if rates and any(leg.leg.compares is Compares.GOODPUT for leg in legs):
        parts.append(rate_words(median(rates)))
    failed = [leg for leg in legs if not leg.ok]
    if failed:
        of = f"{len(failed)} of {len(legs)}: " if len(legs) > 1 else ""
        parts.append(of + failure_words(failed[0]))
    return ", ".join(parts)
