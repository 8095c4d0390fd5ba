"""Blocks: every kind that OONI's data has failure strings for."""

from __future__ import annotations

from probe.model.verdict import Method, Signature, State
from scenarios.model import (
    ACCUSING,
    CutOff,
    DnsForged,
    DnsLie,
    Effect,
    Expectation,
    HelloDropped,
    Impersonated,
    Impostor,
    QuicDropped,
    Range,
    Reset,
    Resolvers,
    Restricted,
    Said,
    Scenario,
    Silent,
    Stack,
    SynDropped,
    Whom,
)
from scenarios.rows import Row
from scenarios.throttling import (
    BBS490,
    DESIGN,
    FINE_ABROAD,
    IN_TRANSFER,
    NAMED,
    OK,
    X_HOSTS,
    X_NAMES,
    throttled,
)

OONI = "OONI data format (df-007, failure strings) and the censorship reports that use it"
BY_NAME = Whom(names=X_NAMES)
BY_ADDRESS = Whom(hosts=X_HOSTS)
RESET_AMID = (CutOff(after_bytes=Range(12_000, 60_000), resets=True),)
"""Where the answer has begun, and 64 KiB are not whole."""


def blocked(*methods: Method) -> tuple[Said, ...]:
    """It is a block, by one of the methods."""
    return (Said(state=State.BLOCKED, methods=methods),)


def impaired(*methods: Method) -> tuple[Said, ...]:
    """It fails here, and from here nothing rules out that it does everywhere."""
    return (Said(state=State.IMPAIRED, methods=methods),)


def block(
    id: str,
    name: str,
    row: Row,
    whom: Whom,
    effect: Effect,
    said: tuple[Said, ...],
    *,
    seen: bool = False,
    note: str = "",
) -> Scenario:
    """A block of X; ``seen``: by a vantage outside, too, which it does not meet."""
    return Scenario(
        id=id,
        name=name,
        rows=(row,),
        source=OONI,
        platforms=("x",),
        alternatives=((Restricted(whom=whom, effects=(effect,)),),),
        expect=(
            Expectation(
                said=said,
                within_rounds=4,
                never=ACCUSING if any(one.state is State.IMPAIRED for one in said) else (),
                recovers_within_rounds=5,
            ),
            *((FINE_ABROAD,) if seen else ()),
        ),
        abroad=seen,
        note=note,
    )


