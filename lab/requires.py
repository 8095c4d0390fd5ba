"""What the lab needs of its host; tests are skipped with the reason where that is missing.

Where ``CI=true`` a skipped lab would be a hole that nobody sees, so it fails there instead.
"""

from __future__ import annotations

import functools
import os
import shutil

import pytest

from lab.net import NetError, Topology

PROGRAMS = ("ip", "ethtool", "tcpdump", "curl", "sysctl")


@functools.cache
def missing() -> str | None:
    """Why there can be no lab here, or ``None``. Tries the real thing."""
    if os.geteuid() != 0:
        return "the lab needs root (network namespaces)"
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"the lab needs {', '.join(absent)}"
    try:
        with Topology():
            return None
    except NetError as error:
        return f"this kernel or container has no network lab: {error}"


def refuse(reason: str) -> None:
    """Skip the running test; fail it where ``CI=true``."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"CI must run the lab, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def requires_lab() -> None:
    """Ask for this fixture in every test that uses the lab."""
    reason = missing()
    if reason is not None:
        refuse(reason)
