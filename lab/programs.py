"""Debian programs that tests compare us with: absent, a test is skipped; where CI=true it fails."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str, package: str) -> None:
    """Skip the running test with the reason if ``program`` is not installed; fail it in CI."""
    if shutil.which(program) is not None:
        return
    reason = f"{program} is not installed (Debian's package {package})"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
