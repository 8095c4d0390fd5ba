"""Which legs a round has: from the configuration to the declared square. Pure.

A light round reaches every target and its decoy, and the drawn controls, with a few bytes each. A
transfer round also reaches the swaps, and reads the goodput targets, with their goodput swaps and
decoys, and the first control: the same number of bytes each, so that they can be compared. (Swaps
go to their targets' hosts; in every round they would take the budget that bursts need.) A long
round reads one target only, the one with the largest object. Whatever is not read stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from urllib.parse import SplitResult, urlsplit, urlunsplit

from msgspec import Struct
from msgspec.structs import replace

from probe.config.candidates import mark_of
from probe.config.definition import Corner, Definition, Target
from probe.config.probers import BY_NAME, Prober
from probe.config.schema import LegsConfig
from probe.measure.objects.objects import ChosenObject
from probe.model.burst import Burst
from probe.model.identity import FIRST_PROBER, Answer, Compares, Fame, LegRole, RoundKind, Verify
from probe.model.law import Experiment
from probe.model.observation import Leg, SkippedLeg

HTTPS_PORT = 443
UPDATES = 16
"""Window updates of each leg of a burst that reads: 4 KiB of 64 apart. The kernel's smoothed round
trip takes an eighth of each new one (RFC 6298), so of four that waited in a queue two fifths show,
of all of them seven eighths. They are 1.5 kB a leg, as clients send them. Ours."""
UNDRAWN = "name.invalid"
"""Host of the URL of a leg whose name is drawn when the round is made."""


class Endpoint(Struct, frozen=True, kw_only=True):
    """A target with its owner (a platform or control) and what it fetches just now, if anything.

    ``target`` is it as the candidate in use has it (``candidates_of``).
    """

    definition: Definition
    target: Target
    object: ChosenObject | None

    @property
    def readable_bytes(self) -> int:
        """Bytes that a goodput comparison may count on; 0 when there is nothing to compare."""
        if self.target.compares is not Compares.GOODPUT or self.object is None:
            return 0
        return self.object.min_bytes


def connect_name(target: Target, url: str) -> str:
    """The name or literal address that a target's legs connect to."""
    return target.connect_to or (urlsplit(url).hostname or "")


def host_name(target: Target, url: str) -> str:
    """The host that the target's own legs ask."""
    return target.host or (urlsplit(url).hostname or "")


def draw_controls(
    controls: Sequence[Endpoint],
    count: int,
    *,
    read_bytes: int,
    has_tokens: Callable[[Endpoint], bool],
    random: Random,
) -> tuple[Endpoint, ...]:
    """Controls for one round, drawn at random: different operators, the scopes mixed.

    The first one is the one that is read, so it has ``read_bytes`` if any has. Controls whose host
    has no tokens left take no part, unless none has any: then the round shows them as skipped.
    """
    able = [control for control in controls if has_tokens(control)] or list(controls)
    random.shuffle(able)
    chosen: list[Endpoint] = []

    def unfit(control: Endpoint) -> tuple[int, int]:
        missing = 0 if chosen else max(0, read_bytes - control.readable_bytes)
        return missing, sum(c.definition.scope == control.definition.scope for c in chosen)

    while able and len(chosen) < count:
        best = min(able, key=unfit)
        chosen.append(best)
        able = [control for control in able if _operator(control) != _operator(best)]
    return tuple(chosen)


def _operator(control: Endpoint) -> str:
    return control.definition.operator or control.definition.name


def round_cap(kind: RoundKind, legs: LegsConfig) -> int:
    """Most body bytes that a leg of such a round reads: 0 when the round does not read."""
    if kind is RoundKind.LIGHT:
        return 0
    return int(legs.long_bytes if kind is RoundKind.LONG else legs.transfer_bytes)


def deadline_seconds(kind: RoundKind, legs: LegsConfig) -> float:
    """Bound of the whole leg in such a round."""
    if kind is RoundKind.LIGHT:
        return float(legs.light_deadline)
    return float(legs.long_deadline if kind is RoundKind.LONG else legs.transfer_deadline)


def burst_deadline_seconds(burst: Burst, legs: LegsConfig) -> float:
    """Bound of the whole leg in ``burst``, whatever its plan says."""
    if not burst.read_bytes:
        return deadline_seconds(RoundKind.LIGHT, legs)
    long = burst.read_bytes > int(legs.transfer_bytes)
    return deadline_seconds(RoundKind.LONG if long else RoundKind.TRANSFER, legs)


