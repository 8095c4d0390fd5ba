"""From what a real engine has recorded to a page, by the real commands and a person's hand."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as Xml

import httpx
import pytest
from click.testing import CliRunner, Result

from probe.cli import main
from probe.config.schema import NationConfig
from probe.config.values import Seconds
from probe.model.finding import Finding
from probe.model.identity import Access, Role, Vantage
from probe.model.verdict import State
from probe.nation.fuse import fuse
from probe.nation.fusion_memory import FusionMemory
from probe.nation.sight import GRID_SECONDS, Reading, Seen, Sight
from probe.publish.forward.remote_write_message import HEADERS, encode
from tests.hub.recorded import STRUCK, series_of
from tests.publish.forward.receivers import PrometheusReceiver
from tests.publish.notify.receivers import Heard, down, listening, taken

NETWORKS = (17557, 23674, 38264, 45595)
TITLES = {"x": "X (Twitter)", "youtube": "YouTube"}
MINUTES, ONSET, END = 100, 60, 20
"""How long before now it begins to be measured, X is slowed, and is fine again."""


def vantages() -> list[Vantage]:
    return [
        Vantage(name=f"pk-{asn}-{i}", country="PK", asn=asn, access=Access.FIXED)
        for asn in NETWORKS
        for i in range(2)
    ]


def played(now: float) -> list[Finding]:
    """X throttled in three of four networks for 40 minutes; YouTube fine. A reference is fine."""
    config, memory, found = NationConfig(hold=Seconds(300.0)), FusionMemory(), list[Finding]()
    last = int(now // GRID_SECONDS)
    abroad = Vantage(name="ref", country="DE", access=Access.HOSTING, role=Role.REFERENCE)
    for ago in range(MINUTES, -1, -1):
        at, onset = (last - ago) * GRID_SECONDS, (last - ONSET) * GRID_SECONDS
        readings = [
            Reading(vantage=abroad, platform=platform, state=State.OK, since=0.0)
            for platform in TITLES
        ]
        for one in vantages():
            slowed = END <= ago <= ONSET and one.asn != NETWORKS[3]
            for platform in TITLES:
                bad = slowed and platform == "x"
                readings.append(
                    Reading(
                        vantage=one,
                        platform=platform,
                        state=State.THROTTLED if bad else State.OK,
                        since=onset if bad else at - 3_600.0,
                        factor=12.0 if bad else None,
                    )
                )
        seen = tuple(Seen(vantage=one) for one in (*vantages(), abroad))
        sight = Sight(at=at, seen=seen, readings=tuple(readings))
        memory, findings = fuse(memory, sight, config, titles=TITLES)
        found += findings
    return found


def written(findings: list[Finding], engine: PrometheusReceiver) -> None:
    """Into the engine, with the series of vantages that some queries read."""
    samples: dict[tuple[tuple[str, str], ...], list[tuple[int, float]]] = {}

    def put(labels: dict[str, str], step: int, value: float) -> None:
        at = round(step * GRID_SECONDS * 1_000)
        samples.setdefault(tuple(sorted(labels.items())), []).append((at, value))

    for key, steps in series_of(findings).items():
        labels = dict(key)
        for step, value in steps.items():
            if labels["__name__"] == STRUCK:
                for i in range(2):
                    name = f"pk-{labels['asn']}-{i}"
                    voter = {**labels, "__name__": "vantage:throttlewatch_voter_affected:max"}
                    affected = {**labels, "__name__": "vantage:throttlewatch_affected:max"}
                    put({**voter, "vantage": name}, step, 1.0)
                    put({**affected, "vantage": name}, step, 1.0)
                    slow = {"__name__": "throttlewatch_verdict_slowdown_ratio", "vantage": name}
                    put({**slow, "country": "PK", "platform": labels["platform"]}, step, 12.0)
            elif labels["__name__"] == "looking restricted":
                state = {"__name__": "throttlewatch_verdict_state", "state": "ok", "vantage": "ref"}
                put({**state, "role": "reference", "platform": labels["platform"]}, step, 1.0)
            elif ":" in labels["__name__"]:
                put(labels, step, value)
    body = encode({key: tuple(several) for key, several in samples.items()}, {})
    answer = httpx.post(engine.write_url, content=body, headers=HEADERS, trust_env=False)
    assert answer.status_code // 100 == 2, answer.text


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[PrometheusReceiver]:
    made = PrometheusReceiver(tmp_path / "engine")
    made.start()
    yield made
    made.kill()
    made.program.client.close()


@pytest.fixture
def heard() -> Iterator[Heard]:
    with listening() as found:
        yield found


class Links(HTMLParser):
    """Where a page leads, and whether it runs anything."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