SCENARIOS: tuple[Scenario, ...] = (
    block(
        "dns-lie",
        "every resolver on UDP answers with the address of another server",
        Row.BLOCK_DNS_LIE,
        BY_NAME,
        DnsForged(lie=DnsLie.ADDRESS),
        blocked(Method.DNS),
    ),
    block(
        "dns-lie-of-the-provider",
        "only the host's own resolver lies",
        Row.BLOCK_DNS_LIE,
        BY_NAME,
        DnsForged(lie=DnsLie.ADDRESS, resolvers=Resolvers.OWN),
        blocked(Method.DNS),
    ),
    block(
        "dns-nxdomain",
        "the platform's names do not exist",
        Row.BLOCK_DNS_NXDOMAIN,
        BY_NAME,
        DnsForged(lie=DnsLie.NXDOMAIN),
        blocked(Method.DNS),
    ),
    block(
        "dns-silence",
        "questions for the platform's names get no answer",
        Row.BLOCK_DNS_SILENCE,
        BY_NAME,
        DnsForged(lie=DnsLie.NOTHING),
        blocked(Method.DNS),
    ),
    block(
        "dns-beside",
        "a forged answer comes before the true one",
        Row.BLOCK_DNS_BESIDE,
        BY_NAME,
        DnsForged(lie=DnsLie.BESIDE),
        blocked(Method.DNS),
    ),
    block(
        "syn-dropped",
        "no connection to the platform's addresses",
        Row.BLOCK_SYN_DROPPED,
        BY_ADDRESS,
        SynDropped(),
        impaired(Method.TCP),
    ),
    block(
        "syn-dropped-seen-from-outside",
        "no connection to the platform's addresses; a vantage outside reaches them",
        Row.BLOCK_SYN_DROPPED,
        BY_ADDRESS,
        SynDropped(),
        blocked(Method.TCP),
        seen=True,
    ),
    block(
        "reset",
        "connections to the platform's addresses are reset at once",
        Row.BLOCK_RESET,
        BY_ADDRESS,
        Reset(),
        impaired(Method.TCP),
    ),
    Scenario(
        id="reset-amid-a-read",
        name="a reset once so many bytes have come under the name of YouTube's videos",
        rows=(Row.RESET_AMID,),
        source=DESIGN,
        platforms=("youtube",),
        alternatives=((Restricted(whom=Whom(names=(".googlevideo.com",)), effects=RESET_AMID),),),
        expect=(
            Expectation(
                said=throttled(*NAMED, signatures=(Signature.CUTOFF,), phases=IN_TRANSFER),
                within_rounds=4,
            ),
        ),
        note="What comes until then comes as fast as ever.",
    ),
    Scenario(
        id="reset-amid-a-read-x",
        name="the same at X's addresses; a vantage outside reads it all",
        rows=(Row.RESET_AMID,),
        source=DESIGN,
        platforms=("x",),
        alternatives=((Restricted(whom=BY_ADDRESS, effects=RESET_AMID),),),
        expect=(
            Expectation(
                said=(Said(state=State.IMPAIRED, signatures=(Signature.CUTOFF,)),),
                within_rounds=4,
                never=ACCUSING,
            ),
            FINE_ABROAD,
        ),
        abroad=True,
        note="X's own servers near here could end connections so, too: a reset does not say whose "
        "it is.",
    ),
    block(
        "hello-reset",
        "a reset follows the ClientHello with the platform's name",
        Row.BLOCK_HELLO_RESET,
        BY_NAME,
        Reset(),
        blocked(Method.TLS),
    ),
    block(
        "hello-dropped",
        "the ClientHello with the platform's name never arrives",
        Row.BLOCK_HELLO_DROPPED,
        BY_NAME,
        HelloDropped(),
        blocked(Method.TLS),
    ),
    block(
        "hello-silence",
        "nothing passes once the name has been said",
        Row.BLOCK_HELLO_DROPPED,
        BY_NAME,
        Silent(),
        blocked(Method.TLS),
    ),
    block(
        "certificate-of-another-name",
        "another server with a certificate for another name",
        Row.BLOCK_FALSE_CERTIFICATE,
        BY_ADDRESS,
        Impersonated(shows=Impostor.OTHER_NAME),
        impaired(Method.TLS),
        note="A platform's own servers, set up wrongly, show that, too.",
    ),
    block(
        "certificate-untrusted",
        "another server with the right name and an authority that nobody trusts",
        Row.BLOCK_FALSE_CERTIFICATE,
        BY_ADDRESS,
        Impersonated(shows=Impostor.UNTRUSTED),
        impaired(Method.TLS),
    ),
    block(
        "block-page",
        "a block page under a certificate that is trusted (a national authority)",
        Row.BLOCK_PAGE,
        BY_ADDRESS,
        Impersonated(shows=Impostor.TRUSTED),
        (
            *impaired(Method.HTTP, Method.TLS),
            # A valid certificate and an odd answer cannot be told from the platform's own refusal.
            Said(state=State.UNKNOWN, reasons=("refused",)),
        ),
        note="Over HTTPS a block page needs a certificate that the client trusts; with another one "
        "it is a false certificate (above).",
    ),
    Scenario(
        id="quic-dropped",
        name="QUIC to the platform does not pass, TCP does",
        rows=(Row.BLOCK_QUIC,),
        source=OONI,
        platforms=("youtube",),
        alternatives=((Restricted(whom=Whom(), effects=(QuicDropped(),)),),),
        expect=(
            Expectation(
                said=(OK,), within_rounds=2, never=(State.THROTTLED, State.BLOCKED, State.DEGRADED)
            ),
        ),
        note="The probe measures TLS over TCP, so what it says is true of that alone.",
    ),
    Scenario(
        id="cutoff-of-another-stack",
        name="a cut-off that meets another program's TLS fingerprint, not the probe's",
        rows=(Row.RUSSIA_2025_CUTOFF,),
        source=BBS490,
        platforms=("x",),
        alternatives=(
            (
                Restricted(
                    whom=Whom(hosts=X_HOSTS, stack=Stack.OTHER),
                    effects=(CutOff(after_bytes=Range(16_000, 20_000)),),
                ),
            ),
        ),
        expect=(
            Expectation(
                said=(OK,), within_rounds=2, never=(State.THROTTLED, State.BLOCKED, State.DEGRADED)
            ),
        ),
        note="The other program is curl: what it sees in the table is the cut-off. The probe sees "
        "nothing, and says with which TLS stack.",
    ),
)
