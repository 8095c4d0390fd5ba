"""A report can be cited: when, by what, on which terms, and whether it is as it was made."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from ruamel.yaml import YAML

from probe import __version__
from probe.cli import main
from probe.config import embedded
from probe.publish.report.gather import gather, window
from probe.publish.report.render import render_html
from probe.publish.report.report_parts import Setting
from probe.publish.report.times import TimeWriter
from synth.event import ONSET, TITLES, VANTAGES, history
from tests.commands.test_reading import over, stored
from tests.pipes import pipe

__all__ = ["stored"]  # a fixture
ROOT = Path(__file__).parents[3]
START, END = ONSET - 3_600.0, ONSET + 3_600.0
SETTING = Setting(country="PK", vantages={v.name: v for v in VANTAGES[:1]}, titles=TITLES)


def page(setting: Setting = SETTING, zone: str = "UTC", licence: str = "CC BY 4.0") -> str:
    rounds = history(START, END, vantages=VANTAGES[:1], platforms=("x",), transfer_every=1)
    return render_html(
        gather(rounds, window(START, END)),
        setting,
        TimeWriter(ZoneInfo(zone)) if zone != "UTC" else TimeWriter(),
        version="1.2.3",
        made_at=END + 60.0,
        schema=7,
        licence=licence,
    )


def test_it_says_when_by_what_and_on_which_terms() -> None:
    section = unescape(page().partition('<h2 id="cite">')[2])
    for words in (
        "20 January 2026, 14:41 UTC",
        "throttlewatch 1.2.3, rules 1, schema 7 of the history",
        "CC BY 4.0",
        "“X: slowed down on 1 network in PK, 20 January 2026”. Network measurement report, "
        "20 January 2026, 12:40 UTC to 20 January 2026, 14:40 UTC, made by throttlewatch 1.2.3 on",
        "docs/method.md",
        "sha256sum -c SHA256SUMS",
    ):
        assert words in section
    assert "<td>more than 1,000,000</td>" in page()
    # Terms are the operator's to give.
    assert "None is stated" in page(licence="")


def test_links_are_of_the_same_hours_and_nothing_is_fetched() -> None:
    html = page()
    links = re.findall(r'<a href="(https:[^"]*)" rel="noreferrer noopener">', html)
    assert [unescape(link) for link in links] == [
        "https://explorer.ooni.org/search?since=2026-01-20&until=2026-01-21&probe_cc=PK"
        "&probe_asn=AS64501",
        f"https://ioda.inetintel.cc.gatech.edu/country/PK?from={START:.0f}&until={END:.0f}",
        "https://radar.cloudflare.com/traffic/pk?dateStart=2026-01-20&dateEnd=2026-01-20",
    ]
    # A link leads away; nothing else does, and the policy lets nothing be loaded.
    assert re.findall(r'(?:src|action|data)="(?:https?:)?//', html) == []
    assert "https://" not in re.sub(r"<a href=[^>]*>", "", html)
    assert "default-src 'none'" in unescape(html)
    # Of no country there is nothing to look up.
    assert "https://" not in page(replace(SETTING, country="ZZ"))


@pytest.mark.parametrize(
    ("zone", "at", "said"),
    [
        ("Asia/Karachi", ONSET, "20 January 2026, 18:40 PKT (13:40 UTC)"),
        ("Asia/Tokyo", ONSET + 3 * 3_600.0, "21 January 2026, 01:40 JST (20 January, 16:40 UTC)"),
        ("UTC", ONSET, "20 January 2026, 13:40 UTC"),
    ],
)
def test_local_times_stand_beside_utc(zone: str, at: float, said: str) -> None:
    clock = TimeWriter(ZoneInfo(zone)) if zone != "UTC" else TimeWriter()
    assert clock.moment(at) == said


def test_the_method_is_named_by_its_bytes_and_by_the_address_that_the_project_states(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that nobody has stated is not made up; a hash holds wherever the text is."""

    def cited() -> str:
        done = CliRunner().invoke(main, ["report", "-o", "-", *over(stored)])
        assert done.exit_code == 0, done.output
        return unescape(done.stdout.partition('<h2 id="cite">')[2])

    digest = hashlib.sha256((ROOT / "docs" / "method.md").read_bytes()).hexdigest()
    citation = (ROOT / "CITATION.cff").read_text()
    stated = re.findall(r"^(?:repository-code|url): *(\S+)", citation, re.MULTILINE)
    assert digest in cited()
    assert all(f'href="{one}"' in cited() for one in stated[:1])
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "method.md").write_text("as it was\n")
    (tmp_path / "CITATION.cff").write_text(
        "title: it\nrepository-code: 'https://code.example/it'\nurl: https://it.example/\n"
    )
    there = {"docs": tmp_path / "docs", "CITATION.cff": tmp_path / "CITATION.cff"}
    monkeypatch.setattr(embedded, "parts", lambda: there)
    section = cited()
    assert hashlib.sha256(b"as it was\n").hexdigest() in section
    assert '<a href="https://code.example/it" rel="noreferrer noopener">' in section
    (tmp_path / "docs" / "method.md").unlink()
    assert "SHA-256 <code" not in cited()


