"""Commands that read the history while the daemon may be writing it."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from probe.cli import main
from probe.commands.reading import Moment, measured_days, zone_of
from probe.config.schema import StoreConfig
from probe.config.values import Seconds
from probe.model.finding import Ending, FindingKind, Incident, Scope
from probe.model.stored import StoredRound, VerdictSpan
from probe.model.verdict import State
from probe.publish.terminal import console
from probe.store.history import History, HistoryError
from probe.store.writer import Store
from synth.event import DAY, END, ONSET, VANTAGES, history
from tests.again import SOON_SECONDS
from tests.publish.web.markup import is_self_contained

START = ONSET - 3_600.0
INCIDENT = Incident(
    id="1",
    country="ZZ",
    platform="x",
    kind=FindingKind.RESTRICTED,
    scope=Scope.PARTIAL,
    since=ONSET,
    opened_at=ONSET + 600.0,
    updated_at=END,
    severity=900.0,
    peak_share=0.5,
    networks=(64_501,),
    sentence="X: restricted on 1 of 2 networks.",
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A history of the event, still open for writing."""
    path = tmp_path_factory.mktemp("history") / "history.sqlite3"
    store = Store(path, StoreConfig(batch=Seconds(0.0)))
    store.start()
    rounds = history(START, ONSET + 3_600.0, vantages=VANTAGES[:1], platforms=("x", "youtube"))
    for one in rounds:
        store.round_finished(one.observed, one.verdict)
    store.incident(INCIDENT)
    store.flush()
    until = time.monotonic() + SOON_SECONDS
    while time.monotonic() < until:
        try:
            with History(path) as written:
                if list(written.incidents()):
                    break
        except HistoryError:
            pass
        time.sleep(0.05)
    yield path
    store.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})


def over(stored: Path) -> tuple[str, ...]:
    return ("--history", str(stored), "--from", f"{START:.0f}", "--to", f"{ONSET + 3_600.0:.0f}")


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def lines_of(stored: Path, vantages: Sequence[str], tmp_path: Path, *command: str) -> list[str]:
    """What a command over the whole history says beside its work."""
    file = tmp_path / "my.yaml"
    named = ", ".join(f"{{name: {name}}}" for name in vantages)
    file.write_text(f"vantages: [{named}]\nstore: {{path: {stored}}}\n")
    done = run(*command, "-c", str(file))
    assert done.exit_code == 0, done.output
    return [line for line in done.output.splitlines() if line.startswith("warning")]


