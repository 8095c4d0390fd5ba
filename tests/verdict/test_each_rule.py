"""Every rule is needed: for each there is a table of observations that only it calls by its name.

Taken out of the ladder, another rule speaks in its place, and what is expected goes red.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from probe.config import load
from probe.config.definition import UsualPace
from probe.model.failure import Failure
from probe.model.identity import Compares, Dates, Fame, Family, LegRole, Phase, RoundKind, Verify
from probe.model.observation import (
    Clock,
    DnsAnswer,
    DnsObservation,
    Leg,
    Place,
    RoundObservation,
    SkippedLeg,
    TlsFacts,
)
from probe.model.reference_document import PACE_OUTSIDE
from probe.model.verdict import Evidence, Verdict
from probe.verdict.about import About, about
from probe.verdict.decide import decide
from probe.verdict.ladder.ladder import RULES
from probe.verdict.ladder.rule import Rule
from probe.verdict.remembered.memory import Memory
from scenarios.lines import LINES
from scenarios.table import BY_ID
from synth.play import Play
from tests.verdict.country import (
    ADDRESSES,
    INTERVAL,
    WELL,
    Act,
    Country,
    Done,
    about_x,
    facts,
    fine_outside,
    nothing,
)
from tests.verdict.dated import BEGIN, CONFIG, DAY, X, a_round
from tests.verdict.looked import FAR, NEAR, ZERO, Looked, Word, fails, gives

Rules = tuple[Rule, ...]
Case = Callable[[Rules], Verdict]
CALM = 12
SLOW, SLOW_HELLO = Done(transfer=12.0), Done(handshake=12.0)


def fail(phase: Phase, reason: str) -> Done:
    return Done(fails=Failure(phase=phase, reason=reason))


RESET = fail(Phase.TLS, "connection_reset")
SILENT = fail(Phase.CONNECT, "generic_timeout_error")
UNRESOLVED = fail(Phase.RESOLVE, "generic_timeout_error")
UNTRUSTED = fail(Phase.TLS, "ssl_unknown_authority")
NOT_LISTED = Done(
    fails=UNTRUSTED.fails, tls=TlsFacts(verify_error="x", for_name=True, logged=True, issuer="11ed")
)
CUT = fail(Phase.PROCESSING, "connection_reset")


def to(done: Done, *roles: LegRole, at: tuple[str, ...] = ()) -> Act:
    """It happens to legs of these roles (none given: to all), at these addresses only."""

    def act(leg: Leg, address: str) -> Done:
        return done if (not roles or leg.role in roles) and (not at or address in at) else WELL

    return act


def reads_are_reset(leg: Leg, _: str) -> Done:
    """What only answers is well."""
    reads = leg.compares is Compares.GOODPUT
    return fail(Phase.TRANSFER, "connection_reset") if reads else WELL


NAME = (LegRole.TARGET,)
ADDRESS = (LegRole.TARGET, LegRole.SWAP)


def all_but_famous(done: Done) -> Act:
    """``done`` to whatever is said to the platform's servers, but for names on a list."""
    return lambda leg, at: WELL if leg.role not in ADDRESS or leg.fame is Fame.FAMOUS else done


FRESH = tuple(f"198.18.0.{n}" for n in range(1, 7))


def country(
    rules: Rules,
    *,
    calm: int = CALM,
    swaps: bool = True,
    addresses: tuple[str, ...] = ADDRESSES,
    about: About | None = None,
) -> Country:
    made = Country(rules=rules, swaps=swaps, addresses=addresses, about=about)
    if calm:
        made.run(calm)
    return made


def after(
    act: Act,
    rounds: int,
    *,
    swaps: bool = True,
    calm: int = CALM,
    vouched: bool = False,
    **about: object,
) -> Case:
    """What is said once it has lasted so many rounds."""

    def case(rules: Rules) -> Verdict:
        made = country(rules, calm=calm, swaps=swaps, about=about_x(**about))
        made.vouched = vouched
        made.act = act
        return made.run(rounds)

    return case


def behind_a_curtain(rules: Rules) -> Verdict:
    """It is slow, and so is a control in whose operator's network it is."""
    made = country(rules, swaps=False, about=about_x(ranges={"kernel": ("198.18.0.0/16",)}))
    made.vouched = True
    slow = to(SLOW, *ADDRESS)
    made.act = lambda leg, at: SLOW if leg.owner == "kernel" else slow(leg, at)
    return made.run(16)


def abroad(act: Act) -> Verdict:
    """What a vantage outside says by its own whole table."""
    made = country(RULES, swaps=False, about=about_x(outside=True))
    made.act = act
    return made.run(3)


