"""From an invitation to the public page: the real commands, a real engine and the real rules.

What probes measure is played: each sends, by its own credential, the page of a daemon that finds X
throttled or fine. All else is what a group runs.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from benchmarks.fleet import page
from probe.commands.drawing import NoPencilError, pencil_of
from probe.commands.rules import rules_text
from probe.config import load
from probe.config.dump import dump
from probe.model.verdict import State
from probe.publish.forward.remote_write_message import HEADERS, encode
from probe.publish.languages.offered import ENGLISH
from probe.store.samples import Labels
from tests.hub.test_hub import RunningHub, ran
from tests.publish.forward.receivers import PrometheusReceiver, RealReceiver, VictoriaReceiver
from tests.publish.notify.receivers import listening

EVERY_SECONDS = 2.0
INSIDE = (64_501, 64_502, 64_503, 64_504)
Sample = tuple[dict[str, str], float]


class Probe:
    """One that has joined, and what it sends."""

    def __init__(self, hub: RunningHub, folder: Path, line: str) -> None:
        ran("join", line, str(folder / "throttlewatch.yaml"), "--yes")
        credential = (folder / "hub-credential").read_text().strip()
        (vantage,) = load(folder / "throttlewatch.yaml", {}).settings.vantages
        self.name, self.url = vantage.name, f"{hub.url}/api/v1/write"
        self.headers = {**HEADERS, "Authorization": f"Bearer {credential}"}

    def send(self, client: httpx.Client, found: list[Sample]) -> int:
        """A moment of it; the status."""
        at = int(time.time() * 1_000)
        samples = {
            tuple(sorted({**labels, "vantage": self.name}.items())): ((at, value),)
            for labels, value in found
        }
        body = encode(samples, {})
        return client.post(self.url, content=body, headers=self.headers).status_code


def said(state: State) -> list[Sample]:
    """The series of a daemon's page with a vantage of its own."""
    return [
        ({**sample.labels, "__name__": sample.name}, sample.value)
        for family in parse(page(state).decode())
        for sample in family.samples
        if sample.labels.get("vantage") == "NAME"
    ]


@contextmanager
def sending(probes: list[tuple[Probe, list[Sample]]]) -> Iterator[list[int]]:
    """All of them, again and again; the statuses that they were answered with."""
    end, statuses = threading.Event(), list[int]()

    def send() -> None:
        with httpx.Client(trust_env=False, timeout=30.0) as client:
            while not end.wait(EVERY_SECONDS):
                statuses.extend(probe.send(client, found) for probe, found in probes)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield statuses
    finally:
        end.set()
        thread.join(60.0)


class WithRules(PrometheusReceiver):
    """A Prometheus that has the fleet's rules."""

    def __init__(self, folder: Path, rules: str) -> None:
        super().__init__(folder)
        (folder / "rules.yml").write_text(rules)
        more = dump({"rule_files": ["rules.yml"]})
        configuration = folder / "prometheus.yml"
        configuration.write_text(configuration.read_text() + more)