@pytest.mark.parametrize(
    "command",
    [
        ("export", "-f", "csv"),
        ("report", "--from", f"{START:.0f}", "-o", "/dev/null"),
        ("nation", "--from", iso(START), "--to", iso(ONSET + 3_600.0)),
    ],
    ids=lambda command: command[0],
)
def test_a_configuration_that_is_not_the_daemons_is_noticed(
    stored: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    names = [vantage.name for vantage in VANTAGES]
    assert lines_of(stored, names, tmp_path, *command) == []
    (warning,) = lines_of(stored, ["other"], tmp_path, *command)
    assert f"does not name: {names[0]}. " in warning
    assert "-c" in warning


def heads(output: str) -> list[str]:
    """The lines of a table but the sentences, which stand indented below theirs."""
    return [line for line in output.splitlines() if not line.startswith(" ")]


def test_history_is_a_line_for_each_span(stored: Path) -> None:
    result = run("history", *over(stored))
    assert result.exit_code == 0, result.output
    lines = heads(result.output)
    assert len(lines) == 6
    assert lines[0] == "Times are in UTC."
    assert "20 Jan 12:40" in lines[2]
    throttled = [line for line in lines if "throttled" in line]
    assert len(throttled) == 2
    assert all("20 Jan 13:40" in line and "home" in line for line in throttled)


@pytest.mark.parametrize("command", ["history", "incidents"])
def test_what_was_said_is_told_in_another_language(stored: Path, command: str) -> None:
    said = run(command, *over(stored), "--vantage", "home", "--language", "ru")
    assert said.exit_code == 0, said.output
    english = run(command, *over(stored), "--vantage", "home")
    assert "20 янв" in said.output
    assert "замедлен" in said.output
    assert " home " in said.output
    assert len(heads(said.output)) == len(heads(english.output))
    machines = [
        run(command, *over(stored), "--json", *more).output for more in ((), ("--language", "ru"))
    ]
    assert machines[0] == machines[1]


@pytest.mark.parametrize("command", ["history", "incidents"])
@pytest.mark.parametrize("language", ["en", "ur"])
def test_a_pipe_gets_what_a_wide_terminal_shows(
    stored: Path, command: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being laid out, which takes seconds where there are thousands of verdicts."""
    asked = (command, *over(stored), "--language", language)
    quick = CliRunner().invoke(main, asked, env={"COLUMNS": None})
    monkeypatch.setattr(console, "is_plain", lambda made: False)
    assert quick.output == CliRunner().invoke(main, asked, env={"COLUMNS": None}).output
    assert max(map(len, quick.output.splitlines())) > 80


def test_history_for_machines_are_the_spans(stored: Path) -> None:
    result = run("history", *over(stored), "--json", "--platform", "x")
    spans = msgspec.json.decode(result.stdout_bytes, type=list[VerdictSpan])
    assert [(s.platform, s.state.value) for s in spans] == [("x", "ok"), ("x", "throttled")]


def test_incidents_show_the_country_and_the_vantages(stored: Path) -> None:
    result = run("incidents", *over(stored))
    assert result.exit_code == 0, result.output
    lines = heads(result.output)
    assert len(lines) == 5
    assert any("country ZZ" in line and "going on" in line for line in lines)
    assert sum("home" in line for line in lines) == 2
    only = run("incidents", *over(stored), "--vantage", "home")
    assert "country" not in only.output
    both = msgspec.json.decode(run("incidents", *over(stored), "--json").stdout_bytes)
    assert (len(both["country"]), len(both["vantages"])) == (1, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        # Closed 15 minutes after it was last seen; a day after, since nobody was heard; by a daemon
        # that was stopped, not at all.
        ({"closed_at": ONSET + 2_700.0, "ending": Ending.RECOVERED}, "20 Jan 14:10"),
        ({"closed_at": ONSET + 88_200.0, "ending": Ending.NO_DATA},
         "not known; last seen 20 Jan 14:10"),
        ({"closed_at": None}, "not known; last seen 20 Jan 14:10"),
    ],
    ids=("recovered", "nobody heard", "left open"),
)  # fmt: skip
def test_an_incident_ends_when_it_was_last_seen(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "history.sqlite3"
    store = Store(path, StoreConfig(batch=Seconds(0.0)))
    store.start()
    for one in history(START, ONSET, vantages=VANTAGES[:1], platforms=("x",)):
        store.round_finished(one.observed, one.verdict)
    store.incident(replace(INCIDENT, updated_at=ONSET + 1_800.0, **changes))
    store.flush()
    assert store.close()
    where = ("--history", str(path), "--from", f"{START:.0f}", "--to", f"{ONSET + 2 * DAY:.0f}")
    (line,) = [one for one in heads(run("incidents", *where).output) if "country ZZ" in one]
    cells = re.split(r"  +", line)
    assert cells[1:3] == [said, "30 minutes"]
    (told,) = msgspec.json.decode(run("incidents", *where, "--json").stdout_bytes)["country"]
    assert told["to"] == (None if "not known" in said else iso(ONSET + 1_800.0))


@pytest.mark.parametrize("state", [State.OFFLINE, State.UNKNOWN])
def test_a_line_without_a_network_is_no_incident_of_its_country(
    state: State, tmp_path: Path
) -> None:
    """Nor is it calm: nothing was judged."""
    path = tmp_path / "history.sqlite3"
    store = Store(path, StoreConfig(batch=Seconds(0.0)))
    store.start()
    for one in history(START, ONSET, vantages=VANTAGES[:1], platforms=("x",)):
        store.round_finished(one.observed, replace(one.verdict, state=state, since=START))
    store.incident(replace(INCIDENT, scope=Scope.INSUFFICIENT))
    store.flush()
    assert store.close()
    where = ("--history", str(path), "--from", f"{START:.0f}", "--to", f"{ONSET + DAY:.0f}")
    assert run("incidents", *where).output.startswith("nothing could be judged in this time")
    (told,) = msgspec.json.decode(run("incidents", *where, "--json").stdout_bytes)["country"]
    assert told["scope"] == "insufficient"


def test_a_time_zone_is_that_of_the_reader(stored: Path) -> None:
    assert "20 Jan 18:40" in run("history", *over(stored), "--timezone", "Asia/Karachi").output


@pytest.mark.parametrize("command", ["history", "incidents"])
@pytest.mark.parametrize("language", ["en", "ur", "ru"])
def test_columns_and_sentences_are_of_one_zone(command: str, language: str, tmp_path: Path) -> None:
    """What a verdict and a finding keep has UTC; beside a local time it has both, as all have."""
    path = tmp_path / "history.sqlite3"
    store = Store(path, StoreConfig(batch=Seconds(0.0)))
    store.start()
    for one in history(START, ONSET + 3_600.0, vantages=VANTAGES[:1], platforms=("x",)):
        told = f"{one.verdict.sentence} Last seen so at 2026-01-20 13:40 UTC."
        store.round_finished(one.observed, replace(one.verdict, sentence=told))
    for closed in (None, ONSET + 2_700.0):
        kept = f"PK: X is throttled or blocked, since 2026-01-20 13:40 UTC{'' if closed else '!'}"
        store.incident(
            replace(
                INCIDENT, id=f"pk-x-{closed}", closed_at=closed, sentence=kept,
                height_at=ONSET if closed else None, height_sentence=kept,
                ending=Ending.RECOVERED if closed else None,
            )
        )  # fmt: skip
    store.flush()
    assert store.close()
    where = ("--history", str(path), "--from", f"{START:.0f}", "--to", f"{ONSET + 3_600.0:.0f}")
    asked = (command, *where, "--language", language)
    local = run(*asked, "--timezone", "Asia/Karachi").output
    assert "Asia/Karachi" in local.splitlines()[0]
    assert "UTC" in run(*asked).output.splitlines()[0]
    assert local.count("PKT (") >= 2, local
    if language != "ur":
        assert local.count("18:40 PKT (13:40 UTC)") == local.count("UTC")
    else:
        assert local.count("PKT") == local.count("UTC")


def test_times_without_rounds_say_so(stored: Path) -> None:
    empty = ("--history", str(stored), "--from", "2020-01-01", "--to", "2020-01-02")
    assert "nothing was measured" in run("history", *empty).output
    # No calm either.
    assert run("incidents", *empty).output == "nothing was measured in this time\n"
    calm = ("--history", str(stored), "--from", f"{START:.0f}", "--to", f"{START + 600.0:.0f}")
    assert "no platform was found" in run("incidents", *calm).output
    for form in ("csv", "jsonl", "ooni", "paces"):
        assert "nothing was measured" in run("export", "-f", form, *empty).stderr
    assert "nothing was measured" not in run("export", "-f", "jsonl", *calm).stderr
    # Of three days on which something is well.
    assert run("export", "-f", "paces", *calm).stdout == ""
    assert "three whole days" in run("export", "-f", "paces", *calm).stderr


READERS = {
    "history": ("history",),
    "incidents": ("incidents",),
    "report": ("report", "-o", "-"),
    "export": ("export", "-f", "csv"),
}


@pytest.mark.parametrize("command", READERS.values(), ids=READERS)
def test_what_is_read_of_a_platform_is_what_people_call_so(
    stored: Path, command: tuple[str, ...]
) -> None:
    """One that nobody has would be found calm, or not measured."""
    there = [*command, *over(stored)]
    made = re.compile(r"Made on .*?UTC|20\d\d-\d\d-\d\dT[^ ]+Z")
    expected = made.sub("", run(*there, "-p", "x", "-v", VANTAGES[0].name).stdout)
    assert expected
    for called in ("Twitter", "X (Twitter)", "twitter.com", "https://x.com/home"):
        found = run(*there, "-p", called, "-v", VANTAGES[0].name.upper())
        assert found.exit_code == 0, found.output
        assert made.sub("", found.stdout) == expected, called
    for option, wrong, hint in (
        ("-p", "twiter", "did you mean x?"),
        ("-p", "tiktok", "there is: x, facebook, instagram, youtube"),
        ("-p", "whatsapp", "WhatsApp is not measured: add whatsapp to `platforms`"),
        ("-v", "nowhere", "no vantage 'nowhere' in the configuration or the history"),
    ):
        refused = run(*there, option, wrong)
        assert (refused.exit_code, refused.stdout) == (2, ""), wrong
        assert hint in " ".join(refused.output.split()), wrong


@pytest.mark.parametrize("form", ["jsonl", "csv", "ooni"])
def test_export_writes_a_file_or_to_standard_output(
    stored: Path, form: str, tmp_path: Path
) -> None:
    file = tmp_path / "rounds"
    result = run("export", "--format", form, *over(stored), "-o", str(file))
    assert result.exit_code == 0, result.output
    assert "MB" in result.output
    assert [f.name for f in tmp_path.iterdir()] == ["rounds"]
    printed = run("export", "--format", form, *over(stored))
    assert printed.stdout_bytes == file.read_bytes()
    assert len(file.read_bytes()) > 10_000


def test_an_export_has_only_what_was_asked_for(stored: Path) -> None:
    result = run(
        "export", "--format", "jsonl", "--history", str(stored),
        "--from", f"{ONSET:.0f}", "--to", f"{ONSET + 900.0:.0f}", "--platform", "youtube",
    )  # fmt: skip
    rounds = [
        msgspec.json.decode(line, type=StoredRound) for line in result.stdout_bytes.splitlines()
    ]
    assert {r.observed.platform for r in rounds} == {"youtube"}
    assert all(ONSET <= r.observed.started_at < ONSET + 900.0 for r in rounds)
    assert len(rounds) == 3


def test_a_vantage_of_the_configuration_brings_its_network(stored: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("country: NO\nvantages:\n  - {name: home, asn: 64501, access: fixed}\n")
    result = run("export", "--format", "csv", *over(stored), "--config", str(file))
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {(row["country"], row["asn"]) for row in rows} == {("NO", "64501")}


def test_a_report_is_of_what_was_measured(stored: Path) -> None:
    """The event was long ago; a year's week is the last one."""
    done = run("report", "--history", str(stored), "-o", "-")
    assert done.exit_code == 0, done.output
    assert "slowed down" in done.output
    with History(stored) as history:
        bounds = history.bounds()
        assert bounds is not None
        first, last = bounds
        long_after, soon_after = last + 400 * DAY, last + 60.0
        after = 2.0 * last - first
        for until, given, found in (
            (long_after, False, (first, after)),
            (long_after, True, (first, long_after)),
            (soon_after, False, (first, soon_after)),
            (ONSET, True, (first, ONSET)),
            (first - DAY, True, (first - 8 * DAY, first - DAY)),
        ):
            assert measured_days(history, until, ends=given) == found


@pytest.mark.parametrize("asked", [(), ("--language", "en")], ids=["", "asked for"])
def test_a_report_is_in_the_language_of_the_configuration(
    stored: Path, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("language: ru\n")
    done = run("report", *over(stored), "-c", str(file), "-o", "-", *asked)
    assert done.exit_code == 0, done.output
    assert f'lang="{"en" if asked else "ru"}"' in done.output


def test_report_writes_the_page_and_the_plot(stored: Path, tmp_path: Path) -> None:
    page, plot = tmp_path / "r.html", tmp_path / "r.svg"
    result = run(
        "report", *over(stored), "-o", str(page), "--svg", str(plot), "--note", "A <test>.",
        "--timezone", "Asia/Karachi",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    markup = is_self_contained(page.read_text())
    assert "X (Twitter) and YouTube: slowed down" in markup.text
    assert "A <test>." in markup.text
    assert "18:40 PKT" in markup.text
    assert INCIDENT.sentence in markup.text
    assert "Controls: debian, jquery." in " ".join(markup.text.split())
    assert plot.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("history", "--history", "none.sqlite3"), "there is no history at none.sqlite3"),
        (("export", "--format", "xml"), "'xml' is not one of"),
        (("history", "--from", "yesterday"), "'yesterday' is no time; expected 2026-01-20"),
        (("history", "--from", "2026-01-02", "--to", "2026-01-01"), "--from is not before --to"),
        (("history", "--timezone", "Mars"), "no time zone 'Mars'"),
        (("report", "--timezone", "../etc"), "no time zone"),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_file_that_cannot_be_written_is_told_and_leaves_nothing(
    stored: Path, tmp_path: Path
) -> None:
    target = tmp_path / "none" / "rounds.csv"
    result = run("export", "--format", "csv", *over(stored), "-o", str(target))
    assert result.exit_code == 1
    assert "cannot write" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("2026-01-20", False, datetime(2026, 1, 20, tzinfo=UTC).timestamp()),
        ("2026-01-20", True, datetime(2026, 1, 21, tzinfo=UTC).timestamp()),
        ("2026-01-20T13:40", True, ONSET),
        ("2026-01-20T18:40+05:00", False, ONSET),
        (f"{ONSET:.0f}", False, ONSET),
        ("24h", False, 1e9 - DAY),
        ("1.5d", False, 1e9 - 1.5 * DAY),
        ("now", True, 1e9),
    ],
)
def test_times_as_people_write_them(text: str, end: bool, expected: float) -> None:
    assert Moment(end=end, wall=lambda: 1e9).convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["", "2026-13-01", "12", "h", "-1d", "1e999"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Moment().convert(text, None, None)


def test_utc_needs_no_database() -> None:
    assert zone_of("UTC") is UTC


def test_an_export_to_a_dash_is_one_to_standard_output(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = run("export", "--format", "csv", *over(stored))
    dashed = run("export", "--format", "csv", *over(stored), "-o", "-")
    assert dashed.exit_code == plain.exit_code == 0, dashed.output
    assert dashed.stdout_bytes.startswith(plain.stdout_bytes[:1_000])
    assert list(tmp_path.iterdir()) == []


def test_a_report_goes_to_standard_output_as_well(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("report", *over(stored), "-o", "-")
    assert result.exit_code == 0, result.output
    assert list(tmp_path.iterdir()) == []
    assert "<!doctype html>" in result.output.lower()
