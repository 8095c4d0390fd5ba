"""The lab's fixtures."""

from __future__ import annotations

from lab.requires import requires_lab

__all__ = ["requires_lab"]
