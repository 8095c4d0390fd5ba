"""The hub's web server, in a process of its own; beside it a door for those who look after it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import uvicorn

from probe.hub.engine import Engine
from probe.hub.register import Register
from probe.hub.rounds_desk import RoundsDesk
from probe.hub.service import Hub
from probe.publish.parcels.parcel import SECONDS_FOR_ONE
from probe.publish.web.patience import LARGEST_HEAD_BYTES, PatientProtocol
from probe.publish.web.server import ListenError, Server, split_listen

# Each probe asks once a minute; those beyond are told 503 and come again.
MOST_CONNECTIONS = 2_000
QUEUE = 1_024
STOP_SECONDS = 10
# A fleet of thousands should not hold a connection each from one minute to the next.
KEEP_SECONDS = 5


class HubProtocol(PatientProtocol):
    """As patient as a probe on a slow line, with its largest parcel of rounds."""

    answer_seconds = SECONDS_FOR_ONE + 20.0


class HubCannotListenError(Exception):
    """It cannot begin; the text says why."""


def run(
    register: Register,
    engine: str,
    listen: str,
    metrics_listen: str,
    cert_file: Path | None,
    key_file: Path | None,
    rounds: RoundsDesk | None = None,
    ledger: Path | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; what is being answered is finished. Metrics are on
    ``metrics_listen`` alone. Raises ``HubCannotListenError``."""
    hub = Hub(register, Engine(engine), rounds=rounds, ledger=ledger)
    try:
        host, port = split_listen(listen)
        numbers = Server(hub.numbers_app(), metrics_listen)
        listening = _bound(host, port)
    except ListenError as error:
        raise HubCannotListenError(str(error)) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise HubCannotListenError(f"cannot listen on {listen!r}: {why}") from error
    with listening:
        config = uvicorn.Config(
            hub.app(),
            ssl_certfile=cert_file,
            ssl_keyfile=None if key_file is None else str(key_file),
            http=HubProtocol,
            h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
            ws="none",
            lifespan="on",
            # What the hub has to say is in /metrics; no line says who came.
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        try:
            config.load()
        except OSError as error:
            raise HubCannotListenError(f"{cert_file}, {key_file}: {error}") from error
        try:
            asyncio.run(_serve(uvicorn.Server(config), listening, numbers))
        except ListenError as error:
            raise HubCannotListenError(str(error)) from error


async def _serve(server: uvicorn.Server, listening: socket.socket, numbers: Server) -> None:
    await numbers.start()
    try:
        await server.serve(sockets=[listening])
    finally:
        await numbers.stop()


def _bound(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=QUEUE
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=QUEUE)
