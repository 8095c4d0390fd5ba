"""What a proof bears out and what it does not, as sentences that a person may quote."""

from __future__ import annotations

from datetime import UTC, datetime

from probe.model.basis import GROUNDS, Basis
from probe.model.verdict import State, Trigger
from probe.verdict.ladder.facts import Elsewhere, Facts
from probe.verdict.remembered.memory import Proven

IN_THE_BUILDING = (
    "That it is the provider: a filter in a home's router, a school or an office does the same."
)


def moment(at: float) -> str:
    """Unix seconds as a person writes them, in UTC."""
    return f"{datetime.fromtimestamp(at, tz=UTC):%Y-%m-%d %H:%M} UTC"


def may_claim(facts: Facts, state: State) -> tuple[str, ...]:
    """What the verdict bears out."""
    if state is State.WITHHELD:
        return ("The platform said so itself, under its own certificate.",)
    found = facts.proven
    if found is None:
        return ()
    claims = ["Other sites were fine on the same line in the same minutes."]
    if found.addresses >= 2:
        rounds = f"{found.rounds} rounds" if found.rounds > 1 else "one round"
        claims.append(f"It was seen at {found.addresses} addresses of the platform in {rounds}.")
    match found.basis:
        case Basis.SWAP:
            claims.append(_well_at_the_server(found))
        case Basis.PLATFORMS:
            claims.append(
                "It began in the same minutes as the same for platforms of other operators: "
                f"{', '.join(facts.together)}."
            )
        case Basis.DNS:
            claims.append("The platform was fine at an address that another resolver gave.")
        case Basis.FORGED:
            claims.append(
                "A certificate for the platform's name that no public authority has signed was "
                f"shown at {found.addresses} of its addresses."
            )
        case Basis.REFERENCE:
            claims.append(_outside(facts))
        case Basis.ADDRESSES | Basis.DURATION | Basis.DECOY:
            pass
    if found.decoy:
        claims.append("The platform's name met the same at a server that is nobody's target.")
    if facts.vouched and found.basis is not Basis.REFERENCE:
        claims.append(_outside(facts))
    return tuple(claims)


def _outside(facts: Facts) -> str:
    whole = facts.elsewhere is Elsewhere.FINE
    what = "The platform" if whole else "What is slow or fails here of the platform"
    return f"{what} was fine from outside the country after it had begun here."


def _well_at_the_server(found: Proven) -> str:
    if found.trigger is Trigger.RANGE:
        if found.any_answer:
            return (
                "The same server answered handshakes under famous neutral names meanwhile and not "
                "under obscure ones."
            )
        return (
            f"The same server was {_well(found)} under a famous neutral name meanwhile and not "
            "under an obscure one."
        )
    if found.any_answer:
        return "The same server answered handshakes under neutral names meanwhile."
    return f"The same server was {_well(found)} under a neutral name meanwhile."


def _well(found: Proven) -> str:
    return "well" if found.state is State.BLOCKED else "fast"


def may_not_claim(facts: Facts, state: State) -> tuple[str, ...]:
    """Sentences that the verdict does not bear, for whoever quotes it."""
    if state is State.WITHHELD:
        return (
            "Who asked the platform for it.",
            "That a network restricts it.",
            "Anything about other networks.",
        )
    found = facts.proven
    if found is None:
        return _not_of_often(facts) if state is State.IMPAIRED else ()
    limits = ["Who did it, or why.", IN_THE_BUILDING] if found.basis.accuses else []
    limits.append(GROUNDS[found.basis].leaves)
    if not found.basis.accuses:
        limits.append("That anybody restricts it.")
    if found.trigger is not Trigger.NAME or not found.basis.accuses:
        limits.append("That the platform's name is what triggers it.")
    if not facts.vouched and found.basis not in (Basis.SWAP, Basis.DNS, Basis.DECOY):
        limits.append(f"That it is well elsewhere: {nobody_looked(facts)}.")
    if found.at_home:
        limits.append(
            "That the provider or the country does it: the name server that answers falsely is on "
            "this computer or may be in this home (a router, a filter against advertisements or "
            "for children), and none beyond it was heard to say the same."
        )
    if facts.fellows:
        limits.append(
            "That it is aimed at the platform alone: sites of "
            f"{' and '.join(facts.fellows)} fell silent on this line within an hour of it."
        )
    if found.unmeasured_seconds:
        limits.append(
            "That it lasted without a break: nothing was measured for "
            f"{found.unmeasured_seconds / 3_600.0:.1f} hours since it was first seen."
        )
    limits.append("Anything about other networks.")
    return tuple(limits)


def _not_of_often(facts: Facts) -> tuple[str, ...]:
    """What a share of suspicious rounds does not bear out."""
    return (
        GROUNDS[Basis.SHARE].leaves,
        "That anybody restricts it.",
        "That it was so all the time.",
        f"That it is well elsewhere: {nobody_looked(facts)}.",
        "Anything about other networks.",
    )


def nobody_looked(facts: Facts) -> str:
    """Why it is not known whether it is so elsewhere."""
    if facts.has_references:
        return "vantages outside have not told"
    return "nobody has looked from outside"
