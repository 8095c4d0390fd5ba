"""The table of probers: who makes an exchange, what the configuration says of it, how it is called.

A leg says its prober, by name. The first one, TCP, makes the legs that rounds consist of and that
verdicts read. Each other one makes some of them once more in its own way; those are drawn into the
same order, stand beside the others, and have metrics of their own. A prober is one file in
``probe/measure/`` and one line here; all else follows from the line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from probe.config.definition import Corner, Target
from probe.config.schema import Settings
from probe.model.identity import FIRST_PROBER, Answer, Compares
from probe.model.observation import Leg

LEAST_OPERATORS = 2
"""Controls of so many operators abroad must speak a transport before bursts are made over it: one
operator's bad hour would be every burst's."""


class Prober(Struct, frozen=True, kw_only=True):
    """``name`` stands in the history, in exports and in the names of metrics: small letters and
    digits. ``over`` is how a sentence calls an exchange of it (``over QUIC``), and ``titled`` what
    is said of a platform by them, if that is another word (``X for uploads``). ``made_by`` is the
    module and the function that make a leg (a ``Measures`` of probe/measure/one_leg/prober.py);
    only those are loaded that a configuration uses, before the first leg.

    ``transport`` is what its packets look like to a firewall. ``through_proxy``: a vantage with a
    proxy can use it. ``library``: what must be installed beside our own requirements, as the extra
    of the prober's name. ``is_on`` and ``speaks`` say for which configuration and which targets it
    is used. ``leg`` makes its leg of one over TCP, which may carry so many bytes. ``light_share``:
    of the light rounds, those in which it makes legs; ``read_share``: of the rounds that read,
    those in which it reads. The same hosts pay for its legs, and the same budget.

    ``judged``: its legs are judged by themselves (probe/verdict/lanes.py); those of others are
    measured, kept and published. ``swaps``: which swaps it makes, too. ``only_reads``: it makes
    legs in the rounds of ``read_share``, and in long ones. ``direction``: whither the bytes go that
    are compared: ``down``, or ``up`` by a body that each leg sends, as large as the round reads.

    ``absent`` says when its series are absent, ``phases`` what is special of its phases.
    """

    name: str
    over: str
    titled: str = ""
    made_by: str
    transport: Literal["tcp", "udp"]
    through_proxy: bool = True
    library: str = ""
    is_on: Callable[[Settings], bool] = lambda settings: True
    speaks: Callable[[Target], bool] = lambda target: True
    leg: Callable[[Leg, int], Leg] = lambda leg, light_bytes: leg
    light_share: float = 1.0
    read_share: float = 1.0
    judged: bool = False
    swaps: Callable[[Leg | Corner], bool] = lambda swap: True
    only_reads: bool = False
    direction: Literal["down", "up"] = "down"
    absent: str = ""
    phases: str = ""

    @property
    def about(self) -> str:
        """What is said of a platform by its exchanges."""
        return self.titled or self.over


class NameProber(Struct, frozen=True, kw_only=True):
    """Who asks a resolver on the wire. ``transport`` is what an observation says of it, and
    ``made_by`` the function (an ``Asks`` of probe/measure/one_leg/prober.py). ``every_round``:
    light rounds ask as well."""

    transport: str
    made_by: str
    every_round: bool


def over_http3(leg: Leg, light_bytes: int) -> Leg:
    """The same over HTTP/3; what reads no body that is compared ends with the head."""
    over = replace(leg, http_versions=("h3",))
    if leg.compares is Compares.GOODPUT or leg.answer is Answer.ANY:
        return over
    return replace(over, min_bytes=0, max_bytes=light_bytes, range_bytes=light_bytes)


def sent(leg: Leg, light_bytes: int) -> Leg:
    """The same with a body that is sent, as large as what would be read. What is answered to it is
    not read."""
    return replace(
        leg,
        http_versions=("http/1.1",),
        compares=Compares.HANDSHAKE,
        expect_status=(200, 201, 202, 204),
        not_a_page=False,
        min_bytes=0,
        max_bytes=light_bytes,
        range_bytes=0,
        send_bytes=leg.max_bytes,
    )


PROBERS: tuple[Prober, ...] = (
    Prober(
        name=FIRST_PROBER,
        over="over TCP",
        made_by="probe.measure.one_leg.leg:measure_leg",
        transport="tcp",
    ),
    Prober(
        name="quic",
        over="over QUIC",
        made_by="probe.measure.over_quic.quic:measure_quic",
        transport="udp",
        through_proxy=False,
        library="aioquic",
        is_on=lambda settings: settings.quic is True,
        speaks=lambda target: target.quic,
        leg=over_http3,
        light_share=1 / 2,
        read_share=1 / 3,
        judged=True,
        absent="`quic` is off, or the target does not speak it",
        phases="`tls` is the whole handshake",
    ),
    Prober(
        name="upload",
        over="as an upload",
        titled="for uploads",
        made_by="probe.measure.one_leg.upload:measure_upload",
        transport="tcp",
        # Of a connection through a proxy the kernel knows the way to the proxy.
        through_proxy=False,
        is_on=lambda settings: settings.upload,
        speaks=lambda target: target.upload,
        leg=sent,
        light_share=0.0,
        read_share=1 / 3,
        judged=True,
        # Whose certificate is another name's is sent no body.
        swaps=lambda swap: swap.answer is Answer.EXPECTED,
        only_reads=True,
        direction="up",
        absent="`upload` is not set, or nothing is sent to the target",
        phases="`transfer` is from the request to the last acknowledgement",
    ),
)

NAME_PROBERS: tuple[NameProber, ...] = (
    NameProber(transport="udp", made_by="probe.measure.names.dns:ask", every_round=True),
    NameProber(transport="https", made_by="probe.measure.names.doh:ask", every_round=False),
)

BESIDE: tuple[Prober, ...] = PROBERS[1:]
"""Those that make some legs once more."""


BY_NAME: Mapping[str, Prober] = {prober.name: prober for prober in PROBERS}


def goes_up(name: str) -> bool:
    """Whether it is what is sent that the prober of that name compares."""
    known = BY_NAME.get(name)
    return known is not None and known.direction == "up"


def used(settings: Settings) -> tuple[Prober, ...]:
    """Those beside TCP that a configuration uses."""
    return tuple(prober for prober in BESIDE if prober.is_on(settings))


def judged_beside(settings: Settings) -> tuple[Prober, ...]:
    """Those whose legs ``settings`` has made and judged by themselves."""
    return tuple(p for p in BESIDE if p.judged and p.is_on(settings))