def declare(
    targets: Sequence[Endpoint],
    controls: Sequence[Endpoint],
    kind: RoundKind,
    *,
    legs: LegsConfig,
    beacon: str | None,
) -> tuple[tuple[Leg, ...], tuple[SkippedLeg, ...]]:
    """The legs of one round, and those that have no object to ask for."""
    cap = round_cap(kind, legs)
    read = [t for t in targets if cap and t.readable_bytes]
    if kind is RoundKind.LONG and read:
        read = [max(read, key=lambda endpoint: endpoint.readable_bytes)]
    read_controls = [c for c in controls[:1] if c.readable_bytes]
    size = min([cap, *(e.readable_bytes for e in [*read, *read_controls])])
    light = int(legs.light_bytes)

    made: list[Leg] = []
    skipped: list[SkippedLeg] = []
    for endpoint in targets:
        own = size if endpoint in read else 0
        leg = _leg(LegRole.TARGET, endpoint, own, light)
        if endpoint.object is None:
            skipped.append(SkippedLeg(leg=leg, reason="no_object"))
            continue
        made.append(leg)
        swap, decoy = endpoint.target.swap, endpoint.target.decoy
        if swap is not None and kind is not RoundKind.LIGHT:
            made.append(_swap(leg, swap, own, light))
        if decoy is not None and (decoy.connect_to or beacon):
            made.append(_decoy(leg, decoy, decoy.connect_to or beacon or "", own, light))
    for endpoint in controls:
        leg = _leg(
            LegRole.CONTROL, endpoint, size if endpoint in read_controls and read else 0, light
        )
        if endpoint.object is None:
            skipped.append(SkippedLeg(leg=leg, reason="no_object"))
        else:
            made.append(leg)
    return tuple(made), tuple(skipped)


def in_order(legs: Sequence[Leg], random: Random) -> list[Leg]:
    """The order in which a round makes ``legs``: drawn, but that a swap which takes any answer, or
    is no TCP's, comes before its target, whose name may condemn the address for a while.

    A burst's order is the draw alone: its test needs every order to be as likely as another.
    """
    order = random.sample(legs, len(legs))
    first: dict[tuple[str, str, str], int] = {}
    for place, leg in enumerate(order):
        key = (leg.owner, leg.target, leg.prober)
        before_it = leg.answer is Answer.ANY or leg.prober != FIRST_PROBER
        if leg.role is LegRole.TARGET:
            first[key] = place
        elif leg.role is LegRole.SWAP and before_it and key in first:
            before = first[key]
            order[before], order[place] = leg, order[before]
    return order


def draw_burst_controls(
    controls: Sequence[Endpoint], burst: Burst, *, random: Random
) -> tuple[Endpoint, ...]:
    """The controls of a burst: ``each`` of those that it names, of different operators if there are
    enough, and able to give what it reads. Fewer than ``each`` take turns."""
    named = [c for c in controls if f"{c.definition.name}/{c.target.name}" in burst.controls]
    prober = BY_NAME[burst.prober]
    able = [
        c
        for c in named or controls
        if c.object is not None and prober.speaks(c.target)
        if prober.direction == "up" or c.readable_bytes >= burst.read_bytes
    ]
    chosen: list[Endpoint] = []
    for control in random.sample(able, len(able)):
        if _operator(control) not in map(_operator, chosen):
            chosen.append(control)
    return tuple(chosen[i % len(chosen)] for i in range(burst.each)) if chosen else ()


def burst_reads(targets: Sequence[Endpoint], burst: Burst) -> int:
    """How many bytes each leg of ``burst`` reads, beside controls that can give what it asks; or
    sends, which needs no object of that size."""
    if BY_NAME[burst.prober].direction == "up":
        return burst.read_bytes
    return min((burst.read_bytes, *(e.readable_bytes for e in targets))) if burst.read_bytes else 0


def declare_burst(
    targets: Sequence[Endpoint],
    controls: Sequence[Endpoint],
    burst: Burst,
    *,
    legs: LegsConfig,
) -> tuple[Leg, ...]:
    """The legs of a burst: ``each`` of the target and of its swap, and one of each control given.

    All that compare goodput read the same number of bytes. Those over another transport than TCP
    are its prober's.
    """
    light, prober = int(legs.light_bytes), BY_NAME[burst.prober]
    made: list[Leg] = []
    for endpoint in targets:
        if endpoint.object is None or not controls:
            return ()
        read = burst_reads((endpoint, *controls), burst)
        leg = _leg(LegRole.TARGET, endpoint, read, light)
        made += [leg] * burst.each
        swap = endpoint.target.swap
        # Another candidate may be in use since the burst was planned, and its swap be read as well
        # or not at all.
        if burst.with_swap and swap is not None and _as_read(swap, read, prober):
            made += [_famed(_swap(leg, swap, read, light), swap, burst.fame)] * burst.each
        made += [_leg(LegRole.CONTROL, control, read, light) for control in controls]
    if burst.prober == FIRST_PROBER:
        updates = UPDATES if burst.read_bytes else 0
        return tuple(replace(leg, updates=updates, keep_alive=True) for leg in made)
    if prober.direction == "up":
        made = [replace(leg, max_bytes=burst.read_bytes) for leg in made]
    return tuple(replace(prober.leg(leg, light), prober=prober.name) for leg in made)


