"""TLS contexts of a site: the certificate follows the name in the ClientHello."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from lab.world.events import Handshake, Log, now
from lab.world.spec import Site
from probe.config.hosts import covers


def server_context(
    now_is: Callable[[], Site], folder: Path, *, log: Log, session_tickets: int
) -> ssl.SSLContext:
    """The context to listen with; it hands over to that of the name in the ClientHello. ``now_is``:
    the site as it is when one comes; its certificates stay, which of them is shown may change."""
    site = now_is()
    contexts: list[tuple[tuple[str, ...], ssl.SSLContext]] = []
    for certificate in site.certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / certificate.file)
        context.set_alpn_protocols(list(site.alpn))
        context.num_tickets = session_tickets
        contexts.append((certificate.names, context))

    def choose(server: ssl.SSLObject, sni: str | None, _: ssl.SSLContext) -> None:
        log.add(Handshake(at=now(), site=site.name, sni=sni))
        if sni is None:
            return
        name = now_is().aliases.get(sni.lower(), sni)
        for names, context in contexts:
            if covers(names, name):
                server.context = context
                return

    first = contexts[0][1]
    first.sni_callback = choose
    return first
