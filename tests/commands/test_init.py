"""``throttlewatch init``: what people say is understood; what is written is right."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis.strategies import characters, text

from probe.cli import main
from probe.commands.join import invitation_parts
from probe.commands.new_files import SERVICE_FILE, what_keeps_watching
from probe.config import ConfigErrors, contacts, embedded, load
from probe.config.asn_table import AsnEntry, networks, networks_called
from probe.config.calling import (
    called,
    called_near,
    countries,
    country_code,
    country_near,
    network_number,
)
from probe.model.identity import Access
from tests.every import for_every


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", str(file), *arguments])


def test_what_is_given_is_not_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "mine" / "throttlewatch.yaml"
    url = "https://mirror.example.pk/debian/dists/bookworm/InRelease"
    done = run(
        file, "--country", "Pakistan", "--access", "phone", "--asn", "AS17557",
        "--domestic", url, "--data-budget", "2GB",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    config = load(file, {})
    (vantage,) = config.settings.vantages
    assert (config.settings.country, vantage.asn, vantage.access) == ("PK", 17557, Access.MOBILE)
    assert config.settings.data_budget == 2_000_000_000
    assert [c.name for c in config.controls if c.scope == "domestic"] == ["control-domestic"]
    # It says every host, and names the files and the next step.
    for contact in contacts(config):
        assert contact.host in done.output
    assert f"throttlewatch now -c {file}" in done.output
    assert not config.settings.acknowledge_risks


def test_nothing_given_is_right_too(tmp_path: Path) -> None:
    done = run(tmp_path / "t.yaml", "--yes")
    assert done.exit_code == 0, done.output
    assert "country is not set" in done.output
    assert "nobody could be asked" not in done.output
    assert load(tmp_path / "t.yaml", {}).settings.country == "ZZ"


@pytest.mark.parametrize(
    ("file", "systemd", "command"),
    [
        (SERVICE_FILE, True, "sudo systemctl enable --now throttlewatch"),
        (SERVICE_FILE, False, f"throttlewatch run -c {SERVICE_FILE}"),
        (Path("/etc/throttlewatch/mine.yaml"), True, "throttlewatch run -c"),
        (Path("throttlewatch.yaml"), True, "throttlewatch run -c throttlewatch.yaml"),
    ],
)
def test_the_service_is_named_where_the_file_is_its_own(
    file: Path, systemd: bool, command: str
) -> None:
    assert what_keeps_watching(file, systemd=systemd).startswith(command)
    unit = Path(__file__).parents[2] / "config" / "systemd" / "throttlewatch.service"
    assert f"--config {SERVICE_FILE}\n" in unit.read_text()


def test_answers_that_nobody_asks_for_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["init", str(tmp_path / "t.yaml")], input="Pakistan\n")
    assert done.exit_code == 0, done.output
    assert "nobody could be asked (no terminal)" in done.output


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("country: NO\n")
    done = run(tmp_path / "t.yaml", "--country", "pk")
    assert (done.exit_code, (tmp_path / "t.yaml").read_text()) == (1, "country: NO\n")
    (tmp_path / "platforms").mkdir()
    (tmp_path / "platforms" / "control-domestic.yaml").write_text("mine")
    done = run(tmp_path / "u.yaml", "--country", "pk", "--domestic", "https://a.example/x")
    assert done.exit_code == 1
    assert not (tmp_path / "u.yaml").exists()


def test_definitions_that_are_there_already_hold_too(tmp_path: Path) -> None:
    own = tmp_path / embedded.PLATFORMS / "mine.yaml"
    own.parent.mkdir()
    first = tmp_path / "first.yaml"
    assert run(first, "--domestic", "https://mirror.example/InRelease", "-y").exit_code == 0
    (own.parent / "control-domestic.yaml").rename(own)
    done = run(tmp_path / "second.yaml", "--yes")
    assert "mirror.example" in done.output, done.output
    own.write_text("name: mine\n")
    done = run(tmp_path / "third.yaml", "--yes")
    assert (done.exit_code, (tmp_path / "third.yaml").exists()) == (1, False)
    assert "platforms/mine.yaml" in done.output


def test_all_is_written_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / embedded.PLATFORMS).write_text("a file")
    done = run(tmp_path / "t.yaml", "--domestic", "https://mirror.example/InRelease", "-y")
    assert (done.exit_code, (tmp_path / "t.yaml").exists()) == (1, False)
    assert "nothing was written" in done.output
    monkeypatch.chdir(tmp_path)
    done = run(Path("-"), "--yes")
    assert (done.exit_code, Path("-").exists()) == (1, False)
    assert "give it a name" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--country", "Atlantis"), "is no country; expected a name or two letters"),
        (("--country", "Pakstan"), "did you mean Pakistan (PK)?"),
        (("--asn", "Telecom"), "is no network; expected its number, such as AS17557"),
        (("--asn", "AS99999999999"), "is no network"),
        (
            ("--country", "tr", "--asn", "vodafone"),
            "Invalid value for '--asn': 'vodafone' is no network; did you mean AS15897 (Vodafone",
        ),
        (("--hub", "hub.example.org"), "'hub.example.org' is no invitation; expected one such as"),
        (("--hub", "http://hub.example.org/#abc"), "Invalid value for '--hub'"),
        (("--access", "carrier pigeon"), "is none of: fixed, mobile, hosting"),
        (("--data-budget", "much"), "is no amount of data; expected one such as 3GB"),
        (("--data-budget", "3"), "'3' is no amount of data; expected one such as 3GB"),
        (("--data-budget", "unlimited"), "a budget always has an end"),
        (("--data-budget", "No limit"), "give more than it could ever use, such as 1TB"),
        (("--data-budget", "∞"), "a budget always has an end"),
        (("--data-budget", "1kB"), "'1kB' is too little: at least 10 MB a month"),
        (
            ("--domestic", "http://mirror.example/"),
            "is no address over https; expected one such as https://",
        ),
        (("--vantage", "My Home"), "'My Home' is no name; expected a name of at most 40 of a-z"),
    ],
)
def test_what_is_not_understood_is_answered_with_what_would_be(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run(tmp_path / "t.yaml", *arguments)
    assert done.exit_code in (1, 2)
    assert words in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("country", "said", "number"),
    [
        ("PK", "PTCL", None), ("PK", "nayatel", 23674), ("PK", "AS17557", 17557),
        ("TR", "vodafone", None), ("TR", "turk telekom", 9121), ("RU", "rostelecom", None),
        ("RU", "tattelecom", 28840), ("SA", "stc", None), ("PK", "pt", None),
        ("PK", "AS4200000001", 4_200_000_001), ("ZZ", "17557", 17557),
    ],
)  # fmt: skip
def test_a_network_is_understood_by_its_number_or_by_whose_it_is(
    tmp_path: Path, country: str, said: str, number: int | None
) -> None:
    done = run(tmp_path / "t.yaml", "--yes", "--country", country, "--asn", said)
    if number is None:
        assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
        return
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "t.yaml", {}).settings.vantages[0].asn == number
    assert "note:" not in done.output


def test_a_network_of_another_country_is_said(tmp_path: Path) -> None:
    done = run(tmp_path / "t.yaml", "--yes", "--country", "PK", "--asn", "AS9121")
    assert done.exit_code == 0, done.output
    assert "note: AS9121 is in the list of TR, and not of PK" in done.output


@for_every(list(networks().items()), lambda row: row[0])
def test_the_largest_networks_are_found_by_whose_they_are(
    row: tuple[str, tuple[AsnEntry, ...]],
) -> None:
    country, found = row
    assert country in countries()
    assert len({network.number for network in found}) == len(found) <= 20
    for network in found:
        assert network_number(f"AS{network.number}") == network.number
        # Some have names of signs alone.
        words = "".join(one if one.isalnum() else " " for one in network.owner).split()
        if len("".join(words)) >= 3:
            assert network.owner in [one.owner for one in networks_called(" ".join(words), country)]


def test_a_hub_that_invited_says_where_this_line_is(tmp_path: Path) -> None:
    line = "https://hub.example.org/#secret"
    done = run(tmp_path / "t.yaml", "--hub", line)
    assert done.exit_code == 0, done.output
    assert f"throttlewatch join '{line}' {tmp_path / 't.yaml'}" in done.output
    assert "Nothing was sent or written" in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("said", "access"),
    [("4G", "mobile"), ("Wi-Fi", "fixed"), ("starlink", "fixed"), ("data center", "hosting")],
)
def test_a_line_is_understood_as_people_call_it(tmp_path: Path, said: str, access: str) -> None:
    assert run(tmp_path / "t.yaml", "--yes", "--access", said).exit_code == 0
    assert load(tmp_path / "t.yaml", {}).settings.vantages[0].access == access


def test_a_comma_is_no_thousand(tmp_path: Path) -> None:
    done = run(tmp_path / "t.yaml", "--yes", "--data-budget", "3,5 GB")
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "t.yaml", {}).settings.data_budget == 3_500_000_000
    assert run(tmp_path / "u.yaml", "--yes", "--data-budget", "3,500 GB").exit_code == 2


@pytest.mark.parametrize("said", ["3GB", "3 gb", "3 GB per month", "3GB/month", "3 GB a month"])
def test_a_budget_is_understood_as_people_say_it(tmp_path: Path, said: str) -> None:
    done = run(tmp_path / "t.yaml", "--yes", "--data-budget", said)
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "t.yaml", {}).settings.data_budget == 3_000_000_000


@pytest.mark.parametrize(
    ("said", "amount"),
    [("1TB", 10**12), ("1 tb a month", 10**12), ("1.5TB/month", 15 * 10**11), ("1TiB", 2**40)],
)
def test_a_budget_may_be_large(tmp_path: Path, said: str, amount: int) -> None:
    done = run(tmp_path / "t.yaml", "--yes", "--data-budget", said)
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "t.yaml", {}).settings.data_budget == amount


# What each question is about, in their order.
ASKED = (
    "In which country", "How does it reach", "number of its network", "A control inside",
    "How much data", "Has a group's hub invited you",
)  # fmt: skip


def on_a_terminal(folder: Path, said: str) -> tuple[int, str]:
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "probe", "init", "t.yaml"],
        cwd=folder, stdin=there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    os.close(there)
    os.write(here, said.encode())
    out, _ = process.communicate(timeout=60)
    os.close(here)
    return process.returncode, out.decode()


def test_it_asks_on_a_terminal(tmp_path: Path) -> None:
    # A mistake is asked for again.
    status, out = on_a_terminal(tmp_path, "Narnia\nNorway\nfixed\ntelenor norge\n\n100MB/day\n\n")
    assert status == 0, out
    settings = load(tmp_path / "t.yaml", {}).settings
    assert (settings.country, settings.vantages[0].asn) == ("NO", 2119)
    assert "NO: Norway" in out
    assert "https://bgp.he.net/country/NO" in out
    assert out.count("AS2119: Telenor") == 1
    # As a person thinks: where, how, whose, beside what, how much; then with whom.
    places = [out.index(words) for words in ASKED]
    assert places == sorted(places)


def test_the_readme_says_how_many_questions_there_are() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    count = ["", "one", "two", "three", "four", "five", "six", "seven"][len(ASKED)]
    assert f"`sh tools/run init` asks {count} questions" in readme


def test_a_hub_that_is_named_last_leaves_what_is_this_lines_own(tmp_path: Path) -> None:
    url = "https://mirror.example.no/debian/dists/bookworm/InRelease"
    line = "https://hub.example.org/#secret"
    status, out = on_a_terminal(tmp_path, f"Norway\nfixed\n2119\n{url}\n1GB\n{line}\n")
    assert status == 0, out
    control = tmp_path / "platforms" / "control-domestic.yaml"
    assert url in control.read_text()
    assert not (tmp_path / "t.yaml").exists(), "it is written by `join`, by the hub's word"
    assert f"throttlewatch join '{line}' t.yaml" in out
    assert "add this line to t.yaml: data_budget: 1GB/month" in out


# A file of a mirror, and the ways in which people write it.
FILE = "https://mirror.example.pk/debian/dists/bookworm/InRelease"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (FILE, FILE),
        (f"  {FILE} ", FILE),
        (FILE.removeprefix("https://"), FILE),
        (FILE.replace("https://", "//"), FILE),
        (f"<{FILE}>", FILE),
        (FILE.replace("https", "HTTPS"), FILE),
        (FILE.replace("mirror.example.pk", "Mirror.Example.PK"), FILE),
        (FILE.replace(".pk/", ".pk./"), FILE),
        (FILE.replace(".pk/", ".pk:443/"), FILE),
        (f"{FILE}#top", FILE),
        (FILE.replace("https://", "https://anna:secret@"), FILE),
        (FILE.replace(".pk/", ".pk:8443/"), FILE.replace(".pk/", ".pk:8443/")),
        (f"{FILE}?a=b", f"{FILE}?a=b"),
        (
            FILE.replace("mirror.example.pk", "مثال.example"),
            FILE.replace("mirror.example.pk", "xn--mgbh0fb.example"),
        ),
        (FILE.replace("InRelease", "größe"), FILE.replace("InRelease", "gr%C3%B6%C3%9Fe")),
    ],
)
def test_a_file_inside_is_understood_as_people_write_it_and_shown(
    tmp_path: Path, said: str, written: str
) -> None:
    done = run(tmp_path / "t.yaml", "--yes", "--country", "pk", "--domestic", said)
    assert done.exit_code == 0, done.output
    config = load(tmp_path / "t.yaml", {})
    (control,) = [c for c in config.controls if c.scope == "domestic"]
    assert control.targets[0].url == written
    # What was understood is shown where it was said in another way.
    assert (f"it is written as {written}" in done.output) is (said.strip() != written)
    assert "secret" not in done.output + (tmp_path / "platforms/control-domestic.yaml").read_text()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("https://mirror.example.pk", "a front page or a folder"),
        ("https://mirror.example.pk/", f"expected one there, such as {FILE}"),
        ("mirror.example.pk/", f"expected one there, such as {FILE}"),
        ("mirror.example.pk.", f"expected one there, such as {FILE}"),
        ("Mirror.Example.PK/debian/", f"expected one there, such as {FILE}"),
        ("https://مثال.example/", "https://xn--mgbh0fb.example/debian/dists"),
        ("http://mirror.example.pk/", f"no address over https; expected one such as {FILE}"),
        (FILE.replace("https", "http"), f"no address over https; expected one such as {FILE}"),
        (FILE.replace("https", "ftp"), f"did you mean {FILE}?"),
        (f"see {FILE}", "is no address over https; expected https://"),
        (FILE.replace("InRelease", "In Release"), FILE.replace("InRelease", "In%20Release?")),
        ("https://192.0.2.1/f", "has no name that a certificate is for"),
        ("https://[2001:db8::1]/f", "has no name that a certificate is for"),
        ("2001:db8::1", "has no name that a certificate is for"),
        ("https://mirror/f", "has no name that a certificate is for"),
        ("https://nas.local/f", "is at home, and no server of the country"),
        ("https://a..b/f", "is no address over https"),
        ("https://mirror.example:99999/f", "is no address over https"),
        ("anna@mirror.example.pk", "a front page or a folder"),
        ("https://x.com/f", "x.com is a host of X (Twitter)"),
        ("WWW.YouTube.com/f", "www.youtube.com is a host of YouTube"),
        ("none", "has no name that a certificate is for"),
    ],
)
def test_what_is_no_file_inside_is_answered_with_the_right_value(
    tmp_path: Path, said: str, words: str
) -> None:
    done = run(tmp_path / "t.yaml", "--yes", "--country", "pk", "--domestic", said)
    assert done.exit_code in (1, 2), done.output
    assert words in done.output
    assert not list(tmp_path.iterdir())


HUB = "https://hub.example.org"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"{HUB}/#s", f"join '{HUB}/#s'"),
        (f"  {HUB}/#s ", f"join '{HUB}/#s'"),
        ("HTTPS://Hub.Example.ORG/#s", "join 'HTTPS://Hub.Example.ORG/#s'"),
        ("http://hub.example.org/#s", f"expected one such as {HUB}"),
        ("hub.example.org/#s", f"expected one such as {HUB}"),
        (f"{HUB.replace('//', '//anna:pw@')}/#s", f"expected {HUB}"),
        (f"{HUB}/?a=b#s", f"expected {HUB}"),
        (f"{HUB}/#s s", "an invitation has none; paste all of it"),
        (f"{HUB}/ #s", "an invitation has none; paste all of it"),
        (f"{HUB}/", "is no invitation; expected one such as"),
        ("https://a..b/#s", "is no address of a hub"),
    ],
)
def test_a_hub_is_understood_or_answered_with_the_right_value(
    tmp_path: Path, said: str, words: str
) -> None:
    done = run(tmp_path / "t.yaml", "--hub", said)
    assert words in done.output
    assert "pw" not in done.output


@pytest.mark.parametrize(
    ("said", "hub"),
    [
        ("https://Hub.Example.ORG./#s", HUB),
        ("https://hub.example.org:443#s", HUB),
        ("https://hub.example.org:8443/a/#s", f"{HUB}:8443/a"),
        ("https://bücher.example/#s", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:9890/#s", "http://127.0.0.1:9890"),
    ],
)
def test_one_hub_is_written_in_one_way(said: str, hub: str) -> None:
    """Before the invitation is used up: what is no address in a configuration is found then."""
    assert invitation_parts(said) == (hub, "s")


@for_every(list(countries().items()), lambda row: row[0])
def test_every_country_is_known_by_its_name_and_its_letters(row: tuple[str, str]) -> None:
    code, name = row
    assert {country_code(said) for said in (code, code.lower(), name, name.upper())} == {code}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("PAK", "PK"), ("پاکستان", "PK"), ("ایران", "IR"), ("Россия", "RU"), ("россия", "RU"),
        ("مصر", "EG"), ("Deutschland", "DE"), ("México", "MX"), ("the UK", "GB"),
        ("XK", "XK"), ("kosovo", "XK"), ("Kosova", "XK"), ("Косово", "XK"), ("Scotland", "GB"),
        ("The Netherlands", "NL"), ("the", ""), ("မြန်မာ", "MM"), ("ZZZ", ""),
        ("Pakistan", "PK"), (" pk ", "PK"), ("UK", "GB"), ("britain", "GB"), ("Turkiye", "TR"),
        ("burma", "MM"), ("Iran", "IR"), ("", ""), ("Congo", ""), ("x", ""), ("Rusia", ""),
    ],
)  # fmt: skip
def test_countries_as_people_write_them(said: str, code: str) -> None:
    assert country_code(said) == code


@pytest.mark.parametrize(
    ("said", "code"), [("Rusia", "RU"), ("Pakstan", "PK"), ("no", "NO"), ("Narni", ""), ("", "")]
)
def test_countries_as_people_misspell_them(said: str, code: str) -> None:
    assert country_near(said) == code


def test_networks_and_platforms_as_people_write_them() -> None:
    said = ("17557", "AS17557", "as 17557", "ASN17557", " asn 17557 ")
    assert {network_number(one) for one in said} == {17557}
    assert [network_number(one) for one in ("", "AS", "0", "AS0", "AS-1", "A17557")] == [None] * 6
    titles = {"x": "X (Twitter)", "youtube": "YouTube"}
    assert [called(one, titles) for one in ("X", "Twitter", "x (twitter)", "YOUTUBE", "", "y")] == [
        "x", "x", "x", "youtube", "", ""
    ]  # fmt: skip
    hosts = ("x.com", "Twitter.com", "https://www.youtube.com/watch?v=1", "youtu.be")
    assert [called(one, titles) for one in hosts] == ["x", "x", "youtube", "youtube"]
    assert [called(one, titles) for one in ("example.com", "x.", ".com", "https://")] == [""] * 4


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("twiter", "x"),
        ("Twittr", "x"),
        ("yuotube", "youtube"),
        ("x", "x"),
        ("tiktok", ""),
        ("", ""),
    ],
)
def test_platforms_as_people_misspell_them(said: str, name: str) -> None:
    assert called_near(said, {"x": "X (Twitter)", "youtube": "YouTube"}) == name


@given(text(characters(), max_size=200))
def test_whatever_is_said_is_answered(said: str) -> None:
    assert country_code(said) in ("", *countries())
    number = network_number(said)
    assert number is None or number > 0
    assert called(said, {"x": "X"}) in ("", "x")
    assert called_near(said, {"x": "X"}) in ("", "x")


def test_whatever_is_said_takes_no_time() -> None:
    began = time.process_time()
    country_code("a" * 1_000_000)
    network_number("1" * 1_000_000)
    once = time.process_time() - began
    began = time.process_time()
    country_code("pakstan")
    assert once < 50 * max(time.process_time() - began, 0.001)


def test_a_home_is_understood_in_every_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "t.yaml").write_text(
        "store: {path: ~/history.sqlite3}\ndefinitions: ~/none\nca_file: ~/none.pem\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        load(None, {"THROTTLEWATCH_CONFIG": "~/t.yaml"})
    assert [error.key for error in caught.value.errors] == ["definitions", "ca_file"]
    (tmp_path / "t.yaml").write_text("store: {path: ~/history.sqlite3}\nlisten: 9880\n")
    config = load(None, {"THROTTLEWATCH_CONFIG": "~/t.yaml"})
    assert config.settings.store.path == str(tmp_path / "history.sqlite3")
    assert run(Path("~/mine.yaml"), "--country", "pk").exit_code == 0
    assert (tmp_path / "mine.yaml").exists()
