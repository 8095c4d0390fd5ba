"""A row of the flat table of legs, and what a column makes of it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from probe.model.identity import Vantage
from probe.model.observation import LegObservation, TcpInfo
from probe.model.stored import StoredRound
from probe.model.verdict import TransportFinding

TableValue = str | int | float | bool | None


class LegRow(Struct, frozen=True):
    """What one row is made of: a leg, its round, and what is said of the vantage."""

    stored: StoredRound
    leg: LegObservation
    vantage: Vantage

    @property
    def tcp(self) -> TcpInfo:
        """The kernel's numbers; all absent where it gave none."""
        return self.leg.tcp or TcpInfo()

    @property
    def quic(self) -> TransportFinding | None:
        """What was found over QUIC."""
        return self._found("quic")

    @property
    def upload(self) -> TransportFinding | None:
        """What was found of what is sent."""
        return self._found("upload")

    def _found(self, transport: str) -> TransportFinding | None:
        return next((o for o in self.stored.verdict.over if o.transport == transport), None)


class Column(Struct, frozen=True):
    """One column: its name (with the unit), what it means, of which kind its values are (if they
    are not absent), and how a row fills it."""

    name: str
    meaning: str
    kind: type[str | int | float | bool]
    value: Callable[[LegRow], TableValue]