def beside(act: Act, seen: Act) -> Case:
    """``act`` here, and ``seen`` outside."""

    def case(rules: Rules) -> Verdict:
        about = about_x(references=(abroad(seen),), has_references=True)
        made = country(rules, swaps=False, about=about)
        made.act = act
        return made.run(3)

    return case


def changed(change: Callable[[RoundObservation], RoundObservation], act: Act = nothing) -> Case:
    """What is said of one round after calm ones, changed."""

    def case(rules: Rules) -> Verdict:
        made = country(rules)
        made.act = act
        made.now += INTERVAL
        return decide(made.memory, change(made.a_round()), made.about, rules).verdict

    return case


def of_roles(*roles: LegRole) -> Callable[[RoundObservation], RoundObservation]:
    def change(observed: RoundObservation) -> RoundObservation:
        return replace(observed, legs=tuple(leg for leg in observed.legs if leg.leg.role in roles))

    return change


def other_resolvers_answer(observed: RoundObservation) -> RoundObservation:
    found = DnsObservation(
        name="x.test",
        family=Family.IPV4,
        resolver="public",
        transport="https",
        started_at=observed.started_at,
        seconds=0.02,
        clock=Clock.LOOP,
        answers=(DnsAnswer(seconds=0.02, rcode="NOERROR", addresses=ADDRESSES),),
    )
    return replace(observed, dns=(found,))


def played(scenario: str) -> Case:
    """A scenario in the world of numbers: what accuses, else the last that was said during it."""

    def case(rules: Rules) -> Verdict:
        play = Play(load(None, {}), BY_ID[scenario], LINES["fibre"], seed=1, rules=rules)
        (moments,) = play.run().moments.values()
        during = [moment.verdict for moment in moments if moment.phase == "during"]
        return next((verdict for verdict in during if verdict.restricted), during[-1])

    return case


def spent(rules: Rules) -> Verdict:
    made = country(rules)
    made.act, made.spent = to(SLOW, *NAME), True
    return made.run(2)


def slowed_at_fresh_addresses(rules: Rules) -> Verdict:
    """The neutral name is slow too, where the platform's has not been said since it began."""
    made = country(rules, addresses=FRESH)
    made.vouched = True
    made.act = to(SLOW, *ADDRESS)
    return made.run(4)


def one_leg_fails(rules: Rules) -> Verdict:
    """A round with a failure, followed by a burst in which one of three legs fails."""
    made = country(rules, swaps=False)
    made.act = to(RESET, *NAME)
    made.now += INTERVAL
    decision = decide(made.memory, made.a_round(), made.about, rules)
    assert decision.plan is not None
    failing = iter((True, False, False))
    made.act = lambda leg, at: RESET if leg.role is LegRole.TARGET and next(failing) else WELL
    return decide(decision.memory, made.a_burst(decision.plan), made.about, rules).verdict


def looked_up(
    host: Word,
    *,
    place: Place = Place.BEYOND,
    system: Word | None = None,
    works: bool | None = None,
) -> Case:
    """What is said when the host's look-up gives ``host`` and other resolvers are honest."""

    def case(rules: Rules) -> Verdict:
        made = Looked(rules=rules)
        made.run(CALM)
        made.place, made.works = place, works
        made.say(host=host, system=system, plain=(gives(NEAR), gives(NEAR)), secure=gives(FAR))
        return made.run(3)

    return case


def only_one_control_answers(leg: Leg, _address: str) -> Done:
    return WELL if leg.owner == "debian" else SILENT


def dated(dates: Dates, days: float, off: float | None = None) -> Case:
    """What is said of certificates that begin or end so many days from now."""
    observed = a_round(dates, BEGIN + days * DAY, off=off)
    return lambda rules: decide(Memory(), observed, about(CONFIG, X), rules).verdict


def farther_for_long(rules: Rules) -> Verdict:
    """Every packet takes longer, for longer than a changed path takes to be learnt."""
    made = country(rules, calm=96)
    made.act = to(Done(rtt=8.0), *ADDRESS)
    return made.run(12)


def crept(rules: Rules) -> Verdict:
    """Slower and slower for days, by less than the margin in half a day."""
    made = country(rules, calm=96, swaps=False)
    for step in range(1, 41):
        made.act = to(Done(transfer=5.0 ** (step / 40)), *ADDRESS)
        made.run(12)
    return made.run(48)


def faster_abroad(rules: Rules) -> Verdict:
    """X at a twentieth of other sites for so long that it is usual; a reference reads it well."""
    made = country(rules, calm=0, swaps=False)
    made.act = to(Done(rtt=0.25))
    made.run(8)
    found = made.memory.platform("x")
    paces = {key: (6e4,) * len(rates) for key, rates in found.paces.items()}
    made.memory = replace(made.memory, platforms={"x": replace(found, paces=paces)})
    entry = Evidence(name=PACE_OUTSIDE, subject="x", value=9e5, versus="controls", reference=1e6)
    fine = replace(fine_outside(made.now), evidence=(entry,))
    about = about_x(references=(fine,), has_references=True)
    return decide(made.memory, made.a_round(RoundKind.LIGHT), about, rules).verdict