@pytest.mark.timeout(400)
def test_from_an_invitation_to_a_page_a_feed_and_a_message(tmp_path: Path) -> None:
    site, ledger = tmp_path / "site", ("--ledger", str(tmp_path / "findings.sqlite3"))
    fleet = tmp_path / "fleet.yaml"
    with listening() as hook, listening() as ntfy:
        places = {"hook": f"json://127.0.0.1:{hook.port}/", "ntfy": ""}
        places["ntfy"] = f"ntfy://127.0.0.1:{ntfy.port}/watch"
        receivers = []
        for name, one in (("hook", hook), ("ntfy", ntfy)):
            (tmp_path / name).write_text(places[name])
            hosts = [f"127.0.0.1:{one.port}"]
            receivers.append({"name": name, "url_file": name, "hosts": hosts})
        fleet.write_text(
            dump(
                {
                    "platforms": ["x", "facebook", "instagram", "youtube"],
                    "nation": {"hold": "0s"},
                    "notify": {"receivers": receivers},
                }
            )
        )
        rules = ran("rules", "-c", str(fleet)).replace("interval: 60s", "interval: 5s")
        assert rules == rules_text(load(fleet, {}), "docs").replace("interval: 60s", "interval: 5s")
        engine = WithRules(tmp_path / "engine", rules)
        engine.start()
        hub = RunningHub(tmp_path, engine.write_url)
        hub.start()
        publish = (
            *("hub", "publish", "-c", str(fleet), *ledger, "--engine", engine.program.url),
            *("--out", str(site), "--behind", "0s", "--url", "https://watch.example.org/"),
        )
        try:
            lines = [hub.invite("--asn", f"AS{asn}")[0] for asn in INSIDE]
            abroad = ("--country", "DE", "--asn", "AS64510", "--access", "hosting")
            lines += hub.invite(*abroad, "--role", "reference")
            probes = [Probe(hub, tmp_path / f"p{n}", line) for n, line in enumerate(lines)]
            states = {name: said(State(name)) for name in ("ok", "throttled")}
            struck = [(one, states["throttled"]) for one in probes[:-1]]
            with sending([*struck, (probes[-1], states["ok"])]) as statuses:
                name = _found((*publish, "--no-pictures"), ledger)
                assert set(statuses) == {204}
            assert "blocked nation-wide" not in _written(site), "a draft is on no page"
            assert (hook.requests, ntfy.requests) == (0, 0)
            ran("hub", "release", *ledger, name)
            ran(*publish)
        finally:
            hub.stop()
            engine.kill()
            engine.program.client.close()
        incident = json.loads((site / "incidents" / name / "incident.json").read_text())
        assert (incident["country"], incident["platform"]) == ("PK", "x")
        assert (incident["scope"], incident["reference"]) == ("nation", "fine")
        assert [one["asn"] for one in incident["networks"]] == [*INSIDE]
        for page_of_it in (site / "incidents" / name).glob("index*.html"):
            assert "AS64501" in page_of_it.read_text()
        assert name in (site / "feed.atom").read_text()
        assert name in (site / "feed.json").read_text()
        picture = site / "incidents" / name / "picture.png"
        assert not _draws() or picture.read_bytes().startswith(b"\x89PNG")
        now = json.loads((site / "api/v1/now.json").read_text())["platforms"]
        assert {one["platform"]: one["state"] for one in now}["x"] == "throttled"
        everything = _written(site)
        assert not [one.name for one in probes if one.name in everything]
        for heard in (hook, ntfy):
            said_to = json.dumps(heard.letters)
            assert f"https://watch.example.org/incidents/{name}/index.html" in said_to
            assert "X (Twitter)" in said_to


def _found(publish: tuple[str, ...], ledger: tuple[str, ...]) -> str:
    """The draft on X, once rules have recorded a minute in which all had told and it had lasted:
    before that it is ``partial``."""
    end = time.monotonic() + 240.0
    while time.monotonic() < end:
        ran(*publish)
        listed = ran("hub", "findings", *ledger)
        found = re.search(r"^(pk-x-restricted-\d+)  draft", listed, re.MULTILINE)
        lasts = "nation-wide" in listed and "nation-wide if it lasts" not in listed
        if found is not None and lasts and "4 of 4 networks" in listed:
            return found[1]
        time.sleep(5.0)
    raise AssertionError("nothing was found")


def _draws() -> bool:
    """Whether this machine has what pictures are drawn with."""
    try:
        return ENGLISH in pencil_of(None).languages()
    except NoPencilError:
        return False


def _written(site: Path) -> str:
    return "".join(file.read_text(errors="replace") for file in site.rglob("*") if file.is_file())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", [PrometheusReceiver, VictoriaReceiver])
def test_what_passes_is_in_either_engine_as_it_was_sent(
    kind: type[RealReceiver], tmp_path: Path
) -> None:
    """In the hub's words of where it is, and no series more than the vantage's own."""
    engine = kind(tmp_path / "engine")
    engine.start()
    hub = RunningHub(tmp_path, engine.write_url)
    hub.start()
    try:
        probe = Probe(hub, tmp_path / "p", hub.invite()[0])
        mine = said(State.THROTTLED)
        with httpx.Client(trust_env=False, timeout=30.0) as client:
            assert probe.send(client, mine) == 204
            stolen: dict[Labels, tuple[tuple[int, float]]] = {
                (("__name__", "throttlewatch_x"), ("vantage", "other")): ((1, 1.0),)
            }
            answer = client.post(probe.url, content=encode(stolen, {}), headers=probe.headers)
            assert answer.status_code == 403
        end = time.monotonic() + 60.0
        while len(found := engine.samples()) < len(mine) and time.monotonic() < end:
            time.sleep(0.5)
    finally:
        hub.stop()
        engine.kill()
        engine.program.client.close()
    assert len(found) == len(mine)
    assert {dict(key)["vantage"] for key in found} == {probe.name}
    placed = {(dict(key).get("country"), dict(key).get("asn")) for key in found}
    assert placed <= {("PK", "17557"), ("PK", None), (None, None)}
    assert ("PK", "17557") in placed
