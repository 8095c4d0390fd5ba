"""The ladder: rules in their order; the first that holds speaks.

``VERSION`` changes whenever a rule is added, removed, moved, or means something else; every verdict
carries it with the id of its rule, so that stored verdicts stay readable.
"""

from __future__ import annotations

from probe.model.verdict import CURTAIN, NEAR_HERE, OWN_HOST, Method, State, Trigger
from probe.verdict.basis.certificate_dates import Fault
from probe.verdict.ladder.facts import OUT_OF_BUDGET, SLOW_OUTSIDE, Elsewhere, Facts, Suspicion
from probe.verdict.ladder.rule import Rule
from probe.verdict.ladder.rung_conditions import (
    behind_a_curtain,
    blocked,
    dates,
    fails_elsewhere,
    impaired,
    loses_packets,
    no_news,
    nothing_answers,
    out_of_budget,
    restricted,
    suspicion,
    throttled,
)
from probe.verdict.line.families import NoNews
from probe.verdict.line.lossy import LOSSY
from probe.verdict.line.reads_stop import READS_STOP
from probe.verdict.normal.before import BEFORE
from probe.verdict.remembered.apart import Led
from probe.verdict.words import (
    proven_words,
    words,
    words_beside,
    words_line,
    words_often,
    words_outside,
)

VERSION = 60