def faster_on_other_lines(rules: Rules) -> Verdict:
    """The same, and nobody looks from outside; but many lines have told how fast it is there."""
    made = country(rules, calm=0, swaps=False)
    made.act = to(Done(rtt=0.25))
    made.run(8)
    found = made.memory.platform("x")
    paces = {key: (6e4,) * len(rates) for key, rates in found.paces.items()}
    made.memory = replace(made.memory, platforms={"x": replace(found, paces=paces)})
    usual = UsualPace(target="object", share=0.8, lines=40, evidence="2026-11")
    about = about_x()
    targets = tuple(replace(t, pace=usual) if t.reads else t for t in about.targets)
    about = replace(about, targets=targets)
    return decide(made.memory, made.a_round(RoundKind.LIGHT), about, rules).verdict


def policed_abroad(rules: Rules) -> Verdict:
    """Everything foreign at 16 kB/s from the first round on, and a site inside the country not."""
    inside, foreign = ("university",), ("debian", "jquery", "kernel")
    made = Country(
        rules=rules,
        controls=(*foreign, *inside),
        about=about_x(controls=facts(foreign, inside)),
    )
    made.act = lambda leg, at: WELL if leg.owner in inside else Done(transfer=60.0)
    return made.run(48)


def stranger(rules: Rules) -> Verdict:
    """Whoever answers has a certificate for another name, which is only written down."""
    made = country(rules)
    seen = made.a_round()
    legs = tuple(
        replace(
            one,
            leg=replace(one.leg, verify=Verify.RECORD),
            tls=TlsFacts(verify_error="Hostname mismatch"),
        )
        if one.leg.role is LegRole.TARGET and one.leg.target == "object"
        else one
        for one in seen.legs
    )
    return decide(made.memory, replace(seen, legs=legs), made.about, rules).verdict


def cut_once(rules: Rules) -> Verdict:
    """Every read was cut in the last round that made any, and a light one follows."""
    made = country(rules)
    made.act = reads_are_reset
    made.run(1)
    made.act = nothing
    return decide(made.memory, made.a_round(RoundKind.LIGHT), made.about, rules).verdict


def over_ipv6(answered: int) -> Case:
    """Nothing answers over IPv6, and so many rounds over IPv4 were fine since."""

    def case(rules: Rules) -> Verdict:
        known = about_x(families=tuple(Family))
        made = country(rules, calm=0)
        made.act = to(SILENT)
        dead = replace(made.a_round(), family=Family.IPV6)
        memory = decide(Memory(), dead, known, rules).memory
        made.act = nothing
        for _ in range(answered):
            other = replace(made.a_round(), platform="y", started_at=dead.started_at + INTERVAL)
            memory = decide(memory, other, known, rules).memory
        again = replace(dead, started_at=dead.started_at + (2 * INTERVAL if answered else 1.0))
        return decide(memory, again, known, rules).verdict

    return case


def each_its_own(observed: RoundObservation) -> RoundObservation:
    """Every leg was shown a certificate that was made for its name."""
    legs = tuple(
        replace(leg, tls=TlsFacts(verify_error="x", certificate_sha256=f"{hash(leg.leg.sni):x}"))
        for leg in observed.legs
    )
    return replace(observed, legs=legs)


def without_an_address(observed: RoundObservation) -> RoundObservation:
    gone = observed.by_role(LegRole.TARGET)
    skipped = tuple(SkippedLeg(leg=one.leg, reason="no_address") for one in gone)
    return replace(observed, legs=observed.by_role(LegRole.CONTROL), skipped=skipped)


def every_other_round(rules: Rules) -> Verdict:
    """It is slow in every other round, so no suspicion lasts."""
    made = country(rules, calm=108, swaps=False)
    for n in range(50):
        made.act = to(SLOW, *ADDRESS) if n % 2 else nothing
        verdict = made.run(1)
    return verdict


