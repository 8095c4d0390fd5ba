"""How hard one leg found its work: seconds per unit, so that more is always worse.

One number serves handshakes, transfers and failures. A leg that was cut by its deadline has the
seconds until then for what had come (a lower bound of what the whole would have cost, and a sample
in its own right); a leg that failed outright has infinitely many. A leg that was refused (the far
end answered, with a valid certificate, and said no) has none: it says nothing about the way there.
"""

from __future__ import annotations

from enum import StrEnum
from math import inf

from probe.model.failure import BY_THE_SERVER, NOT_THE_OBJECT, Failure
from probe.model.identity import Answer, Compares, Dates, LegRole, Phase, Verify
from probe.model.observation import LegObservation
from probe.observe.goodput import ended, goodput, handshake_seconds

TIMEOUT = "generic_timeout_error"
READING = frozenset({Phase.PROCESSING, Phase.TRANSFER})
"""The phases of a leg that is connected: it waits for its answer, or reads it."""
SILENCES = frozenset(
    f"{phase}/{TIMEOUT}" for phase in (Phase.TLS, Phase.PROCESSING, Phase.TRANSFER)
)
"""How legs fail to which nothing comes any more once they are connected. A SYN that nobody answers
is repeated by the kernel, and a listening server's kernel answers it by itself."""
UNKNOWN_AUTHORITY = "ssl_unknown_authority"
OF_A_CERTIFICATE = frozenset({UNKNOWN_AUTHORITY, "ssl_invalid_hostname", "ssl_invalid_certificate"})
"""Reasons of legs that were shown a certificate which is not right."""
SERVER_ERROR = 500
LEGAL_REASONS = 451
MOVED = frozenset({301, 308, 404, 410})
"""Statuses that say of an object that it is not there, or has moved for good. A site that turns
somebody away says something else (403, or 302 to where one logs in)."""
ONLY_SMALL = f"{Phase.TLS}/large_segments_missing"
"""How legs fail of whose answers only small packets arrive (``only_small``)."""
FULL_SEGMENT = 1_460
"""Bytes that a TCP segment holds at most over IPv4, in an Ethernet frame."""
# An answer that was waited for less than this many times as long as the handshake took has not met
# with silence: at that pace it could not have come yet (a lost packet is sent again after twice the
# time, and again after four times).
ANSWER_PER_HANDSHAKE = 4.0


class Measure(StrEnum):
    """What is compared: the handshake, a bounded read, or a longer one.

    Reads of different lengths are different series: a token bucket forgives the first bytes.
    """

    HANDSHAKE = "handshake"
    TRANSFER = "transfer"
    LONG = "long"


def handshake_effort(leg: LegObservation) -> float | None:
    """Seconds of TCP connect plus TLS handshake.

    A handshake that ran into the deadline while bytes were coming counts its seconds until then;
    one that was reset, refused or met with silence counts as infinite.
    """
    if sound(leg) or unproven(leg):
        return None
    seconds = handshake_seconds(leg)
    if seconds is not None and seconds > 0.0:
        return seconds
    if leg.failure is None or leg.failure.phase in READING:
        return None
    if leg.failure.phase is Phase.TLS and died_of_slowness(leg):
        return leg.duration_seconds
    return inf


def read_effort(leg: LegObservation) -> float | None:
    """Seconds per body byte, from the request on; ``None`` if the leg does not read, or was
    refused.

    Bytes that the curve saw arrive count when the head of the answer never came whole. A body that
    was reset, however quickly it came until then, cost infinitely much: it never came whole.
    """
    if leg.leg.compares is not Compares.GOODPUT or refused(leg) or unproven(leg):
        return None
    if ended(leg):
        return inf
    rate = goodput(leg)
    if rate is not None:
        return 1.0 / rate
    if leg.failure is None:
        return None
    if leg.failure.phase is Phase.PROCESSING and leg.curve:
        seconds = leg.phases.get(Phase.PROCESSING, leg.duration_seconds)
        return seconds / leg.curve[-1].bytes
    return inf


def effort(leg: LegObservation, measure: Measure) -> float | None:
    """Seconds per handshake or per body byte of ``leg``; ``None`` if it has no such effort."""
    return handshake_effort(leg) if measure is Measure.HANDSHAKE else read_effort(leg)


def unproven(leg: LegObservation) -> bool:
    """Whoever answered the leg of a target, swap or control has not shown that it is who was asked:
    its certificate holds for no name that is expected, and is only written down. What it says and
    how fast it is are nobody's."""
    tls = leg.tls
    return (
        leg.leg.verify is Verify.RECORD
        and leg.leg.answer is Answer.EXPECTED
        and leg.leg.role is not LegRole.DECOY
        and tls is not None
        and bool(tls.verify_error)
        and (leg.failure is None or leg.failure.reason in NOT_THE_OBJECT)
    )


def refused(leg: LegObservation) -> bool:
    """The far end answered over a connection that was well, and did not give what was asked; or it
    ended that itself (``ended_by_itself``); or its certificate was refused, and is its own
    (``sound``), which is no matter of the way either."""
    if leg.failure is None:
        return False
    return leg.failure.reason in NOT_THE_OBJECT or ended_by_itself(leg) or sound(leg)


def ended_by_itself(leg: LegObservation) -> bool:
    """Under a valid certificate the far end ended what was asked, or sent what is no HTTP. Nobody
    on the way can say that in its stead, nor make it say so: what comes to it is encrypted, too."""
    failure, tls = leg.failure, leg.tls
    if failure is None or failure.reason not in BY_THE_SERVER or failure.phase not in READING:
        return False
    return tls is not None and tls.verify_error == ""


