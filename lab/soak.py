"""A daemon with the default platforms left alone for a while, and what the packets say of it.

Everything here is asked from outside: the daemon's own pages and log, the command ``platforms``, a
capture of the client's interface, and what the servers saw.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct

from lab.capture import (
    MARK_PORT,
    Connection,
    Exchange,
    connections,
    contacted,
    dns_exchanges,
    packets,
)
from lab.daemon import LabDaemon, Scrape
from lab.lab import Lab
from lab.net import WORLD_ADDRESS
from lab.world.build import site_name
from lab.world.dns import Zone
from lab.world.events import Handshake, Query, Request
from lab.world.spec import WorldSpec
from probe.config import load
from probe.config.hosts import covers
from probe.config.neutral import neutral_names
from probe.config.schema import Config
from probe.model.identity import EVERY_LEG, Answer, Phase

HTTPS = 443
MOST_STOP_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
# What else this machine has to do may make some late; a daemon that is too slow, nearly all.
MOST_LATE = 0.25
# Rounds at ten seconds need more than anybody would give.
PLENTY = "1000GB/month"

KNOCK = {phase.value for phase in (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)}


class Soak(Struct, frozen=True, kw_only=True):
    """What a run left behind. ``listed`` are the hosts that ``throttlewatch platforms`` prints,
    ``wire_bytes`` those of every captured packet with its IP header."""

    seconds: float
    start_seconds: float
    stop_seconds: float
    status: int
    log: str
    scrape: Scrape
    listed: frozenset[str]
    connections: tuple[Connection, ...]
    exchanges: tuple[Exchange, ...]
    contacted: Mapping[str, set[str]]
    wire_bytes: int
    requests: tuple[Request, ...]
    queries: tuple[Query, ...]
    handshakes: tuple[Handshake, ...]
    spec: WorldSpec
    config: Config

    @property
    def rounds(self) -> float:
        """Rounds that ended."""
        return self.scrape.sum("rounds_total")

    def bursts(self, **labels: str) -> float:
        """Bursts, which a round that looks suspicious on a busy machine starts: they take turns
        with rounds, and go to addresses that are known."""
        return self.scrape.sum("rounds_total", kind="burst", **labels)

    @property
    def knocks(self) -> int:
        """Handshakes of swaps that take any answer, after which nothing is asked: a control's name
        at a site that is no control's."""
        neutral = neutral_names(self.config.controls)
        own = {site_name(control) for control in self.config.controls}
        return sum(one.sni in neutral and one.site not in own for one in self.handshakes)

    @property
    def secure_queries(self) -> int:
        """Queries over HTTPS, each of which is one of ``requests`` too."""
        return sum(query.transport == "https" for query in self.queries)