RULES: tuple[Rule, ...] = (
    Rule(
        id="unknown.clock-stepped",
        state=State.UNKNOWN,
        reason="clock_stepped",
        why="Times of a round in which the clock was set mean nothing.",
        holds=lambda f: f.clock_stepped,
        says=lambda f: f"{f.title}: the clock was set during the round; nothing is concluded.",
    ),
    *(
        Rule(
            id=f"unknown.{one.replace('_', '-')}",
            state=State.UNKNOWN,
            reason=one.value,
            why="The round's address family says nothing of the platform, and no other one does.",
            holds=no_news(one),
            says=words_line.no_news,
        )
        for one in NoNews
    ),
    Rule(
        id="unknown.out-of-budget",
        state=State.UNKNOWN,
        reason=OUT_OF_BUDGET,
        why="Nothing was measured, or what would test a suspicion, to spare the line or the hosts.",
        holds=out_of_budget,
        says=words.unmeasured,
    ),
    *(
        Rule(
            id=f"unknown.{fault.value.replace('_', '-')}",
            state=State.UNKNOWN,
            reason=fault.value,
            why="A certificate is wrong in its dates alone, and this machine's clock is the cause.",
            holds=dates(fault),
            says=words_line.clock_wrong,
        )
        for fault in (Fault.BEHIND, Fault.AHEAD)
    ),
    Rule(
        id="offline.resolver",
        state=State.OFFLINE,
        reason="resolver_broken",
        why="No name resolves, but other resolvers answer: the host's own is broken.",
        holds=lambda f: bool(f.controls) and f.resolver_broken,
        says=words_line.resolver_broken,
    ),
    Rule(
        id="unknown.intercepted",
        state=State.UNKNOWN,
        reason="intercepted",
        why="Every site's certificate is made anew by one and the same untrusted box on this line.",
        holds=lambda f: bool(f.controls) and f.intercepted,
        says=words_line.intercepted,
    ),
    Rule(
        id="offline.portal",
        state=State.OFFLINE,
        reason="captive_portal",
        why="Something else answers in everybody's place: a portal that wants a login.",
        holds=lambda f: bool(f.controls) and not f.anything_answers and f.portal,
        says=words_line.portal,
    ),
    Rule(
        id="offline.cut-off",
        state=State.OFFLINE,
        reason="cut_off",
        why="Most sites fell silent with it, though some answer: the line, not the platform.",
        holds=lambda f: f.cut_off is not None,
        says=words_line.cut_off,
    ),
    Rule(
        id="offline.nothing-answers",
        state=State.OFFLINE,
        reason="nothing_answers",
        why="Neither the platform nor any control answers: the line, not the platform.",
        holds=nothing_answers,
        says=words_line.nothing_answers,
    ),
    Rule(
        id="degraded.reads-stop",
        state=State.DEGRADED,
        reason=READS_STOP,
        why="Reads of most sites stop as the platform's do: the line, not the platform.",
        holds=lambda f: f.reads_stop is not None,
        says=words_line.reads_stop,
    ),
    Rule(
        id="unknown.no-healthy-control",
        state=State.UNKNOWN,
        reason="no_healthy_control",
        why="Without a control that is well there is nothing to compare with.",
        holds=lambda f: bool(f.targets) and not f.healthy_controls + f.slow_controls,
        says=words_line.nothing_to_compare,
    ),
    Rule(
        id="down.server-error",
        state=State.DOWN,
        reason="server_error",
        why="A 5xx under a valid certificate, twice: nobody on the way can forge that.",
        holds=lambda f: f.errors and f.server_errors >= 2,
        says=words.server_errors,
    ),
    *(
        Rule(
            id=f"down.{fault.value.replace('_', '-')}",
            state=State.DOWN,
            reason=fault.value,
            why="Its certificate is right in all but its dates: nobody on the way can make that.",
            holds=dates(fault),
            says=words_line.misdated,
        )
        for fault in (Fault.EXPIRED, Fault.NOT_YET_VALID)
    ),
    Rule(
        id="down.outside",
        state=State.DOWN,
        reason="fails_outside",
        why="It fails at a vantage outside the country, where nobody is accused.",
        holds=lambda f: f.outside and f.proven is not None and f.proven.state is State.BLOCKED,
        says=words_outside.fails,
    ),
    Rule(
        id="unknown.slow-outside",
        state=State.UNKNOWN,
        reason=SLOW_OUTSIDE,
        why="It is slow at a vantage outside the country, where nobody is accused.",
        holds=lambda f: f.outside and (f.proven is not None or f.often is not None),
        says=words_outside.slow,
    ),
    Rule(
        id="down.elsewhere-too",
        state=State.DOWN,
        reason="fails_elsewhere_too",
        why="It fails from outside the country as well.",
        holds=fails_elsewhere,
        says=words_outside.fails_too,
    ),
    Rule(
        id="unknown.slow-elsewhere-too",
        state=State.UNKNOWN,
        reason="slow_elsewhere_too",
        why="It is slow from outside the country as well: its own servers are.",
        holds=lambda f: f.elsewhere is Elsewhere.SLOW and restricted(f),
        says=words_outside.slow_too,
    ),
    Rule(
        id="unknown.own-host",
        state=State.UNKNOWN,
        reason=OWN_HOST,
        why="The probe's own hosts file leads elsewhere: nobody on the way had a word in that.",
        holds=lambda f: f.led_by_ourselves(Led.OWN_FILE),
        says=words.own_host,
    ),
    Rule(
        id="unknown.own-lookup",
        state=State.UNKNOWN,
        reason="own_lookup",
        why="The host's resolver answers well when it is asked on the wire, or could not be asked.",
        holds=lambda f: f.led_by_ourselves(Led.OWN_LOOKUP),
        says=words.own_lookup,
    ),
    Rule(
        id="unknown.resolver-trouble",
        state=State.UNKNOWN,
        reason="resolver_trouble",
        why="The host's resolver leaves questions open, or something in the home does: no lie.",
        holds=lambda f: f.led_by_ourselves(Led.TROUBLE),
        says=words.resolver_trouble,
    ),
    *(
        Rule(
            id=f"blocked.{method}",
            state=State.BLOCKED,
            why=f"The target fails while controls are well, and the test has spoken ({method}).",
            holds=blocked(method),
            says=proven_words.blocked,
        )
        for method in Method
        if method is not Method.QUIC  # rules are blind to the transport (transports.py)
    ),
    *(
        Rule(
            id=f"throttled.{trigger}",
            state=State.THROTTLED,
            why=f"The target is slowed, controls are not, and the test has spoken ({trigger}).",
            holds=throttled(trigger),
            says=proven_words.throttled,
        )
        for trigger in Trigger
    ),
    Rule(
        id="withheld",
        state=State.WITHHELD,
        why="The platform itself says that it may not serve this here (451, RFC 7725).",
        holds=lambda f: bool(f.withholding),
        says=words.withheld,
    ),
    Rule(
        id="impaired.curtain",
        state=State.IMPAIRED,
        reason=CURTAIN,
        why="It is slow or fails here, and so do other sites of the network that it is in.",
        holds=behind_a_curtain,
        says=proven_words.behind_a_curtain,
    ),
    Rule(
        id="impaired.failing",
        state=State.IMPAIRED,
        why="It fails here while controls are well, and nothing rules out that it does everywhere.",
        holds=impaired(fails=True),
        says=proven_words.failing_here,
    ),
    Rule(
        id="impaired.slow",
        state=State.IMPAIRED,
        why="It is slow here while controls are not, and nothing rules out that it is everywhere.",
        holds=impaired(fails=False),
        says=proven_words.slow_here,
    ),
    Rule(
        id="impaired.often",
        state=State.IMPAIRED,
        reason=NEAR_HERE,
        why="It is suspicious in more rounds than in calm times, and than controls are.",
        holds=lambda f: f.often is not None,
        says=words_often.too_often,
    ),
    Rule(
        id="degraded.lossy",
        state=State.DEGRADED,
        reason=LOSSY,
        why="Packets of every site are lost: who was slow in a round had bad luck, most likely.",
        holds=lambda f: loses_packets(f) and not f.failing,
        says=words_line.lossy,
    ),
    Rule(
        id="unknown.path-changed",
        state=State.UNKNOWN,
        reason=Suspicion.PATH.value,
        why="The platform is as much farther away as it is slower: another edge, not throttling.",
        holds=suspicion(Suspicion.PATH),
        says=words_often.path_changed,
    ),
    Rule(
        id="unknown.one-edge",
        state=State.UNKNOWN,
        reason=Suspicion.ONE_EDGE.value,
        why="One address is slow and another is not: the platform's own server, most likely.",
        holds=suspicion(Suspicion.ONE_EDGE),
        says=words_often.one_edge,
    ),
    Rule(
        id="unknown.failure-suspected",
        state=State.UNKNOWN,
        reason="failure_suspected",
        why="The platform fails while controls are well, and the test has not spoken.",
        holds=lambda f: suspicion(Suspicion.UNDER_TEST)(f) and bool(f.failing),
        says=words.suspected,
    ),
    Rule(
        id="unknown.suspected",
        state=State.UNKNOWN,
        reason=Suspicion.UNDER_TEST.value,
        why="The platform is slow while controls are well, and the test has not spoken.",
        holds=suspicion(Suspicion.UNDER_TEST),
        says=words.suspected,
    ),
    Rule(
        id="unknown.server-error",
        state=State.UNKNOWN,
        reason="server_error",
        why="One round with a 5xx is no outage yet.",
        holds=lambda f: f.errors,
        says=lambda f: f"{f.title}: its own servers answered with an error in this round.",
    ),
    Rule(
        id="unknown.authority",
        state=State.UNKNOWN,
        reason="unknown_authority",
        why="Its certificate is logged in public, and this machine's list lacks its authority.",
        holds=lambda f: f.authority_unknown,
        says=words_line.authority_unknown,
    ),
    Rule(
        id="unknown.refused",
        state=State.UNKNOWN,
        reason="refused",
        why="The platform answers and says no (403, 429, a login): not interference.",
        holds=lambda f: f.refused,
        says=words.refused,
    ),
    Rule(
        id="unknown.target-failing",
        state=State.UNKNOWN,
        reason="target_failing",
        why="A target fails, but there is no episode (bursts cannot be made, as in `once`).",
        holds=lambda f: bool(f.failing),
        says=words.target_failing,
    ),
    Rule(
        id="degraded.line",
        state=State.DEGRADED,
        reason="line_slow",
        why="Controls and platform alike are slower than normal, for some rounds.",
        holds=lambda f: f.slow_line is not None,
        says=words_line.degraded,
    ),
    Rule(
        id="unknown.line-changed",
        state=State.UNKNOWN,
        reason="line_changed",
        why="Every round trip takes another time: another line, whose normal nobody knows yet.",
        holds=lambda f: f.line_changed,
        says=words_line.line_changed,
    ),
    *BEFORE,
    Rule(
        id="unknown.slower-from-the-start",
        state=State.UNKNOWN,
        reason="slower_than_controls",
        why="Slower than its controls, and its own history is not known: it may always be so.",
        holds=lambda f: f.raw_slower,
        says=words_beside.slower_from_the_start,
    ),
    Rule(
        id="ok",
        state=State.OK,
        why="The platform was compared with healthy controls and nothing is wrong.",
        holds=lambda f: f.compared,
        says=words.fine,
    ),
    Rule(
        id="unknown.too-little",
        state=State.UNKNOWN,
        reason="too_little_data",
        why="Whatever is left.",
        holds=lambda f: True,
        says=lambda f: f"{f.title}: too little was measured in this round to say anything.",
    ),
)


def first(facts: Facts, rules: tuple[Rule, ...] = RULES) -> Rule:
    """The first rule of the ladder that holds."""
    return next(rule for rule in rules if rule.holds(facts))