def ran(*words: str, fails: bool = False) -> Result:
    done = CliRunner().invoke(main, ["hub", *words])
    assert (done.exit_code != 0) is fails, done.output
    return done


def test_who_only_looks_makes_no_ledger(tmp_path: Path) -> None:
    file = tmp_path / "findings.sqlite3"
    for words in (["findings"], ["release", "pk-x-restricted-1"], ["correct", "pk-1", "No."]):
        said = ran(words[0], "--ledger", str(file), *words[1:], fails=True)
        assert "`throttlewatch hub publish` makes it" in said.output
        assert not file.exists()


def written_in(site: Path) -> str:
    """Every word of it, and of pictures what is no drawing."""
    return "".join(file.read_text(errors="replace") for file in site.rglob("*") if file.is_file())


def whole(site: Path) -> None:
    """Every page is well formed, runs nothing, and leads to what is there."""
    for file in site.rglob("*.html"):
        links = Links()
        links.feed(file.read_text())
        assert not links.tags & {"script", "iframe", "img", "object", "form"}
        for link in links.found:
            if link.startswith("https://"):
                continue
            assert not link.startswith(("/", "http:")), f"{file}: {link}"
            assert (file.parent / link).is_file(), f"{file}: {link}"
    assert not list(site.rglob(".*")), "nothing half written is left"