def soak(
    lab: Lab,
    extra: Mapping[str, object],
    *,
    rounds: int = 0,
    seconds: float = 0.0,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Soak:
    """Run a daemon until it has made ``rounds`` rounds and ``seconds`` have passed.

    ``extra`` are keys of its main file. Raises ``RuntimeError`` when ``patience_seconds`` more have
    passed without so many rounds.
    """
    path = lab.daemon_config({"data_budget": PLENTY, **extra})
    before = len(lab.events())
    began = time.monotonic()
    with lab.capture() as capture, LabDaemon(lab, path) as daemon:
        while time.monotonic() - began < seconds or daemon.rounds() < rounds:
            time.sleep(1.0)
        scrape = quiet(daemon)
        daemon.stop()
    if capture.dropped:
        raise RuntimeError(f"the capture lacks {capture.dropped} packets")
    listed = lab.exec(
        [sys.executable, "-m", "probe", "platforms", "-c", str(path)], env={"COLUMNS": "500"}
    )
    events = lab.events()[before:]
    assert daemon.stop_seconds is not None
    assert daemon.status is not None
    return Soak(
        seconds=time.monotonic() - began,
        start_seconds=daemon.start_seconds,
        stop_seconds=daemon.stop_seconds,
        status=daemon.status,
        log=daemon.log,
        scrape=scrape,
        listed=frozenset(listed.stdout.split()),
        connections=tuple(connections(capture.path)),
        exchanges=tuple(dns_exchanges(capture.path)),
        contacted=contacted(capture.path),
        wire_bytes=sum(
            p.wire_bytes for p in packets(capture.path) if p.destination[1] != MARK_PORT
        ),
        requests=tuple(e for e in events if isinstance(e, Request)),
        queries=tuple(e for e in events if isinstance(e, Query)),
        handshakes=tuple(e for e in events if isinstance(e, Handshake)),
        spec=lab.spec,
        config=load(path, {}),
    )


def quiet(daemon: LabDaemon) -> Scrape:
    """The metrics at a moment at which no round is under way."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        before, scrape = daemon.rounds(), daemon.scrape()
        if before == scrape.sum("rounds_total") and not scrape.sum("round_running"):
            return scrape
        if time.monotonic() > until:
            raise RuntimeError("there is always a round under way")
        time.sleep(0.05)


def faults(seen: Soak) -> Iterator[str]:
    """What is not as the product promises, in words. Nothing, if all is well."""
    yield from _of_process(seen)
    yield from _of_legs(seen)
    yield from _of_hosts(seen)
    yield from _of_dns(seen)


def _of_process(seen: Soak) -> Iterator[str]:
    if seen.status != 0:
        yield f"the daemon ended with status {seen.status}"
    if seen.stop_seconds > MOST_STOP_SECONDS:
        yield f"the daemon took {seen.stop_seconds:.1f} s to stop"
    if "Traceback" in seen.log:
        yield f"a traceback in the log: {seen.log}"
    for name in ("rounds_abandoned_total", "legs_skipped_total"):
        if seen.scrape.sum(name):
            yield f"{name} is {seen.scrape.sum(name):g}"
    late = seen.scrape.sum("rounds_late_total")
    if late > MOST_LATE * seen.rounds and not seen.bursts():
        yield f"{late:g} of {seen.rounds:g} rounds were late"


def _of_legs(seen: Soak) -> Iterator[str]:
    """Every leg of every platform is well and has every phase; no connection is used twice."""
    for platform in seen.config.platforms:
        phases = {phase.value for phase in EVERY_LEG}
        if seen.bursts(platform=platform.name):
            phases -= {Phase.RESOLVE.value}
        for target in platform.targets:
            name = f"{platform.name}/{target.name}"
            labels = {"platform": platform.name, "target": target.name}
            swap = target.swap
            for role in ("target", *(["swap"] if swap is not None else [])):
                knock = role == "swap" and swap is not None and swap.answer is Answer.ANY
                shown = [s.value for s in seen.scrape.of("leg_success", leg=role, **labels)]
                if knock and not shown:
                    continue  # a round makes one of them, drawn
                if shown != [1.0]:
                    yield f"the {role} {name} is not well"
                of = seen.scrape.of("leg_phase_seconds", leg=role, **labels)
                wanted = phases & KNOCK if knock else phases
                missing = wanted - {s.labels["phase"] for s in of}
                if missing:
                    yield f"the {role} {name} has no {', '.join(sorted(missing))}"
    if not any(seen.scrape.of("leg_success", leg="control")):
        yield "no control was measured"
    https = [c for c in seen.connections if c.server[1] == HTTPS]
    if any(connection.syn_count > 1 for connection in seen.connections):
        yield "a SYN was sent twice"
    if any(request.number != 1 for request in seen.requests):
        yield "a connection carried a second request"
    if len(https) != len(seen.requests) + seen.knocks:
        yield f"{len(https)} connections, but {len(seen.requests)} requests, {seen.knocks} knocks"


def _of_hosts(seen: Soak) -> Iterator[str]:
    zone = Zone(seen.spec.zone, seen.spec.ttl_seconds)
    for kind in ("sni", "dns"):
        for name in sorted(seen.contacted[kind]):
            if not covers(list(seen.listed), name):
                yield f"{name} ({kind}) is not listed by `throttlewatch platforms`"
    allowed = zone.addresses_of(seen.listed) | {*seen.listed, WORLD_ADDRESS}
    for address in sorted(seen.contacted["addresses"] - allowed):
        yield f"{address} is not an address of anything that is listed"


def _of_dns(seen: Soak) -> Iterator[str]:
    """One packet for each measurement: a name that a platform alone has is asked for once in each
    of its rounds, at every resolver, and each query has a port of its own."""
    sockets = Counter((e.resolver, e.client_port, e.id) for e in seen.exchanges)
    if sockets and max(sockets.values()) > 1:
        yield "a query was sent twice"
    asked = Counter((e.resolver, e.name) for e in seen.exchanges)
    every = {e.name for e in seen.exchanges}
    named = [r.address for r in seen.config.settings.dns.resolvers if r.address and not r.doh]
    connected = {p.name: _connected(seen, p.name) for p in seen.config.platforms}
    for platform, names in connected.items():
        bursts = seen.bursts(platform=platform)
        rounds = seen.scrape.sum("rounds_total", platform=platform) - bursts
        others = {name for other, of in connected.items() if other != platform for name in of}
        # Which name below a ``*.`` entry is met is known once a page has said it.
        below = {n for n in every - names - others if covers([w for w in names if "*" in w], n)}
        for name in sorted({n for n in names - others if "*" not in n} | below):
            counts = {resolver: float(asked[resolver, name]) for resolver in named}
            # The system's own is asked twice, once as the host does, once by the measurement; for
            # a burst only as the host does.
            lookups = asked[WORLD_ADDRESS, name] - rounds
            if not rounds <= lookups <= rounds + bursts:
                counts[WORLD_ADDRESS] = lookups
            wrong = {resolver: n for resolver, n in counts.items() if n != rounds}
            if wrong:
                yield f"{rounds:g} rounds of {platform}, but queries for {name}: {wrong}"


def _connected(seen: Soak, platform: str) -> set[str]:
    """Names that a platform's targets are measured by, as its DNS metrics have them."""
    return {s.labels["name"] for s in seen.scrape.of("dns_success", platform=platform)} & {
        host for p in seen.config.platforms if p.name == platform for host in p.hosts
    }
