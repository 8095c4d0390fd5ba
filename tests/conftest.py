"""Guards for every test: no blocking call may hide in the event loop."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--synthetic-seeds",
        type=int,
        default=2,
        help="how often each scenario is played in the world of numbers (tests/scenarios)",
    )