def test_a_manifest_is_one_that_sha256sum_reads(stored: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> int:
        return CliRunner().invoke(main, [*arguments, *over(stored)]).exit_code

    sums = tmp_path / "SHA256SUMS"
    given = ("--manifest", str(sums))
    assert run("report", "-o", str(tmp_path / "r.html"), *given) == 0
    assert run("export", "-f", "csv", "-o", str(tmp_path / "r.csv"), *given) == 0
    assert run("report", "-o", str(tmp_path / "r.html"), *given, "--note", "again") == 0
    checked = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    done = subprocess.run(checked, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "r.html: OK\nr.csv: OK\n"
    with (tmp_path / "r.csv").open("a") as file:
        file.write("x\n")
    assert subprocess.run(checked, cwd=tmp_path, capture_output=True, check=False).returncode == 1
    # What has no name has no sum, and what is no list is not written over.
    assert run("export", "-f", "csv", *given) == 2
    assert run("report", "-o", str(tmp_path / "s.html"), "--manifest", str(tmp_path / "r.csv")) == 1
    assert (tmp_path / "r.csv").read_text().endswith("x\n")
    with pipe(tmp_path / "pipe") as nobody_writes:
        assert run("report", "-o", str(tmp_path / "s.html"), "--manifest", str(nobody_writes)) == 1


def test_a_signed_manifest_says_who_made_what_it_lists(stored: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments))

    sums, key, page = tmp_path / "SHA256SUMS", tmp_path / "anna.pem", tmp_path / "r.html"
    anna = run("targets", "key", str(key)).output.strip()
    other = run("targets", "key", str(tmp_path / "ben.pem")).output.strip()
    made = ("report", "-o", str(page), *over(stored))
    # Both or none, and a key that is one, before anything is written.
    assert run(*made, "--sign", str(key)).exit_code == 2
    assert run(*made, "--manifest", str(sums), "--sign", str(tmp_path)).exit_code != 0
    assert not page.exists()
    assert run(*made, "--manifest", str(sums), "--sign", str(key)).exit_code == 0
    done = run("verify", str(sums), "--key", anna)
    assert (done.exit_code, done.output) == (0, f"r.html: as it was made\nsigned by {anna}\n")
    assert (
        "is no signature of this list by that key" in run("verify", str(sums), "-k", other).output
    )
    assert run("verify", str(sums), "-k", "nonsense").exit_code == 1
    assert "who made them was not looked at" in run("verify", str(sums)).output
    # OpenSSL finds the same.
    sealed = base64.b64decode((tmp_path / "SHA256SUMS.sig").read_bytes())
    (tmp_path / "raw").write_bytes(sealed)
    for command in (
        f"openssl pkey -in {key} -pubout -out {tmp_path}/anna.pub",
        f"openssl pkeyutl -verify -pubin -inkey {tmp_path}/anna.pub -rawin -in {sums} "
        f"-sigfile {tmp_path}/raw",
    ):
        subprocess.run(command.split(), capture_output=True, check=True)
    # One letter of a file, of the list or of the signature is enough.
    whole = page.read_text()
    page.write_text(whole + " ")
    altered = run("verify", str(sums), "--key", anna)
    assert (altered.exit_code, "r.html: ALTERED" in altered.output) == (1, True)
    page.unlink()
    assert "r.html: MISSING" in run("verify", str(sums)).output
    page.write_text(whole)
    assert run("verify", str(sums), "--key", anna).exit_code == 0
    again = run(
        "export", "-f", "csv", "-o", str(tmp_path / "r.csv"), "--manifest", str(sums), *over(stored)
    )
    assert "sign it again" in again.output
    assert run("verify", str(sums), "--key", anna).exit_code == 1
    (tmp_path / "SHA256SUMS.sig").unlink()
    assert "the list is not signed" in run("verify", str(sums), "--key", anna).output
    assert "is no list of sums" in run("verify", str(tmp_path / "r.csv")).output


def test_the_program_can_be_cited() -> None:
    cited = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text())
    assert (cited["title"], cited["version"]) == ("throttlewatch", __version__)
    assert cited["license"] == "Apache-2.0"
    assert {"cff-version", "message", "authors"} <= cited.keys()
