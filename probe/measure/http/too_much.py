"""That a far end does not stop: for those who bound what is read, and those who ask them."""

from __future__ import annotations


class TooMuchError(Exception):
    """The far end does not stop."""
