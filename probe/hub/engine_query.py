"""Asks the engine for what its rules recorded: Prometheus' query API, as others speak it too."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite, nan

import httpx
import msgspec
from msgspec import Struct

SECONDS = 30.0
MOST_ANSWER_BYTES = 64 * 1024 * 1024
# Prometheus answers at most 11,000 points of a series.
MOST_STEPS = 10_000
_PATH = "/api/v1/query_range"


class EngineQueryError(Exception):
    """The engine cannot be asked, or answers with something else; the text says which."""


class RecordedSeries(Struct, frozen=True):
    """One series of an answer: its labels, and pairs of a time and a number as text."""

    metric: dict[str, str]
    values: tuple[tuple[float, str], ...]

    def by_step(self, step_seconds: float) -> dict[int, float]:
        """Its numbers by the number of their step; what is none, as 0 / 0, is left out."""
        numbers = {round(at / step_seconds): float(value) for at, value in self.values}
        return {step: number for step, number in numbers.items() if isfinite(number)}

    @property
    def newest(self) -> float | None:
        """Its last number; ``None``: it is none."""
        value = float(self.values[-1][1]) if self.values else nan
        return value if isfinite(value) else None


class _Found(Struct, frozen=True):
    result: tuple[RecordedSeries, ...]


class _Answer(Struct, frozen=True):
    status: str
    data: _Found | None = None
    error: str = ""


class EngineQuery:
    """Asks the engine at ``url``, the base of its API. Used until ``close``."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        # No proxy, password or certificate of the environment, and no redirect.
        self._client = httpx.Client(trust_env=False, timeout=SECONDS)

    def over(
        self, query: str, start: float, end: float, step_seconds: float
    ) -> tuple[RecordedSeries, ...]:
        """The series of ``query`` at each step from ``start`` to ``end`` (Unix seconds). Raises
        ``EngineQueryError``."""
        asked = {"query": query, "start": start, "end": end, "step": step_seconds}
        try:
            with self._client.stream("POST", self._url + _PATH, data=asked) as answer:
                body = _bounded(answer.iter_bytes())
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise EngineQueryError(f"the engine cannot be asked: {type(error).__name__}") from error
        try:
            said = msgspec.json.decode(body, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise EngineQueryError(
                f"status {answer.status_code}, and no answer of Prometheus' query API"
            ) from error
        if said.status != "success" or said.data is None:
            raise EngineQueryError(f"the engine refuses: {said.error[:200]}")
        return said.data.result

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _bounded(parts: Iterable[bytes]) -> bytes:
    found = bytearray()
    for part in parts:
        found += part
        if len(found) > MOST_ANSWER_BYTES:
            raise EngineQueryError(f"an answer of more than {MOST_ANSWER_BYTES} bytes")
    return bytes(found)
