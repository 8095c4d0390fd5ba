"""What this host would get for names: c-ares (through aiodns) with the host's own settings.

For finding addresses, not for measuring DNS: the first answer wins, and only c-ares knows what was
sent. ``measure_dns`` measures.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Sequence
from typing import Any

import aiodns
import pycares

from probe.config.schema import VantageConfig
from probe.measure.dns_message import ascii_name
from probe.measure.failures import TIMEOUT
from probe.measure.family import SOCKET_FAMILIES
from probe.measure.resolvers import SYSTEM, system_nameservers
from probe.model.failure import Failure
from probe.model.identity import Family, Phase
from probe.model.observation import Clock, DnsAnswer, DnsObservation

_TRIES = 2
# The second round of c-ares waits up to twice as long as the first.
_WAITS = 3

# Absolute names only: a search list would send the name, with a suffix, to more servers. Giving any
# flags turns off EDNS, which is on by default.
_FLAGS = pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_EDNS

# ares.h, ARES_AI_NOSORT, which pycares does not name: any of the addresses will do, and putting
# them in order (RFC 6724) would open a socket towards each.
_NOSORT = 1 << 7

_FROM_THE_HOST = VantageConfig(name="host")

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


_Future = asyncio.Future[pycares.AddrInfoResult]


async def host_lookups(
    names: Sequence[str],
    family: Family,
    *,
    timeout_seconds: float,
    via: VantageConfig = _FROM_THE_HOST,
) -> tuple[DnsObservation, ...]:
    """Look ``names`` up as this host does: ``/etc/hosts`` first, then the system's nameservers.

    The ``nameservers`` of ``via`` replace the system's and are asked from where the vantage leaves.
    Without any its source and interface do not matter: the host's own may be reached by the host's
    own way only (a stub on the loopback, the home's router).
    All names are asked for at once on one channel of c-ares: to open one costs more than to ask. It
    is closed afterwards, since c-ares keeps answers as long as it lives and offers no switch.

    Packets for a name (c-ares 1.34, counted at the server): one, if the first nameserver answers
    within a third of ``timeout_seconds`` divided by the number of nameservers; two to each
    nameserver at most, since a lost packet must not look like a lost name; none for what
    ``/etc/hosts`` has. An error (SERVFAIL, REFUSED, NOTIMP, junk) is asked again once, NXDOMAIN and
    an empty answer are not. A truncated answer is asked for again over TCP. ``tries`` and
    ``timeout`` are always given, so that ``attempts`` and ``timeout`` of resolv.conf do not apply.
    Once a nameserver has answered for three names, c-ares expects the second answer for another
    within ten times as long as these took, half a second at least.

    An answer of ours is made only of addresses: c-ares tells no more. Private addresses are no
    failure here, for they are what the host would connect to. Never raises for what the network
    does, and ends within ``timeout_seconds``.
    """
    lookups = [_Lookup(name, family) for name in names]
    try:
        async with _resolver(timeout_seconds, via) as resolver:
            await _all_done([lookup.begin(resolver) for lookup in lookups], timeout_seconds)
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

    def __init__(self, name: str, family: Family) -> None:
        self._name = name
        self._family = family
        self._started_at, self._began = time.time(), time.monotonic()
        self._ended: float | None = None
        self._future: _Future

    def begin(self, resolver: aiodns.DNSResolver) -> _Future:
        try:
            wanted = ascii_name(self._name)
        except ValueError as error:
            self._future = resolver.loop.create_future()
            self._future.set_exception(error)
            return self._future
        self._future = resolver.getaddrinfo(
            wanted, family=SOCKET_FAMILIES[self._family], flags=_NOSORT
        )
        self._future.add_done_callback(self._note)
        return self._future

    def _note(self, _: _Future) -> None:
        self._ended = time.monotonic()

    def error(self) -> BaseException | None:
        """Why there is no answer, now that the time is over."""
        return TimeoutError() if self._future.cancelled() else self._future.exception()

    def observation(self, error: BaseException | None) -> DnsObservation:
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


def _resolver(timeout_seconds: float, via: VantageConfig) -> _Resolver:
    own = via.nameservers
    count = len(own or system_nameservers())
    return _Resolver(
        nameservers=own,
        local_ip=via.source_address if own else None,
        local_dev=via.interface if own else None,
        tries=_TRIES,
        timeout=timeout_seconds / (_WAITS * max(1, count)),
        flags=_FLAGS,
    )


def _answer(found: pycares.AddrInfoResult, seconds: float) -> DnsAnswer:
    ttls = [node.ttl for node in found.nodes] + [cname.ttl for cname in found.cnames]
    return DnsAnswer(
        seconds=seconds,
        rcode="NOERROR",
        addresses=tuple(node.addr[0].decode() for node in found.nodes),
        ttl_seconds=min(ttls, default=None),
    )


def _failure(error: BaseException) -> Failure:
    if isinstance(error, TimeoutError):
        return Failure(phase=Phase.RESOLVE, reason=TIMEOUT, detail="no answer in time")
    # Most errors are (code, text); one that c-ares meets while setting up is the text alone.
    code = error.args[0] if len(error.args) > 1 else None
    return Failure(
        phase=Phase.RESOLVE,
        reason=_REASONS.get(code, "dns_non_recoverable_failure"),
        detail=str(error.args[-1]) if error.args else "",
    )
