"""The world of numbers: a line, a censor, far ends, and the troubles that come over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

from lab.world.build import world_for
from lab.world.content import PAGES
from probe.config.candidates import mark_of
from probe.config.definition import Target
from probe.config.schema import Config
from probe.measure.names.round_names import Resolution
from probe.model.failure import Failure
from probe.model.identity import FIRST_PROBER, Phase
from probe.model.observation import Clock, Leg, LegObservation
from probe.schedule.leg_patience import LegPatience
from scenarios.model import Answers, Impostor, Over, Pauses, Restricted
from synth.censor import Censor, Meeting
from synth.edges import Edge, EdgeModel, draw_distance
from synth.exchange import TIMEOUT, Exchange, ForgedAnswer, Server
from synth.line import LineAtWork, LineModel
from synth.names import LIE, Names
from synth.quic import QuicExchange
from synth.rot import Rot, Rotten, apply
from synth.troubles import FREQUENCIES, Frequency, Kind, Now, Trouble, draw_troubles
from synth.upload import UploadExchange

CABLE_DELAY = 0.1
CABLE_LOSS = 0.02
# A satellite's handover takes a second of every fifteen, and most of what is sent meanwhile.
HANDOVER_SHARE = 1.0 / 15.0
HANDOVER_LOSS = 0.7
FEW_SECONDS = 20.0
LONG_SECONDS = 10_000.0
_EXCHANGES: dict[str, type[Exchange]] = {
    FIRST_PROBER: Exchange,
    "quic": QuicExchange,
    "upload": UploadExchange,
}
_DEATHS = (TIMEOUT, TIMEOUT, "connection_refused", "connection_reset", "eof_error")


class World:
    """Everything on the other side of the probe, seeded. Times must not go back.

    ``least_addresses``: how many each name has at least (three at most). ``addresses``: from which
    the number of each name's is drawn instead (four at most). ``wall_offset_seconds``: what the
    host's clock shows beside the world's; ``stepping``: it is being set.
    """

    def __init__(
        self,
        config: Config,
        line: LineModel,
        *,
        seed: int,
        edges: EdgeModel,
        other_line: LineModel | None = None,
        begin: float = 0.0,
        least_addresses: int = 1,
        addresses: Sequence[int] = (),
    ) -> None:
        self.random = random = Random(seed)
        self.config = config
        spec = world_for(config)
        self.zone: dict[str, tuple[str, ...]] = {}
        for name, known in spec.zone.items():
            own = tuple(address for address in known if ":" not in address)
            count = random.choice(addresses) if addresses else max(len(own), least_addresses)
            self.zone[name] = _as_many(own, count)
        self.censor = Censor(self.zone, seed)
        self.names = Names(self.zone, config.settings.dns, self.censor, random)
        self._lines = [LineAtWork(line, random, begin)]
        if other_line is not None:
            self._lines.append(LineAtWork(other_line, random, begin))
        self.line = self._lines[0]
        self._edges: dict[str, Edge] = {}
        self._site_of: dict[str, str] = {}
        platforms = {
            address
            for platform in config.platforms
            for host in platform.hosts
            for address in self.zone.get(host, ())
        }
        for site in spec.sites:
            distance = draw_distance(
                edges, random, platform=not platforms.isdisjoint(site.addresses)
            )
            networks = {a.rpartition(".")[0] for a in site.addresses if ":" not in a}
            found = {a for some in self.zone.values() for a in some}
            its = {a for a in found if a.rpartition(".")[0] in networks}
            its |= {a for a in site.addresses if ":" not in a}
            for address in sorted(its):
                near = distance * random.uniform(0.9, 1.3)
                self._edges[address] = Edge(edges, near, random, begin)
                self._site_of[address] = site.name
        self._now = Now(())
        self._taken: dict[str, list[float]] = {}
        self._domestic = {
            address
            for control in config.controls
            if control.scope == "domestic"
            for host in control.hosts
            for address in self.zone.get(host, ())
        }
        self.answers: tuple[Answers, ...] = ()
        self.pauses: tuple[Pauses, ...] = ()
        self.gone: frozenset[str] = frozenset()
        self.rotten: Rotten = {}
        self.forger: Callable[[Leg], ForgedAnswer | None] = lambda _: None
        self.busy_seconds = 0.0
        self.wall_offset_seconds = 0.0
        self.stepping = False
        self.queue_seconds = 0.0
        self.share = 1.0
        self.up_free = 1.0
        self._share = 1.0
        self._turns: tuple[float, float] | None = None

    @property
    def sites(self) -> tuple[str, ...]:
        """All operators' names."""
        return tuple(dict.fromkeys(self._site_of.values()))

    def distance(self, platform: str) -> float:
        """How far a platform's first host is, beyond the line (seconds of a round trip)."""
        hosts = next(p.hosts for p in self.config.platforms if p.name == platform)
        address = next(self.zone[host][0] for host in hosts if self.zone.get(host))
        return self._edges[address].distance_seconds

    def trouble(self, troubles: Sequence[Trouble]) -> None:
        """What will go wrong."""
        self._now = Now(troubles)

    def draw_troubles(
        self,
        *,
        begin: float,
        seconds: float,
        frequencies: Mapping[Kind, Frequency] = FREQUENCIES,
    ) -> tuple[Trouble, ...]:
        """A time of usual troubles."""
        return draw_troubles(
            self.random,
            begin=begin,
            seconds=seconds,
            edges=sorted(self._edges),
            sites=self.sites,
            controls=[control.name for control in self.config.controls],
            platforms=[platform.name for platform in self.config.platforms],
            frequencies=frequencies,
        )

    def restrict(
        self,
        restrictions: Iterable[Restricted],
        *,
        share: float = 1.0,
        turns: tuple[float, float] | None = None,
    ) -> None:
        """What somebody does on the way, from now on: to a ``share`` of the connections, drawn one
        by one, and, with ``turns``, only in the first so many seconds of every so many."""
        self.censor.restrict(restrictions)
        self._share, self._turns = share, turns

    def _spared(self, at: float) -> bool:
        if self._turns is not None and at % self._turns[1] >= self._turns[0]:
            return True
        return self._share < 1.0 and self.random.random() >= self._share

    def becomes(self, line: LineModel, now: float) -> None:
        """Another line carries everything."""
        self._lines[0] = self.line = LineAtWork(line, self.random, now)

    def begin_round(self, now: float) -> None:
        """A round or burst begins."""
        state = self._now
        state.move_to(now)
        elsewhere = state.value(Kind.OTHER_LINE) is not None and len(self._lines) > 1
        self.line = self._lines[1 if elsewhere else 0]
        cross = state.value(Kind.CROSS_TRAFFIC) or 1.0
        self.names.filtered = self._hosts(Kind.FILTER)
        self.names.filed = self._hosts(Kind.HOSTS_FILE)
        self.names.half_answered = self._hosts(Kind.LOOKUP)
        self.line.begin_round(
            now,
            share=self.share / cross / (state.value(Kind.CAP) or 1.0),
            queue_seconds=self.queue_seconds + 0.02 * (cross - 1.0),
        )
        self.line.up_free = self.up_free

    def _hosts(self, kind: Kind) -> dict[str, float]:
        """The hosts of the platforms that ``kind`` is about now, with its value."""
        about = self._now.by_kind.get(kind, {})
        return {
            host: value
            for platform in self.config.platforms
            if (value := about.get(platform.name)) is not None
            for host in platform.hosts
        }

    @property
    def clock_stepped(self) -> bool:
        """The host's clock is being set."""
        return self.stepping or self._now.value(Kind.CLOCK) is not None

    @property
    def offline(self) -> bool:
        """Nothing passes at all."""
        return self._now.value(Kind.OFFLINE) is not None

    @property
    def resolver_trouble(self) -> float:
        """The share of questions that the host's resolver leaves unanswered."""
        if self.offline:
            return 1.0
        return self._now.value(Kind.RESOLVER) or 0.0

    def leg(
        self,
        leg: Leg,
        resolution: Resolution,
        *,
        order: int,
        at: float,
        patience: LegPatience,
        seen_names: tuple[str, ...],
        side_by_side: int = 1,
    ) -> tuple[LegObservation, float]:
        """Make one leg; also when it is over. Troubles begin and end in the midst of rounds.
        ``side_by_side``: so many are under way at once."""
        self._now.move_to(at)
        address = resolution.address
        if address is None:
            wall = at + self.wall_offset_seconds
            return _unresolved(leg, resolution, order, wall), at + (resolution.seconds or 0.0)
        meeting = self._meeting(leg, address, at)
        meeting.over = Over(leg.prober)
        meeting.side_by_side = side_by_side
        made = _EXCHANGES[leg.prober](
            leg,
            address=address,
            at=at,
            patience=patience,
            server=self._server(leg, address, at),
            line=self.line,
            censor=self.censor,
            meeting=meeting,
            random=self.random,
            busy_seconds=self._busy(),
            wall_offset_seconds=self.wall_offset_seconds,
        )
        return made.run(order=order, resolve_seconds=resolution.seconds, seen_names=seen_names)

    def _busy(self) -> float:
        most = max(self.busy_seconds, self._now.value(Kind.BUSY_HOST) or 0.0)
        return self.random.uniform(0.0, most) if most else 0.0

    def _meeting(self, leg: Leg, address: str, at: float) -> Meeting:
        meeting = Meeting(spared=self._spared(at), at=at)
        state = self._now
        if not state.by_kind:
            return meeting
        meeting.silent = self.offline
        if state.value(Kind.CABLE_CUT) is not None and address not in self._domestic:
            meeting.loss, meeting.delay_seconds = CABLE_LOSS, CABLE_DELAY
        if state.value(Kind.PORTAL) is not None:
            meeting.impostor = Impostor.OTHER_NAME
        self._at_home(meeting, address, at)
        return meeting

    def _at_home(self, meeting: Meeting, address: str, at: float) -> None:
        """What a household's own line and machine do to a leg."""
        state, draw = self._now, self.random.random
        if (loss := state.value(Kind.WIFI)) is not None:
            meeting.loss = 1.0 - (1.0 - meeting.loss) * (1.0 - loss)
        meeting.delay_seconds += state.value(Kind.TUNNEL) or 0.0
        self._few(meeting, address, at)
        if (share := state.value(Kind.PORTS)) is not None and draw() < share:
            meeting.no_syn = True
        if state.value(Kind.HANDOVER) is not None and draw() < HANDOVER_SHARE:
            meeting.loss = max(meeting.loss, HANDOVER_LOSS)
        if (some := state.value(Kind.INSPECTION)) is not None:
            # Of three kinds of sites all are opened (1), or one or two are spared (2, 3).
            opened = _third(self._site_of.get(address, "")) >= some - 1.0
            meeting.impostor = Impostor.UNTRUSTED if opened else meeting.impostor
            meeting.opened = opened
        if (way := state.by_kind.get(Kind.BIG_PACKETS)) is not None:
            site = self._site_of.get(address, "")
            meeting.no_large = site in way or ("" in way and _third(site) < 2)

    def _few(self, meeting: Meeting, address: str, at: float) -> None:
        """A limit on how many connections are taken in some seconds."""
        found, site = (
            self._now.by_kind.get(Kind.FEW_CONNECTIONS, {}),
            self._site_of.get(address, ""),
        )
        for whom, of, field in (("", address, "no_syn"), (site, site, "reset")):
            if (most := found.get(whom)) is None:
                continue
            late = [one for one in self._taken.get(of, []) if at - one < FEW_SECONDS]
            if len(late) >= most:
                setattr(meeting, field, True)
            else:
                late.append(at)
            self._taken[of] = late

    def _server(self, leg: Leg, address: str, now: float) -> Server:
        if address == LIE:
            return Server(distance_seconds=0.03, think_seconds=0.01, impostor=Impostor.OTHER_NAME)
        edge = self._edges[address]
        edge.settle(now)
        factor = edge.factor * edge.leg_factor()
        made = Server(
            distance_seconds=edge.distance_seconds,
            think_seconds=edge.think_seconds,
            factor=factor,
            hello_factor=edge.hello_factor,
        )
        if self._now.by_kind:
            self._trouble(made, leg, address)
        for answers in self.answers:
            if leg.connect_to in answers.hosts or leg.sni in answers.hosts:
                made.status = answers.status or 0
                made.think_seconds += answers.latency_seconds.value
                if answers.bits_per_second is not None:
                    made.bytes_per_second = answers.bits_per_second.value / 8.0
        for pauses in self.pauses:
            if leg.connect_to not in pauses.hosts:
                continue
            if pauses.after_bytes is None:
                made.think_seconds += LONG_SECONDS
            else:
                made.pauses_at = pauses.after_bytes.value
        if leg.connect_to in self.gone:
            made.dead = TIMEOUT
        if (rot := self.rotten.get(leg.candidate)) is not None:
            apply(rot, made, leg)
        made.forged = self.forger(leg)
        return made

    def link(self, candidate: Target) -> str | None:
        """To what the page of ``candidate`` leads now; ``None``: to nothing."""
        if candidate.discover is None or self.rotten.get(mark_of(candidate)) is Rot.NO_LINK:
            return None
        return PAGES[candidate.discover.page].link

    def _trouble(self, server: Server, leg: Leg, address: str) -> None:
        state = self._now
        site, owner = self._site_of[address], leg.owner
        server.not_yet_valid = state.value(Kind.CLOCK_BEHIND) is not None
        server.not_listed = state.value(Kind.AUTHORITIES, owner) is not None
        # Some answer an unknown name by an alert, which is small, and some by a certificate.
        way = state.by_kind.get(Kind.BIG_PACKETS, {})
        server.alerts = site in way or ("" in way and _third(site) == 1)
        slow = (state.value(Kind.EDGE_SLOW, address) or 1.0) * (
            state.value(Kind.CONTROL_SLOW, owner) or 1.0
        )
        slow *= state.value(Kind.SITE_SLOW, site) or 1.0
        server.hello_factor *= slow
        if address not in self._domestic:
            slow *= state.value(Kind.CABLE_CUT) or 1.0
        server.factor *= slow
        server.distance_seconds += state.value(Kind.SITE_MOVED, site) or 0.0
        if state.value(Kind.EDGE_DEAD, address) or state.value(Kind.CONTROL_DEAD, owner):
            server.dead = _DEATHS[sum(map(ord, address)) % len(_DEATHS)]
        refusing = state.value(Kind.REFUSING, owner) or state.value(Kind.SERVER_ERRORS, owner)
        if refusing:
            server.status = _STATUSES[int(refusing) % len(_STATUSES)] if refusing < 500 else 503


def _as_many(addresses: tuple[str, ...], count: int) -> tuple[str, ...]:
    """So many addresses (four more than it has at most): others lie in the same network."""
    if not addresses:
        return ()
    network, _, place = addresses[0].rpartition(".")
    more = (f"{network}.{int(place) + away}" for away in _AWAY)
    return (*addresses, *more)[: max(count, 1)]


def _third(site: str) -> int:
    """One of three kinds of a site, always the same."""
    return sum(map(ord, site)) % 3


_AWAY = (100, 200, 50, 150)
_STATUSES = (403, 429, 451, 302, 404)


def _unresolved(leg: Leg, resolution: Resolution, order: int, at: float) -> LegObservation:
    seconds = resolution.seconds or 0.0
    return LegObservation(
        leg=leg,
        order=order,
        started_at=at,
        duration_seconds=seconds,
        clock=Clock.LOOP,
        phases={Phase.RESOLVE: seconds},
        failure=resolution.failure or Failure(phase=Phase.RESOLVE, reason="dns_no_answer"),
    )
