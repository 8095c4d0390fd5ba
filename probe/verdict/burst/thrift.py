"""Why the bursts of a suspicion may have to cost their host less. Pure."""

from __future__ import annotations

from msgspec import Struct


class Thrift(Struct, frozen=True, array_like=True):
    """``refused``: since the latest round a host's budget has refused a burst with its swap."""

    refused: bool = False
