"""What people write where a configuration wants another form: the right value is named, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.files import mistakes


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("acknowledge_risks: yes", "true"),
        ("acknowledge_risks: Off", "false"),
        ("acknowledge_risks: 1", "true"),
        ("quic: maybe", ""),
        ("listen: localhost", "localhost:9880"),
        ("listen: 0.0.0.0", "0.0.0.0:9880"),
        ('listen: "::1"', '"[::1]:9880"'),
        ("listen: http://127.0.0.1:9881/", "127.0.0.1:9881"),
        ("listen: 99999", ""),
        ("listen: 1.5", ""),
        ("listen: pi.local", ""),
        ("data_budget: 3GB", "3GB/month"),
        ("data_budget: 3 gb per month", "3GB/month"),
        ("data_budget: 100 MB daily", "100MB/day"),
        ("data_budget: 2GiB a month", "2GiB/month"),
        ("data_budget: 3", ""),
        ("data_budget: 3GB/week", ""),
        ("platforms: [fb]", "facebook"),
        ("platforms: [insta]", "instagram"),
        ("platforms: [YT]", "youtube"),
        ("platforms: [X]", "x"),
        ("platforms: [Twitter]", "x"),
        ("platforms: [tiktok]", ""),
        ("language: urdu", "ur"),
    ],
)
def test_one_mistake_is_told_once_and_with_what_was_meant(
    text: str, meant: str, tmp_path: Path
) -> None:
    (mistake,) = mistakes(tmp_path, text)
    assert mistake.suggestion == meant
    if meant:
        key = text.partition(":")[0]
        put = f"{key}: [{meant}]" if "[" in text else f"{key}: {meant}"
        right = not mistakes(tmp_path, put)
        assert right, put
