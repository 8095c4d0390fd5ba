"""Guards for every test: no blocking call may hide in the event loop."""

from __future__ import annotations
