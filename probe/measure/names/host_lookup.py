"""What this host would get for names: its hosts file, then c-ares (through aiodns) with the host's
own settings.

For finding addresses, not for measuring DNS: the first answer wins, and only c-ares knows what was
sent. ``measure_dns`` measures. Why c-ares and not the host's own library:
docs/decisions/0008-host-lookup.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiodns
import pycares
from msgspec.structs import replace

from probe.config.schema import VantageConfig
from probe.measure.connection import tcp
from probe.measure.connection.family import SOCKET_FAMILIES, family_of
from probe.measure.names.dns_message import ascii_name
from probe.measure.names.host_files import (
    HostFiles,
    ResolvConf,
    files_come_first,
    hosts_entries,
    resolv_conf,
)
from probe.measure.names.resolver_place import place_of
from probe.measure.names.resolvers import SYSTEM, host_and_port
from probe.measure.one_leg.failures import TIMEOUT, NetworkError, failure_of
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import Clock, DnsAnswer, DnsObservation, Place

# Each round of c-ares waits up to twice as long as the one before.
_TRIES = 2
# What is no fault of EDNS: the name does not exist, or has no such address.
_SETTLED = frozenset({"dns_nxdomain_error", "dns_no_answer"})

# Absolute names only: a search list would send the name, with a suffix, to more servers. Giving any
# flags turns off EDNS, which is on by default and brings cookies along, about which c-ares is
# stricter than any host's own resolver (docs/decisions/0008-host-lookup.md).
_FLAGS = pycares.ARES_FLAG_NOSEARCH

# ares.h, ARES_AI_NOSORT, which pycares does not name: any of the addresses will do, and putting
# them in order (RFC 6724) would open a socket towards each.
_NOSORT = 1 << 7
# ares.h, ARES_AI_ENVHOSTS: the hosts file is the one that CARES_HOSTS names, an empty one. c-ares
# would read the host's own for each channel: half a second of the event loop where it has 200,000
# lines, as lists that block advertisements have. Not the option ``lookups``: pycares 5.2 has given
# its memory back before c-ares reads it.
_HOSTS_BY_ENVIRONMENT = 1 << 8
os.environ["CARES_HOSTS"] = os.devnull

_FROM_THE_HOST = VantageConfig(name="host")
_FILES = HostFiles()

_REASONS: dict[object, str] = {
    pycares.errno.ARES_ENODATA: "dns_no_answer",
    pycares.errno.ARES_EFORMERR: "dns_server_misbehaving",
    pycares.errno.ARES_ESERVFAIL: "dns_servfail_error",
    pycares.errno.ARES_ENOTFOUND: "dns_nxdomain_error",
    pycares.errno.ARES_ENOTIMP: "dns_server_misbehaving",
    pycares.errno.ARES_EREFUSED: "dns_refused_error",
    pycares.errno.ARES_EBADRESP: "dns_server_misbehaving",
    # No server could be sent to: the port is closed, or there is no route. c-ares does not say.
    pycares.errno.ARES_ECONNREFUSED: "dns_temporary_failure",
    pycares.errno.ARES_ETIMEOUT: TIMEOUT,
}
# What c-ares 1.34 opens on Linux: ares_sysconfig_files.c, ares_hosts_file.c.
_FILES_OF_C_ARES = tuple(
    Path("/etc", name)
    for name in ("resolv.conf", "hosts", "nsswitch.conf", "netsvc.conf", "svc.conf")
)

_Future = asyncio.Future[pycares.AddrInfoResult]


async def host_lookups(
    names: Sequence[str],
    family: Family,
    *,
    timeout_seconds: float,
    via: VantageConfig = _FROM_THE_HOST,
    conf: ResolvConf | None = None,
    files: HostFiles = _FILES,
) -> tuple[DnsObservation, ...]:
    """Look ``names`` up as this host does: the hosts file first, then the system's nameservers.

    ``conf``: what resolv.conf says (``None``: it is read). The ``nameservers`` of ``via`` replace
    the system's and are asked from where the vantage leaves.
    Without any its source and interface do not matter: the host's own may be reached by the host's
    own way only (a stub on the loopback, the home's router).
    All names are asked for at once on one channel of c-ares: to open one costs more than to ask. It
    is closed afterwards, since c-ares keeps answers as long as it lives and offers no switch.

    Asked as glibc asks: without EDNS, unless resolv.conf has ``options edns0``; over TCP with
    ``use-vc``, the nameservers in turns with ``rotate``. With ``edns0`` a name that fails otherwise
    than by not existing is asked for again without, so that no failure is one of EDNS or of the
    cookies that c-ares adds to it.

    Packets for a name (c-ares 1.34, counted at the server): one, if the first nameserver answers
    within a third of ``timeout_seconds`` divided by the number of nameservers; two to each
    nameserver at most (or ``attempts`` of resolv.conf, if that is more), since a lost packet must
    not look like a lost name; none for what the hosts file has. An error (SERVFAIL, REFUSED,
    NOTIMP, junk) is asked again once, NXDOMAIN and an empty answer are not. A truncated answer is
    asked for again over TCP. Once a nameserver has answered for three names, c-ares expects the
    second answer for another within ten times as long as these took, half a second at least.

    An answer of ours is made only of addresses: c-ares tells no more. ``place`` says whether it is
    the hosts file's, or where the first nameserver stands. Private addresses are no failure here,
    for they are what the host would connect to. Never raises for what the network does, and ends
    within ``timeout_seconds``.
    """
    if via.nameservers:
        own = ResolvConf(nameservers=via.nameservers)
    else:
        own, via = conf or resolv_conf(), _FROM_THE_HOST
    looked = files_come_first(files)
    found = {
        name: _from_file(name, family, addresses)
        for name, addresses in (hosts_entries(names, family, files) if looked else {}).items()
    }
    asked = [name for name in names if name not in found]
    if asked and own.edns:
        half = timeout_seconds / 2
        for one in await _ask(asked, family, own, via, half, looked):
            found[one.name] = one
        asked = [
            name
            for name in asked
            if (failure := found[name].failure) is not None and failure.reason not in _SETTLED
        ]
        own, timeout_seconds = replace(own, edns=False), half
    if asked:
        for one in await _ask(asked, family, own, via, timeout_seconds, looked):
            before = found.get(one.name)
            since = 0.0 if before is None else before.seconds
            found[one.name] = replace(one, seconds=since + one.seconds)
    return tuple(found[name] for name in names)


async def _ask(
    names: Sequence[str],
    family: Family,
    conf: ResolvConf,
    via: VantageConfig,
    timeout_seconds: float,
    looked: bool,
) -> tuple[DnsObservation, ...]:
    """Ask the nameservers of ``conf`` for all ``names`` at once. ``looked``: the hosts file has
    been read, and has none of them."""
    place = _place(conf)
    flags = _NOSORT | (_HOSTS_BY_ENVIRONMENT if looked else 0)
    lookups = [_Lookup(name, family, place) for name in names]
    if (unusable := _unusable(via) or _endless()) is not None:
        # c-ares would say that no server can be reached.
        return tuple(lookup.observation(unusable) for lookup in lookups)
    try:
        async with _resolver(timeout_seconds, conf, via) as resolver:
            await _all_done([lookup.begin(resolver, flags) for lookup in lookups], timeout_seconds)
    except pycares.AresError as error:
        # c-ares cannot be set up as the vantage says.
        return tuple(lookup.observation(error) for lookup in lookups)
    return tuple(lookup.observation(lookup.error()) for lookup in lookups)


async def _all_done(futures: Sequence[_Future], timeout_seconds: float) -> None:
    """Until all are done, or the time is over: then the others are cancelled."""
    try:
        async with asyncio.timeout(timeout_seconds):
            for future in futures:
                # What it says is looked at later. For one name this is a turn of the event loop
                # less than asyncio.wait().
                with contextlib.suppress(aiodns.error.DNSError, ValueError):
                    await future
    except TimeoutError:
        pass
    finally:
        for future in futures:
            future.cancel()


class _Lookup:
    """One name under way."""

    def __init__(self, name: str, family: Family, place: Place | None) -> None:
        self._name = name
        self._family = family
        self._place = place
        self._started_at, self._began = time.time(), time.monotonic()
        self._ended: float | None = None
        self._future: _Future

    def begin(self, resolver: aiodns.DNSResolver, flags: int) -> _Future:
        try:
            wanted = ascii_name(self._name)
        except ValueError as error:
            self._future = resolver.loop.create_future()
            self._future.set_exception(error)
            return self._future
        self._future = resolver.getaddrinfo(
            wanted, family=SOCKET_FAMILIES[self._family], flags=flags
        )
        self._future.add_done_callback(self._note)
        return self._future

    def _note(self, _: _Future) -> None:
        self._ended = time.monotonic()

    def error(self) -> BaseException | None:
        """Why there is no answer, now that the time is over."""
        return TimeoutError() if self._future.cancelled() else self._future.exception()

    def observation(self, error: BaseException | Failure | None) -> DnsObservation:
        seconds = (time.monotonic() if self._ended is None else self._ended) - self._began
        return DnsObservation(
            name=self._name,
            family=self._family,
            resolver=SYSTEM,
            transport="host",
            started_at=self._started_at,
            seconds=seconds,
            clock=Clock.LOOP,
            answers=(_answer(self._future.result(), seconds),) if error is None else (),
            failure=None if error is None else _failure(error),
            place=self._place,
        )


class _Resolver(aiodns.DNSResolver):
    """On the event loop alone, as aiodns itself is where c-ares cannot have a thread: starting one
    (with a watch on the resolver's configuration) for each channel is most of a look-up's cost."""

    def _make_channel(self, **kwargs: Any) -> tuple[bool, pycares.Channel]:
        this = weakref.ref(self)

        def changed(descriptor: int, readable: bool, writable: bool) -> None:
            resolver = this()
            if resolver is not None:
                resolver._sock_state_cb(descriptor, readable, writable)

        return False, pycares.Channel(sock_state_cb=changed, timeout=self._timeout, **kwargs)

    def _start_timer(self) -> None:
        # aiodns looks each second; here a packet is sent again when c-ares says. The first time is
        # from within c-ares, before the packet has left: then it is the time that it was given.
        wait = self._timeout
        if self._timer is not None:
            wait = self._channel.timeout(1.0)  # type: ignore[no-untyped-call]
        self._timer = self.loop.call_later(wait, self._timer_cb)


def _resolver(timeout_seconds: float, conf: ResolvConf, via: VantageConfig) -> _Resolver:
    flags = _FLAGS
    if conf.edns:
        flags |= pycares.ARES_FLAG_EDNS
    if conf.over_tcp:
        flags |= pycares.ARES_FLAG_USEVC
    tries = max(_TRIES, conf.attempts)
    waits = 2**tries - 1
    return _Resolver(
        nameservers=conf.nameservers or None,
        local_ip=via.source_address,
        local_dev=via.interface,
        tries=tries,
        timeout=timeout_seconds / (waits * max(1, len(conf.nameservers))),
        rotate=conf.rotate,
        flags=flags,
    )


def _unusable(via: VantageConfig) -> Failure | None:
    """Why nothing can leave from where the vantage says, if so."""
    source = via.source_address
    if source is None and via.interface is None:
        return None
    family = Family.IPV4 if source is None else family_of(source)
    try:
        with socket.socket(SOCKET_FAMILIES[family], socket.SOCK_DGRAM) as sock:
            tcp.bind(sock, source, via.interface)
    except (OSError, NetworkError) as error:
        return failure_of(error, Phase.RESOLVE)
    return None


def _endless() -> Failure | None:
    """Why c-ares could not be begun, if so: it opens these files itself, and for a pipe to which
    nobody writes it waits for ever, in the event loop."""
    for path in _FILES_OF_C_ARES:
        if not os.access(path, os.F_OK):
            continue  # as two of them nearly anywhere
        try:
            is_pipe = stat.S_ISFIFO(path.stat().st_mode)
        except OSError:
            continue
        if is_pipe:
            detail = f"{path.name} is a pipe and not a file"
            return Failure(phase=Phase.RESOLVE, reason="dns_non_recoverable_failure", detail=detail)
    return None


def _place(conf: ResolvConf) -> Place | None:
    """Where the nameserver stands that is asked first."""
    if not conf.nameservers:
        return Place.HOST  # nobody is named: glibc and c-ares then ask 127.0.0.1
    try:
        return place_of(host_and_port(conf.nameservers[0])[0])
    except ValueError:
        return None


def _from_file(name: str, family: Family, addresses: tuple[str, ...]) -> DnsObservation:
    return DnsObservation(
        name=name,
        family=family,
        resolver=SYSTEM,
        transport="host",
        started_at=time.time(),
        seconds=0.0,
        clock=Clock.LOOP,
        answers=(DnsAnswer(seconds=0.0, rcode="NOERROR", addresses=addresses),),
        place=Place.FILE,
    )


def _answer(found: pycares.AddrInfoResult, seconds: float) -> DnsAnswer:
    ttls = [node.ttl for node in found.nodes] + [cname.ttl for cname in found.cnames]
    return DnsAnswer(
        seconds=seconds,
        rcode="NOERROR",
        addresses=tuple(node.addr[0].decode() for node in found.nodes),
        ttl_seconds=min(ttls, default=None),
    )


def _failure(error: BaseException | Failure) -> Failure:
    if isinstance(error, Failure):
        return error
    if isinstance(error, TimeoutError):
        return Failure(phase=Phase.RESOLVE, reason=TIMEOUT, detail="no answer in time")
    # Most errors are (code, text); one that c-ares meets while setting up is the text alone.
    code = error.args[0] if len(error.args) > 1 else None
    return Failure(
        phase=Phase.RESOLVE,
        reason=_REASONS.get(code, "dns_non_recoverable_failure"),
        # By its number: the text of an error may have the name, or what a server said.
        detail=f"c-ares: {pycares.errno.errorcode[code]}" if code in _REASONS else "no answer",
    )