CASES: dict[str, Case] = {
    "unknown.clock-stepped": changed(lambda observed: replace(observed, clock_stepped=True)),
    "unknown.family-silent": over_ipv6(0),
    "unknown.family-dead": over_ipv6(1),
    "unknown.no-address": changed(without_an_address),
    "unknown.out-of-budget": spent,
    "unknown.clock-behind": dated(Dates.NOT_YET_VALID, 3),
    "unknown.clock-ahead": dated(Dates.EXPIRED, -3, off=-5 * DAY),
    "offline.resolver": changed(other_resolvers_answer, to(UNRESOLVED)),
    "unknown.intercepted": changed(each_its_own, to(UNTRUSTED)),
    "offline.portal": after(to(fail(Phase.TLS, "ssl_invalid_hostname")), 1),
    "offline.cut-off": after(only_one_control_answers, 4),
    "offline.nothing-answers": after(to(SILENT), 1),
    "degraded.reads-stop": after(reads_are_reset, 4),
    "unknown.no-healthy-control": after(to(SILENT, LegRole.CONTROL), 1),
    "down.server-error": after(to(Done(status=503), *NAME), 3),
    "down.certificate-expired": dated(Dates.EXPIRED, -3),
    "down.certificate-not-yet-valid": dated(Dates.NOT_YET_VALID, 3, off=2.0),
    "down.outside": after(to(SILENT, *ADDRESS), 3, swaps=False, outside=True),
    "unknown.slow-outside": after(to(SLOW, *ADDRESS), 3, swaps=False, outside=True),
    "down.elsewhere-too": beside(to(SILENT, *ADDRESS), to(SILENT, *ADDRESS)),
    "unknown.slow-elsewhere-too": beside(to(SLOW, *ADDRESS), to(SLOW, *ADDRESS)),
    "unknown.own-host": looked_up(gives(ZERO), place=Place.FILE, system=gives(NEAR)),
    "unknown.own-lookup": looked_up(fails("dns_servfail_error"), system=gives(NEAR)),
    "unknown.resolver-trouble": looked_up(fails("dns_servfail_error"), works=False),
    "blocked.dns": played("dns-nxdomain"),
    "blocked.tcp": after(to(SILENT, *ADDRESS), 3, vouched=True),
    "blocked.tls": after(to(RESET, *NAME), 3),
    "blocked.http": after(to(CUT, *NAME), 3),
    "throttled.name": after(to(SLOW, *NAME), 3),
    "throttled.address": slowed_at_fresh_addresses,
    "throttled.range": after(all_but_famous(SLOW), 4),
    "throttled.unknown": after(to(SLOW, *NAME), 3, swaps=False, vouched=True),
    "withheld": after(to(Done(status=451), *NAME), 1),
    "impaired.curtain": behind_a_curtain,
    "impaired.failing": after(to(SILENT, *ADDRESS), 3),
    "impaired.slow": after(to(SLOW, *ADDRESS), 3),
    "impaired.often": every_other_round,
    "degraded.lossy": after(to(Done(lost=6)), 12),
    "unknown.path-changed": after(to(Done(rtt=8.0), *ADDRESS), 3, swaps=False),
    "unknown.one-edge": after(to(SLOW, *ADDRESS, at=ADDRESSES[:1]), 4, swaps=False),
    "unknown.failure-suspected": after(to(RESET, *NAME), 2, may_burst=False),
    "unknown.suspected": after(to(SLOW, *NAME), 2, may_burst=False),
    "unknown.server-error": after(to(Done(status=503), *NAME), 1),
    "unknown.authority": after(to(NOT_LISTED, *ADDRESS), 3),
    "unknown.refused": after(to(Done(status=403), *NAME), 2),
    "unknown.target-failing": one_leg_fails,
    "degraded.line": after(to(Done(handshake=6.0, transfer=6.0)), 4),
    "unknown.line-changed": after(to(Done(rtt=0.5)), 4),
    "unknown.stranger": stranger,
    "unknown.last-read-stopped": cut_once,
    "unknown.slow-unproven": after(to(Done(transfer=2.6), *NAME), 1),
    "unknown.farther": farther_for_long,
    "unknown.slower-than-anywhere": policed_abroad,
    "unknown.slower-than-outside": faster_abroad,
    "unknown.slower-than-other-lines": faster_on_other_lines,
    "unknown.slower-than-before": crept,
    "unknown.slower-from-the-start": after(to(Done(transfer=3.0), *NAME), 1, calm=0, swaps=False),
    "ok": after(nothing, 1),
    "unknown.too-little": changed(of_roles(LegRole.CONTROL)),
}


def said(case: Case, rules: Rules) -> tuple[object, ...]:
    verdict = case(rules)
    return verdict.state, verdict.reason, verdict.method, verdict.trigger


def test_there_is_a_case_for_every_rule() -> None:
    assert list(CASES) == [rule.id for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_without_it_something_else_is_said(rule: Rule) -> None:
    case = CASES[rule.id]
    verdict = case(RULES)
    assert (verdict.rule_id, verdict.state, verdict.reason) == (rule.id, rule.state, rule.reason)
    expected = said(case, RULES)
    others = tuple(other for other in RULES if other is not rule)
    try:
        assert said(case, others) != expected
    except StopIteration:
        assert rule is RULES[-1]  # without the last there is not always one that speaks
