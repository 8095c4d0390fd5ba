"""The engine behind the gate: Prometheus, VictoriaMetrics, whatever takes remote write."""

from __future__ import annotations

import httpx
from msgspec import Struct

from probe.publish.forward.remote_write_message import HEADERS

SECONDS = 20.0
# What it says of samples goes back to who sent them, who looks at 4 KiB.
MOST_ANSWER_BYTES = 4_096
MOST_CONNECTIONS = 32


class EngineAnswer(Struct, frozen=True, kw_only=True):
    """Its status and words; status 503 and none: it could not be asked."""

    status: int
    text: bytes = b""


class Engine:
    """Where what passes goes, as one request each. Used until ``close``."""

    def __init__(self, url: str) -> None:
        self._url = url
        # No proxy, password or certificate of the environment, and no redirect.
        self._client = httpx.AsyncClient(
            trust_env=False,
            timeout=SECONDS,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS),
        )

    async def write(self, body: bytes) -> EngineAnswer:
        """One attempt; never raises for what the engine or the way to it does."""
        try:
            async with self._client.stream(
                "POST", self._url, content=body, headers=HEADERS
            ) as answer:
                text = b""
                async for part in answer.aiter_raw():
                    text += part
                    if len(text) >= MOST_ANSWER_BYTES:
                        break
                return EngineAnswer(status=answer.status_code, text=text[:MOST_ANSWER_BYTES])
        except (httpx.HTTPError, OSError):
            return EngineAnswer(status=503)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
