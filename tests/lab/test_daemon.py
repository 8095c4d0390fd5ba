"""The daemon with the default platforms in a world where all is well, seen from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from lab.daemon import LabDaemon
from lab.lab import Lab
from lab.net import CLIENT_INTERFACE
from lab.soak import PLENTY, faults, soak
from lab.world.build import world_for
from probe.config import load
from probe.store import files
from probe.store.shared import Shared

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("requires_lab")]
SCHEDULE = {"light": "10s", "transfer": "20s", "long": "1h"}
SECONDS = 30.0
DELAY_SECONDS = 0.02
SOON_SECONDS = 30.0


@pytest.fixture(scope="module")
def lab(requires_lab: None) -> Iterator[Lab]:
    with Lab(world_for(load(None, {})), delay_seconds=DELAY_SECONDS) as made:
        yield made


def throttlewatch(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in the client's namespace."""
    return lab.exec([sys.executable, "-m", "probe", *arguments], env={"COLUMNS": "300"})


def soon(what: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON_SECONDS
    while not what():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_every_phase_of_every_leg_and_nothing_else_on_the_wire(lab: Lab) -> None:
    # With the default second of lingering the rounds fill 60 % of the time, and a host that halts
    # for a few seconds makes one late.
    settings = {"schedule": SCHEDULE, "dns": {"allow_private": True, "linger": 0.2}}
    seen = soak(lab, settings, seconds=SECONDS, rounds=8)
    assert list(faults(seen)) == []
    kinds = {sample.labels["kind"] for sample in seen.scrape.of("rounds_total")}
    assert kinds >= {"light", "transfer"}
    # Pages, look-ups and what came after a close are all that the counters leave out.
    assert 0.5 < seen.scrape.sum("wire_bytes_total") / seen.wire_bytes <= 1.0


def test_a_wrong_file_leaves_the_old_one_running_and_a_right_one_replaces_it(lab: Lab) -> None:
    often = {"schedule": {**SCHEDULE, "light": "4s"}, "data_budget": PLENTY}
    path = lab.daemon_config({"platforms": ["x"], **often})
    with LabDaemon(lab, path) as daemon:
        soon(lambda: daemon.rounds() > 0)
        path.write_text(path.read_text() + "lissten: nowhere\n")
        status, said = daemon.reload()
        assert status == "500"
        assert "lissten" in said
        assert "listen" in said
        assert daemon.scrape().sum("config_last_reload_successful") == 0.0
        before = daemon.rounds()
        soon(lambda: daemon.rounds() > before)

        lab.daemon_config({"platforms": ["facebook"], **often})
        daemon.signal(signal.SIGHUP)
        soon(lambda: bool(list(daemon.scrape().of("leg_success", platform="facebook"))))
        scrape = daemon.scrape()
        assert scrape.sum("config_last_reload_successful") == 1.0
        assert list(scrape.of("verdict_state", platform="x")) == []
        assert "probe_success 1.0" in daemon.get("/probe?target=facebook/page")
    assert daemon.status == 0
    assert "Traceback" not in daemon.log


def test_check_online_says_which_targets_still_give_what_is_expected(lab: Lab) -> None:
    path = lab.daemon_config()
    done = throttlewatch(lab, "check", "--online", str(path))
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if "https://" in line]
    config = load(path, {})
    targets = [t for d in (*config.platforms, *config.controls) for t in d.targets]
    assert len(lines) >= len(targets)

    gone = {"x": {"targets": [{"name": "page", "url": "https://x.com/gone"}]}}
    done = throttlewatch(lab, "check", "--online", str(lab.daemon_config({"overrides": gone})))
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "https://x.com/gone" in line]
    assert "404" in line


def test_one_round_for_machines_from_two_vantages_of_one_host(lab: Lab) -> None:
    vantages = [
        {"name": "cable", "interface": CLIENT_INTERFACE},
        {"name": "address", "source_address": "100.64.0.2"},
    ]
    path = lab.daemon_config({"vantages": vantages})
    what = ["--json", "--exit-code", "--light", "-p", "x"]
    done = throttlewatch(lab, "once", *what, "-c", str(path))
    assert done.returncode == 0, done.stderr
    said = msgspec.json.decode(done.stdout)
    assert {verdict["vantage"] for verdict in said["verdicts"]} == {"cable", "address"}
    assert {verdict["state"] for verdict in said["verdicts"]} == {"ok"}
    assert all(leg["failure"] is None for of in said["rounds"] for leg in of["legs"])


def test_what_a_command_sends_is_the_daemons_to_count(lab: Lab) -> None:
    history = lab.folder / "counted.sqlite3"
    asked = history.with_name(history.name + files.ASKED)
    # Quiet all day: what is used is what the command has used.
    path = lab.daemon_config(
        {
            "platforms": ["x"],
            "schedule": {**SCHEDULE, "quiet_hours": ["00:00-12:00", "12:00-00:00"]},
            "store": {"path": str(history)},
        }
    )
    done = throttlewatch(lab, "once", "--light", "-c", str(path))
    assert done.returncode == 0, done.stderr
    spent = msgspec.json.decode(asked.read_bytes(), type=Shared).spent["default"].used
    assert spent > 10_000
    for life in range(3):
        if life == 2:
            history.write_bytes(b"The history is lost, what was used is not.")
        with LabDaemon(lab, path) as daemon:
            soon(lambda: daemon.scrape().sum("data_used_bytes") > 0.0)
            assert daemon.scrape().sum("data_used_bytes") == spent
            assert daemon.rounds() == 0.0
        assert msgspec.json.decode(asked.read_bytes(), type=Shared).spent == {}