def misdated(leg: LegObservation) -> Dates | None:
    """How the dates of the far end's certificate were wrong, if that ended the leg and nothing else
    is wrong with it."""
    if leg.failure is None or leg.failure.phase is not Phase.TLS or leg.tls is None:
        return None
    return leg.tls.dates


def of_unknown_authority(leg: LegObservation) -> bool:
    """The certificate that ended the leg is for the right name, and public logs have it, but its
    authority is not in this machine's list: that may be old, or the far end leaves out what stands
    between the two. Who forges one on the way has it in no log."""
    failure, tls = leg.failure, leg.tls
    if failure is None or tls is None or failure.reason != UNKNOWN_AUTHORITY:
        return False
    return tls.for_name is True and tls.logged is True


def sound(leg: LegObservation) -> bool:
    """The leg ended by a certificate that is the far end's own, as far as can be told: wrong in its
    dates alone, or of an authority that this machine does not know."""
    return misdated(leg) is not None or of_unknown_authority(leg)


def server_error(leg: LegObservation) -> bool:
    """A 5xx under a valid certificate: the far end itself is in trouble. Nobody on the way can say
    that."""
    return (
        refused(leg)
        and leg.http is not None
        and leg.http.status >= SERVER_ERROR
        and leg.tls is not None
        and leg.tls.verify_error == ""
    )


def moved(leg: LegObservation) -> bool:
    """Its own server says that what was asked for is not there, or elsewhere for good: nobody is
    turned away, and the handshake is as good as any."""
    return (
        leg.failure is not None
        and leg.failure.reason in NOT_THE_OBJECT
        and leg.http is not None
        and leg.http.status in MOVED
        and leg.tls is not None
        and leg.tls.verify_error == ""
        and not withheld(leg)
    )


def withheld(leg: LegObservation) -> bool:
    """The far end says, under a valid certificate, that it does not serve this for legal reasons
    (451, or a link to who had it blocked: RFC 7725). Nobody on the way can say that in its stead.
    """
    return (
        leg.http is not None
        and (leg.http.status == LEGAL_REASONS or leg.http.blocked_by)
        and leg.tls is not None
        and leg.tls.verify_error == ""
    )


def failed(leg: LegObservation) -> bool:
    """The way to the far end failed (a refusal is no such failure)."""
    return leg.failure is not None and not refused(leg)


def died_of_slowness(leg: LegObservation) -> bool:
    """A timeout while bytes were coming: too slow, not cut off.

    In the handshake, bytes of the far end's that the kernel counted; later, what the curve saw, or
    a handshake that had left the answer too little time (``ANSWER_PER_HANDSHAKE``).
    """
    if leg.failure is None or leg.failure.reason != TIMEOUT:
        return False
    if leg.failure.phase is Phase.TLS:
        return bool(_came_in_handshake(leg))
    if leg.failure.phase is Phase.PROCESSING and not leg.curve:
        waited, handshake = leg.phases.get(Phase.PROCESSING), handshake_seconds(leg)
        return (
            waited is not None
            and handshake is not None
            and waited < ANSWER_PER_HANDSHAKE * handshake
        )
    came = bool(leg.curve) or bool(leg.body_bytes)
    return leg.failure.phase in READING and came


def _came_in_handshake(leg: LegObservation) -> int | None:
    """Bytes of the far end's, as the kernel counted, or the QUIC stack."""
    if leg.quic is not None:
        return leg.quic.bytes_received
    return None if leg.tcp is None else leg.tcp.bytes_received


def gave(leg: LegObservation) -> bool:
    """The far end gave what was asked of it, or was giving it when our own deadline cut it off: it
    answers, be it slowly, and what came is a sample of its pace."""
    return (leg.ok and not unproven(leg)) or died_of_slowness(leg)


def only_small(leg: LegObservation) -> bool:
    """The handshake ended in silence, and of the far end's answer came what follows its first
    segment, but never that one: the way takes small packets and no large ones, as one does on which
    nobody learns that they are too large (a "black hole" of the path's MTU, RFC 2923). Who drops
    the hello, or all that follows it, lets nothing of the answer come."""
    failure, tcp = leg.failure, leg.tcp
    if failure is None or failure.phase is not Phase.TLS or failure.reason != TIMEOUT:
        return False
    return tcp is not None and bool(tcp.out_of_order) and tcp.bytes_received == 0


def came_large(leg: LegObservation) -> bool:
    """A segment of full size has come: more has than any one of them holds."""
    return leg.tcp is not None and (leg.tcp.bytes_received or 0) > FULL_SEGMENT


def how_it_failed(leg: LegObservation) -> str:
    """How a leg that was stopped failed (``phase/reason``); empty for every other leg."""
    failure = hard(leg)
    if failure is None:
        return ""
    return ONLY_SMALL if only_small(leg) else f"{failure.phase}/{failure.reason}"


def turned_away(leg: LegObservation) -> bool:
    """The far end itself refused the handshake under this name, by an alert or a certificate that
    is not right: its own trouble with the name looks like that, and an indifferent name beside it
    proves nothing."""
    failure = leg.failure
    if failure is None or failure.phase is not Phase.TLS:
        return False
    shown = leg.tls is not None and bool(leg.tls.alert or leg.tls.verify_error)
    return shown or failure.reason in OF_A_CERTIFICATE


def hard(leg: LegObservation) -> Failure | None:
    """The failure of a leg that was stopped rather than slowed; ``None`` for every other leg.

    A body that was reset after bytes had come is a cut-off, which is a way of throttling.
    """
    if not failed(leg) or died_of_slowness(leg):
        return None
    assert leg.failure is not None
    if leg.failure.phase is Phase.TRANSFER and leg.body_bytes:
        return None
    return leg.failure