def test_a_finding_is_a_draft_until_it_is_released_and_then_corrected(
    tmp_path: Path, engine: PrometheusReceiver, heard: Heard
) -> None:
    written(played(time.time()), engine)
    site, ledger = tmp_path / "site", ("--ledger", str(tmp_path / "findings.sqlite3"))
    file = tmp_path / "fleet.yaml"
    place = f"127.0.0.1:{heard.port}"
    (tmp_path / "url").write_text(f"json://{place}/")
    file.write_text(
        "platforms: [x, youtube]\nnation: {hold: 5m, close: 10m}\n"
        f"notify: {{receivers: [{{name: group, url_file: url, hosts: ['{place}']}}]}}\n"
    )
    networks = tmp_path / "networks"
    networks.write_text("# by hand\n17557 PTCL\nAS23674 Nayatel <Ltd>\n")
    publish = (
        *("publish", "-c", str(file), *ledger, "--engine", engine.program.url, "--out", str(site)),
        *("--networks", str(networks), "--name", "Watch & Co"),
        *("--url", "https://watch.example.org"),
    )
    ran(*publish)
    whole(site)
    country = (site / "pk" / "index.html").read_text()
    # A draft is shown to nobody: not its words, and not its strip.
    everything = written_in(site)
    assert "is throttled or blocked nation-wide" not in everything
    assert "s-throttled" not in re.sub(
        r"<style>.*?</style>|<ul class=.legend.*?</ul>", "", country, flags=re.DOTALL
    )
    assert "Nothing is said of X (Twitter) for now." not in country, "it has ended"
    assert json.loads((site / "api/v1/incidents.json").read_text())["incidents"] == []
    listed = ran("findings", *ledger).stdout
    (name,) = re.findall(r"^(pk-x-restricted-\d+)  draft", listed, re.MULTILINE)
    assert "X (Twitter) is throttled or blocked nation-wide, 3 of 4 networks" in listed

    assert heard.requests == 0, "of a draft nobody is told"
    ran("release", *ledger, name)
    heard.answer = down
    assert "group: not delivered" in ran(*publish).stderr
    whole(site)
    country = (site / "pk" / "index.html").read_text()
    page = (site / "incidents" / name / "index.html").read_text()
    assert "s-throttled" in re.sub(r"<ul class=.legend.*?</ul>", "", country, flags=re.DOTALL)
    assert "AS17557 PTCL" in country
    assert "AS23674 Nayatel &lt;Ltd&gt;" in page
    assert "slower at the median" in page
    assert "It has ended, and was seen last at" in page
    assert "Who did it, on whose order, or why" in page
    # No vantage has a name here.
    everything = written_in(site)
    assert not re.search(r"pk-17557-\d", everything)
    (one,) = json.loads((site / "api/v1/incidents.json").read_text())["incidents"]
    assert [(n["asn"], n["affected"], n["vantages"]) for n in one["networks"]] == [
        (17557, 2, 2),
        (23674, 2, 2),
        (38264, 2, 2),
    ]
    assert one["networks_heard"] == 4
    assert one["reference"] == "fine"

    ran("hold", *ledger, name, fails=True)
    ran("correct", *ledger, name, "Two of these vantages were in one home.")
    heard.answer = taken
    ran(*publish)
    ran(*publish)
    (letter,) = heard.letters
    assert letter["title"] == "Correction (PK), and 1 more"
    assert "Ended: X (Twitter) was throttled or blocked nation-wide (PK)" in letter["message"]
    assert f"https://watch.example.org/incidents/{name}/index.html" in letter["message"]
    assert "Two of these vantages were in one home." in letter["message"]
    page = (site / "incidents" / name / "index.html").read_text()
    assert "Two of these vantages were in one home." in page
    feed = Xml.parse(site / "feed.atom").getroot()
    atom = "{http://www.w3.org/2005/Atom}"
    (entry,) = feed.findall(f"{atom}entry")
    assert "Two of these vantages were in one home." in (entry.findtext(f"{atom}summary") or "")
    assert (entry.findtext(f"{atom}updated") or "") >= (entry.findtext(f"{atom}published") or "")
    items = json.loads((site / "feed.json").read_text())["items"]
    assert items[0]["url"] == f"https://watch.example.org/incidents/{name}/index.html"
    # Where the engine is away, what was published stays, and why is said.
    engine.kill()
    assert "the engine cannot be asked" in ran(*publish, fails=True).stderr
    assert (site / "incidents" / name / "index.html").read_text() == page


def test_what_lasted_is_released_by_the_rule_and_what_is_held_is_not(
    tmp_path: Path, engine: PrometheusReceiver
) -> None:
    written(played(time.time()), engine)
    ledger = ("--ledger", str(tmp_path / "findings.sqlite3"))
    publish = ("publish", *ledger, "--engine", engine.program.url, "--out", str(tmp_path / "site"))
    ran(*publish, "--release-after", "45m")
    (name,) = re.findall(r"^(\S+)  draft", ran("findings", *ledger).stdout, re.MULTILINE)
    ran("hold", *ledger, name)
    ran(*publish, "--release-after", "30m")
    assert f"{name}  held" in ran("findings", *ledger).stdout
    ran("release", *ledger, name)
    assert ran("findings", *ledger).stdout == ""
    other = ("--ledger", str(tmp_path / "other.sqlite3"))
    said = ran("publish", *other, *publish[3:], "--release-after", "30m").stderr
    assert f"{name} was released, as it has lasted for so long" in said
    assert "no incident is called" in ran("release", *other, "nobody", fails=True).stderr
    assert "is no URL" in ran(*publish[:4], "ftp://x", *publish[5:], fails=True).stderr
