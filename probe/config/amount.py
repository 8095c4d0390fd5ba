"""How much a configuration would ask for: legs per host, and bytes. Pure arithmetic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from msgspec import Struct

from probe.config.candidates import candidates_of
from probe.config.checks import connect_name
from probe.config.definition import Definition, Target
from probe.config.probers import Prober, used
from probe.config.schema import Config, LegsConfig, ScheduleConfig
from probe.model.identity import Answer, Compares, RoundKind

# What the schedule allows per vantage and host, whatever the configuration says.
LEGS_PER_HOUR = 30.0
# One leg without its body, both ways with TCP and IP headers: a handshake with a certificate chain
# of 3 to 5 kB, a request, and the head of an answer. An estimate; the daemon counts what it uses.
LEG_BYTES = 6_000
# A query and its answer.
DNS_BYTES = 300
# What a body costs beyond itself: headers of TCP and IP, and of TLS records.
BODY_OVERHEAD = 1.05
# So many times as many controls are asked after a round in which none answered. With two of seven
# abroad still up, six of eight miss both in 1 round of 21, two in 5 of 7. Ours.
AFTER_SILENCE = 3
HOUR = 3_600.0
DAY = 86_400.0


class AddedBeside(Struct, frozen=True, kw_only=True):
    """What another prober than TCP adds to a round, at most.

    ``legs``: how many it makes at most, and ``usual`` what is to be expected in a round of each
    kind, those without any included. ``transfer``: bodies of a transfer round, read or sent, each
    as long as one over TCP, and ``share`` of these rounds that have them. ``long``: those of a long
    round, of ``long_bytes``.
    """

    legs: int
    usual: Mapping[RoundKind, float]
    transfer: int
    share: float
    long: int = 0
    long_bytes: int = 0


class RoundSize(Struct, frozen=True, kw_only=True):
    """What a round of one platform consists of, when nothing fails.

    ``legs`` are made in every round (light ones leave out the swaps), ``read_legs`` of them are
    read in a transfer round (in a long round: one target, its corners and a control,
    ``long_legs``, each ``long_bytes`` of its body). ``beside`` is what other probers add, whose
    legs are among ``legs``. ``names`` are asked for of each resolver. ``pages`` are looked through
    for links, now and then; the looks at what is linked come out of what is set aside for them.
    ``further``: light legs to controls that a round has besides, and their names, when none of
    those of the round before it answered.
    """

    legs: int
    read_legs: int
    long_legs: int
    long_bytes: int
    names: int
    pages: int
    beside: tuple[AddedBeside, ...] = ()
    further: int = 0

    def most_body(self, kind: RoundKind, legs: LegsConfig) -> int:
        """Bytes of all bodies of a round of that kind, read and sent, at most."""
        if kind is RoundKind.LIGHT:
            return (self.legs + self.further) * int(legs.light_bytes)
        if kind is RoundKind.LONG:
            sent = sum(one.long * one.long_bytes for one in self.beside)
            return self.long_legs * self.long_bytes + sent
        bodies = self.read_legs + sum(one.transfer for one in self.beside)
        return bodies * int(legs.transfer_bytes)

    def usual_legs(self, kind: RoundKind) -> float:
        """Legs as they are to be expected: not every round has those of every prober."""
        return self.legs - sum(one.legs - one.usual[kind] for one in self.beside)

    def usual_body(self, kind: RoundKind, legs: LegsConfig) -> float:
        """Bytes of bodies as they are to be expected."""
        if kind is RoundKind.LIGHT:
            return 0.0
        if kind is RoundKind.LONG:
            return self.most_body(kind, legs)
        bodies = self.read_legs + sum(one.share * one.transfer for one in self.beside)
        return bodies * int(legs.transfer_bytes)


class Estimate(Struct, frozen=True, kw_only=True):
    """``host_legs_per_hour``: legs of the platforms by the host that is connected to, and
    ``control_legs_per_hour`` those of each control, all from one vantage. ``bytes_per_day`` is from
    all vantages, at the configured intervals."""

    host_legs_per_hour: dict[str, float]
    control_legs_per_hour: float
    bytes_per_day: float


def round_size(config: Config, platform: Definition) -> RoundSize:
    """The size of a round of ``platform``. An upper bound where answers are short."""
    drawn = controls_drawn(config)
    beside = tuple(_beside(config, platform, prober) for prober in used(config.settings))
    reads = [_read(target) for target in platform.targets]
    # The first control of a round that reads is read as well.
    control = any(reads)
    return RoundSize(
        legs=sum(1 for target in platform.targets for _ in _hosts(config, target))
        - max(0, _any_answers(platform) - 1)
        + drawn
        + sum(one.legs for one in beside),
        read_legs=sum(reads) + control,
        long_legs=max(reads, default=0) + control,
        long_bytes=_long_bytes(config, platform),
        names=len({_host(target) for target in platform.targets}) + drawn,
        pages=sum(map(_pages, platform.targets)),
        beside=beside,
        further=controls_after_silence(config) - drawn,
    )


def round_bytes(config: Config, size: RoundSize, kind: RoundKind) -> float:
    """Bytes on the wire of a round of that size, both ways: what is to be expected."""
    dns, body = config.settings.dns, size.usual_body(kind, config.settings.legs)
    resolvers = len(dns.resolvers) + dns.system
    asked = size.names * resolvers * DNS_BYTES
    return size.usual_legs(kind) * LEG_BYTES + body * BODY_OVERHEAD + asked


def _long_bytes(config: Config, platform: Definition) -> int:
    """The most that a long round reads of one object: it may be larger than it is sure to be."""
    read = any(target.compares is Compares.GOODPUT for target in platform.targets)
    return int(config.settings.legs.long_bytes) if read else 0


def estimate(config: Config) -> Estimate:
    """What is to be expected when nothing fails and every round is made."""
    schedule = config.settings.schedule
    rounds_per_hour = HOUR / float(schedule.light)
    hosts: defaultdict[str, float] = defaultdict(float)
    for platform in config.platforms:
        for target in platform.targets:
            for host in _hosts(config, target):
                hosts[host] += rounds_per_hour
            if target.swap is not None:
                # Only rounds that read have swaps, and of those that take any answer one.
                share = 1 / _any_answers(platform) if target.swap.answer is Answer.ANY else 1.0
                transfers = HOUR / float(schedule.transfer)
                hosts[_host(target)] += share * transfers - rounds_per_hour
        for host, legs in _hosts_beside(config, platform, rounds_per_hour):
            hosts[host] += legs
    return Estimate(
        host_legs_per_hour=dict(hosts),
        control_legs_per_hour=rounds_per_hour
        * len(config.platforms)
        * controls_drawn(config)
        / max(1, len(config.controls)),
        bytes_per_day=sum(map(_bytes_per_day, [config] * len(config.platforms), config.platforms))
        * len(config.settings.vantages),
    )


def _hosts_beside(
    config: Config, platform: Definition, rounds_per_hour: float
) -> Iterator[tuple[str, float]]:
    """Legs of other probers to each host in an hour: every target and one swap in rounds that read,
    one target in a share of the light ones."""
    transfers = HOUR / float(config.settings.schedule.transfer)
    for prober in used(config.settings):
        speaking = [target for target in platform.targets if prober.speaks(target)]
        light = prober.light_share * (rounds_per_hour - transfers)
        if prober.only_reads:
            transfers *= prober.read_share
        for target in speaking:
            swapped = target.swap is not None and prober.swaps(target.swap)
            swap = transfers / len(speaking) if swapped else 0.0
            yield _host(target), transfers + light / len(speaking) + swap


def _any_answers(platform: Definition) -> int:
    """Targets whose swap takes any answer; a round that reads makes one of these swaps."""
    swaps = [candidates_of(target)[0].swap for target in platform.targets]
    return sum(swap is not None and swap.answer is Answer.ANY for swap in swaps)


def controls_drawn(config: Config) -> int:
    """How many controls a round has: no two of one operator."""
    return min(config.settings.schedule.controls, _operators(config))


def controls_after_silence(config: Config) -> int:
    """How many it has, when none of those of the round before it answered."""
    return min(controls_asked(config.settings.schedule, silent=True), _operators(config))


def controls_asked(schedule: ScheduleConfig, *, silent: bool) -> int:
    """How many a round draws; ``silent``: none of those of the round before it answered."""
    return (AFTER_SILENCE if silent else 1) * schedule.controls


def _operators(config: Config) -> int:
    return len({control.operator or control.name for control in config.controls})


def _bytes_per_day(config: Config, platform: Definition) -> float:
    schedule, size = config.settings.schedule, round_size(config, platform)
    light = round_bytes(config, size, RoundKind.LIGHT)
    transfer = round_bytes(config, size, RoundKind.TRANSFER)
    transfers = DAY / float(schedule.transfer)
    return light * (DAY / float(schedule.light) - transfers) + transfer * transfers


def _beside(config: Config, platform: Definition, prober: Prober) -> AddedBeside:
    """What ``prober`` adds, at most: legs to what it speaks to, under a neutral name as well where
    it makes such a swap (one of those that take any answer), and to every drawn control, or one
    where none of them can be reached. A light round has legs to one target, without swaps, and in a
    long round an upload goes to one."""
    speaking = [target for target in platform.targets if prober.speaks(target)]
    controls = max(1, controls_drawn(config)) if speaking else 0
    any_answer = any(_swapped(one, prober, Answer.ANY) for one in speaking)
    swaps = [_swapped(one, prober, Answer.EXPECTED) for one in speaking]
    if prober.direction == "up":
        read = [1 + swapped for swapped in swaps]
    else:
        read = [_read_over(target, prober) for target in speaking]
    up = prober.direction == "up" and bool(speaking)
    legs = len(speaking) + sum(swaps) + any_answer + controls
    one_target = 1.0 + _controls_over(config, prober) if speaking else 0.0
    return AddedBeside(
        legs=legs,
        usual={
            RoundKind.LIGHT: prober.light_share * one_target,
            RoundKind.TRANSFER: legs * (prober.read_share if prober.only_reads else 1.0),
            RoundKind.LONG: legs * float(up),
        },
        transfer=sum(read) + controls if any(read) else 0,
        share=prober.read_share,
        long=max(read) + controls if up else 0,
        long_bytes=int(config.settings.legs.long_bytes) if up else 0,
    )


def _controls_over(config: Config, prober: Prober) -> float:
    """How many of the drawn controls ``prober`` reaches, as is to be expected: one where none."""
    every = config.controls
    able = sum(any(map(prober.speaks, control.targets)) for control in every)
    return max(1.0, controls_drawn(config) * able / max(1, len(every)))


def _swapped(target: Target, prober: Prober, answer: Answer) -> bool:
    """Whether a candidate of ``target`` has a swap of this kind that ``prober`` makes."""
    found = (one.swap for one in candidates_of(target) if one.swap is not None)
    return any(swap.answer is answer and prober.swaps(swap) for swap in found)


def _read_over(target: Target, prober: Prober) -> int:
    """Bodies that ``prober`` reads of one target, at most: its own and its swap's."""
    if target.compares is not Compares.GOODPUT:
        return 0
    found = (one.swap for one in candidates_of(target) if one.swap is not None)
    return 1 + any(s.compares is Compares.GOODPUT and prober.swaps(s) for s in found)


def _hosts(config: Config, target: Target) -> Iterator[str]:
    """The host of each leg of ``target``: its own, its swap's (the same) and its decoy's."""
    yield _host(target)
    if target.swap is not None:
        yield _host(target)
    decoy = target.decoy
    beacon = decoy and (decoy.connect_to or config.settings.beacon)
    if beacon:
        yield beacon


def _host(target: Target) -> str:
    first = candidates_of(target)[0]
    if first.discover is not None and first.connect_to is None:
        return first.discover.hosts[0]
    return connect_name(first) or ""


def _pages(target: Target) -> int:
    """How many pages may be looked through for its candidates in one round, at most."""
    found = (one.discover for one in candidates_of(target))
    return sum(1 + len(discover.pages) for discover in found if discover is not None)


def _read(target: Target) -> int:
    first = candidates_of(target)[0]
    corners = (first, first.swap, first.decoy)
    return sum(c is not None and c.compares is Compares.GOODPUT for c in corners)