def declare_experiment(
    endpoint: Endpoint, experiment: Experiment, *, legs: LegsConfig, prober: str = FIRST_PROBER
) -> tuple[Leg, ...]:
    """The legs of an experiment on one target, by one prober. An object that has fewer bytes is
    read whole."""
    if endpoint.object is None:
        return ()
    light, by = int(legs.light_bytes), BY_NAME[prober]
    leg = _leg(LegRole.TARGET, endpoint, experiment.read_bytes, light)
    if prober != FIRST_PROBER:
        leg = replace(by.leg(leg, light), prober=prober)
    leg = replace(
        leg,
        min_bytes=0,
        segment_bytes=experiment.segment_bytes,
        wait_seconds=experiment.wait_seconds,
    )
    return (leg,) * experiment.reads


def _as_read(swap: Corner, read: int, prober: Prober) -> bool:
    """Whether the swap can be compared with a target of which so much is read, or sent."""
    if prober.direction == "up":
        return prober.swaps(swap)
    return not read or _reads(swap)


def _reads(corner: Corner) -> bool:
    return corner.answer is Answer.EXPECTED and corner.compares is Compares.GOODPUT


def _leg(role: LegRole, endpoint: Endpoint, read: int, light: int) -> Leg:
    target = endpoint.target
    url = endpoint.object.url if endpoint.object is not None else _unknown_url(target)
    parts = urlsplit(url)
    host = parts.hostname or ""
    return Leg(
        role=role,
        owner=endpoint.definition.name,
        target=target.name,
        connect_to=connect_name(target, url),
        port=parts.port or HTTPS_PORT,
        url=with_host(parts, target.host or host),
        sni=target.sni or host,
        certificate_name=target.certificate_name or host,
        verify=target.verify,
        compares=Compares.GOODPUT if read else Compares.HANDSHAKE,
        operator=endpoint.definition.operator,
        http_versions=target.http,
        expect_status=target.expect_status,
        min_bytes=read,
        max_bytes=read or light,
        range_bytes=read or light,
        also_certified=target.also_certified,
        not_a_page=target.not_a_page,
        candidate=mark_of(target),
        pin=target.pin or "",
    )


def _unknown_url(target: Target) -> str:
    """Names a leg whose object was never found: the page that it is looked for on."""
    return target.discover.page if target.discover is not None else ""


def _swap(leg: Leg, corner: Corner, read: int, light: int) -> Leg:
    """The neutral name at the target's address. Where any answer will do, the name is not drawn
    yet (``with_drawn_names``)."""
    if corner.answer is Answer.ANY:
        return replace(
            leg,
            role=LegRole.SWAP,
            url=with_host(urlsplit(leg.url)._replace(path="/", query=""), UNDRAWN),
            sni="",
            certificate_name="",
            verify=Verify.RECORD,
            compares=Compares.HANDSHAKE,
            answer=Answer.ANY,
            pin="",
            min_bytes=0,
            max_bytes=0,
            range_bytes=0,
            also_certified=(),
            not_a_page=False,
        )
    sni = corner.sni or leg.sni
    return _corner(leg, corner, LegRole.SWAP, leg.connect_to, sni, corner.host or sni, read, light)


def _famed(leg: Leg, swap: Corner, fame: Fame) -> Leg:
    """The swap's leg with a name of the kind that is asked for, if ``swap`` has names of both."""
    if swap.answer is Answer.ANY:
        return leg if swap.names else replace(leg, fame=fame)
    if swap.famous is None or fame is Fame.UNKNOWN:
        return leg
    if fame is Fame.OBSCURE:
        return replace(leg, fame=fame)
    named = swap.certificate_name is None
    return replace(
        leg,
        fame=fame,
        sni=swap.famous,
        certificate_name=swap.famous if named else leg.certificate_name,
    )


def _decoy(leg: Leg, corner: Corner, connect_to: str, read: int, light: int) -> Leg:
    """The platform's name at a neutral address."""
    sni = corner.sni or leg.sni
    host = corner.host or urlsplit(leg.url).hostname or ""
    return _corner(leg, corner, LegRole.DECOY, connect_to, sni, host, read, light)


def _corner(
    leg: Leg,
    corner: Corner,
    role: LegRole,
    connect_to: str,
    sni: str,
    host: str,
    read: int,
    light: int,
) -> Leg:
    parts = urlsplit(leg.url)
    if corner.path is not None:
        path, _, query = corner.path.partition("?")
        parts = parts._replace(path=path, query=query)
    reading = read if corner.compares is Compares.GOODPUT else 0
    return Leg(
        role=role,
        owner=leg.owner,
        target=leg.target,
        connect_to=connect_to,
        port=leg.port,
        url=with_host(parts, host),
        sni=sni,
        certificate_name=corner.certificate_name or sni,
        verify=corner.verify,
        compares=Compares.GOODPUT if reading else Compares.HANDSHAKE,
        operator=leg.operator,
        http_versions=leg.http_versions,
        expect_status=corner.expect_status or leg.expect_status,
        min_bytes=min(reading, int(corner.min_bytes)) if reading else 0,
        max_bytes=reading or light,
        range_bytes=reading or light,
        not_a_page=leg.not_a_page and bool(reading),
        candidate=leg.candidate,
    )


def with_host(parts: SplitResult, host: str) -> str:
    """A URL with another host, at the same port."""
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    return urlunsplit(parts._replace(netloc=netloc))
