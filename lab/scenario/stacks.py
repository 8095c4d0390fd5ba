"""JA3 fingerprints of TLS stacks, as a box will read them."""

from __future__ import annotations

import functools
import socket
import ssl
import subprocess

from lab.box.hello import Hello, read_stream
from lab.scenario.curl import OTHER_HELLO
from probe.measure.tls.trust import Trust
from scenarios.model import Stack

WAIT_SECONDS = 5.0


def fingerprints(stack: Stack) -> tuple[str, ...]:
    """The fingerprints that a rule for a stack looks for; empty: it does not look."""
    if stack is Stack.ANY:
        return ()
    return of_probe() if stack is Stack.PROBE else of_curl()


@functools.cache
def of_probe() -> tuple[str, ...]:
    """Of the probe's own hello, with either set of protocols that its legs offer."""
    trust = Trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    found = []
    for alpn in (("h2", "http/1.1"), ("http/1.1",)):
        outgoing = ssl.MemoryBIO()
        session = trust.client(ssl.MemoryBIO(), outgoing, sni="x.com", alpn=alpn, check_name=False)
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            found.append(_fingerprint(outgoing.read()))
    return tuple(dict.fromkeys(found))


@functools.cache
def of_curl() -> tuple[str, ...]:
    """Of curl's hello to a name, as scenarios have it say, caught on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT_SECONDS)
        port = listener.getsockname()[1]
        command = [
            "curl",
            *OTHER_HELLO,
            "-sS",
            "--max-time",
            "2",
            "--resolve",
            f"x.com:{port}:127.0.0.1",
        ]
        with subprocess.Popen(
            [*command, f"https://x.com:{port}/"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as curl:
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(WAIT_SECONDS)
                data = accepted.recv(65_536)
            curl.terminate()
    return (_fingerprint(data),)


def _fingerprint(data: bytes) -> str:
    hello = read_stream(data)
    assert isinstance(hello, Hello)
    return hello.fingerprint
