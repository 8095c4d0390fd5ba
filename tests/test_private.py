"""What names the operator never comes out: planted in every place that could carry it."""

from __future__ import annotations

import io
import logging
import socket
import stat
from pathlib import Path

import httpx
import pytest
from click import Context
from click.testing import CliRunner
from msgspec.structs import replace
from starlette.routing import Route

from probe.app import Daemon
from probe.cli import main
from probe.commands import found_now
from probe.config import load
from probe.config.definition import Definition
from probe.config.schema import Settings, StoreConfig, VantageConfig
from probe.config.values import Seconds
from probe.measure.one_round.round import Rounds
from probe.model.failure import Failure
from probe.model.identity import Phase, Role, RoundKind
from probe.model.observation import (
    DnsAnswer,
    LegObservation,
    RoundObservation,
    SkippedLeg,
    TlsFacts,
)
from probe.model.stored import StoredRound
from probe.model.verdict import State
from probe.outlets.events import RoundBegun
from probe.publish.log import event_lines as logs
from probe.publish.web.endpoints import create_app
from synth.shape import NOW, config, full_round, verdict_of

# Documentation's addresses stand for the operator's public and local ones.
PLANTED = ("203.0.113.77", "2001:db8:77::77", "pi-of-anna", "AnnasWlan", "anna-the-user")
LINKS = (
    f"https://static.xx.fbcdn.net/rsrc.php/{PLANTED[0]}/{PLANTED[4]}.js",
    f"https://{PLANTED[2]}.test/{PLANTED[3]}?ip={PLANTED[0]}&user={PLANTED[4]}",
    f"https://x.com/?{PLANTED[1]}",
    f"https://x.com/{PLANTED[4]};{PLANTED[0]}#{PLANTED[3]}",
)
FROM, UNTIL = f"{NOW - 3_600:.0f}", f"{NOW + 3_600:.0f}"
SAID = f"your address is {' '.join(PLANTED)}"


def poisoned(observed: RoundObservation, *, name: str = PLANTED[2]) -> RoundObservation:
    """A round in which the far end and the system say who we are, wherever they can; ``name`` is
    looked up in it."""

    def leg(seen: LegObservation, number: int) -> LegObservation:
        failure = Failure(phase=Phase.PROCESSING, reason="connection_reset", detail=SAID)
        return replace(
            seen,
            leg=replace(
                seen.leg,
                url=LINKS[number % len(LINKS)],
                connect_to=PLANTED[2],
                sni=f"{PLANTED[2]}.{PLANTED[3]}",
                certificate_name=PLANTED[0],
            ),
            address=PLANTED[number % 2],
            failure=failure if number % 2 else None,
            tls=TlsFacts(version="TLSv1.3", alpn=SAID, cipher=SAID, verify_error=SAID),
        )

    legs = tuple(leg(seen, number) for number, seen in enumerate(observed.legs))
    failed = Failure(phase=Phase.RESOLVE, reason="dns_nxdomain_error", detail=SAID)
    ours = DnsAnswer(seconds=0.01, rcode=SAID, addresses=PLANTED[:2], ttl_seconds=1)
    names = tuple(
        replace(d, name=f"{name}.example", failure=failed, answers=(ours,)) for d in observed.dns
    )
    skipped = tuple(SkippedLeg(leg=seen.leg, reason="host_budget") for seen in legs)
    return replace(
        observed,
        legs=legs,
        dns=(*observed.dns, *names),
        beside=tuple(replace(one, leg=replace(one.leg, prober="quic")) for one in legs[:2]),
        skipped=skipped,
    )


def round_begun(platform: str, kind: RoundKind) -> RoundBegun:
    """The outlets are told, and the line is looked at."""
    return RoundBegun(vantage="default", platform=platform, kind=kind)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", PLANTED[4])
    monkeypatch.setenv("LOGNAME", PLANTED[4])
    monkeypatch.setenv("HOSTNAME", PLANTED[2])
    monkeypatch.setattr(socket, "gethostname", lambda: PLANTED[2])
    monkeypatch.setattr(socket, "getfqdn", lambda *name: PLANTED[2])
    monkeypatch.setattr("probe.measure.this_host.ways_out._source", lambda family: PLANTED[0])
    monkeypatch.setattr("probe.measure.this_host.ways_out.interface_of", lambda address: PLANTED[3])


@pytest.mark.usefixtures("planted")
def test_exports_reports_and_tables_say_nothing_about_the_operator(tmp_path: Path) -> None:
    file = tmp_path / "history"
    of = config(settings=Settings(store=StoreConfig(path=str(file), batch=Seconds(0.0))))
    daemon = Daemon(of, lambda: of)
    seen = 0
    for turn, platform in enumerate(of.platforms):
        for kind in (RoundKind.TRANSFER, RoundKind.LIGHT):
            daemon._outlets.tell(round_begun(platform.name, kind))
            # A name that the configuration gives is data, and stays.
            one = poisoned(full_round(of, platform.name, kind=kind), name=platform.name)
            daemon._judging.judge(
                replace(one, id=f"{turn}{kind}", started_at=NOW + 60.0 * turn), 750.0
            )
            seen += 1
    # One that was found restricted, so that there is something to tell.
    one = poisoned(full_round(of, "x"), name="x")
    bad = verdict_of(one, State.THROTTLED, sentence="X (Twitter): slow.")
    daemon._store.round_finished(one, bad)
    assert daemon._store.close(20)
    when = ("--history", str(file), "--from", f"{NOW - 3_600:.0f}", "--to", f"{NOW + 3_600:.0f}")
    out = []
    for form in ("jsonl", "csv", "ooni"):
        written = tmp_path / form
        out.append(run("export", "-f", form, "-o", str(written), *when))
        assert written.stat().st_size > 1_000 * seen
        out.append(written.read_text())
    assert "Export with the configuration that measured (-c)" in out[0]
    page, plot = tmp_path / "report.html", tmp_path / "report.svg"
    out.append(run("report", "-o", str(page), "--svg", str(plot), *when))
    out += [page.read_text(), plot.read_text()]
    for command in ("history", "incidents"):
        out += [run(command, *when), run(command, "--json", *when)]
    whole = "".join(out)
    assert "slowed down" in whole
    assert "X (Twitter): slow." in whole
    for word in PLANTED:
        assert word not in whole


# Commands that tell what was measured, with what they are given besides the configuration; what
# else they need is made by the test.
TELLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "history": (("--from", FROM), ("--from", FROM, "--json")),
    "incidents": (("--from", FROM), ("--from", FROM, "--json")),
    "explain": (("-p", "x"), ("-p", "x", "--json"), ("-p", "x", "--now")),
    "nation": (("--from", "2023-11-14T21:13", "--to", "2023-11-14T23:13"),),
    "replay": (("ROUNDS",), ("ROUNDS", "--all"), ("ROUNDS", "--json")),
    "report": (("-o", "-", "--from", FROM, "--to", UNTIL),),
    "export": tuple(("-f", form, "-o", "-", "--from", FROM) for form in ("jsonl", "csv", "ooni")),
    "once": ((), ("--light",), ("--json",)),
    "now": (("x",), ("x", "--json")),
    "check": (("--online",), ("--online", "--json")),
}
TELLS_NOTHING = {
    "backup": "a copy of the history, which is not meant to be handed on",
    "beacon": "what it serves with, and the pin of its key",
    "demo": "its line is made up",
    "drill": "the answer of a daemon, of fixed words",
    "files": "the program's",
    "hub": "invitations, and the answer of a hub of one's own",
    "init": "measures nothing; its questions are answered by the operator",
    "join": "what stands in an invitation",
    "notify": "the names of receivers, and words of our own",
    "outside": "keys, and what references publish",
    "password": "a line of the configuration",
    "plan": "the configuration's",
    "platforms": "the configuration's",
    "rules": "the configuration's",
    "run": "its log, metrics and pages: below",
    "targets": "definitions that somebody has signed for all",
    "verify": "names of files that somebody handed on",
    "version": "the program's",
    "wipe": "the files that it erases, to who erases them",
}


def test_of_every_command_it_is_known_what_it_tells() -> None:
    assert set(main.list_commands(Context(main))) == {*TELLS, *TELLS_NOTHING}


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("command", TELLS)
def test_no_command_says_anything_about_the_operator(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, yaml = tmp_path / "history", tmp_path / "c.yaml"
    yaml.write_text(f"store: {{path: {file}}}\ncountry: NO\nacknowledge_risks: true\n")
    of = config(settings=Settings(store=StoreConfig(path=str(file), batch=Seconds(0.0))))
    daemon = Daemon(of, lambda: of)
    rounds = []
    for number in range(4):
        kind = RoundKind.LIGHT if number % 2 else RoundKind.TRANSFER
        one = poisoned(full_round(of, "x", kind=kind), name="x")
        rounds.append(replace(one, id=f"{number}", started_at=NOW + 60.0 * number))
        daemon._judging.judge(rounds[-1], 750.0)
    bad = verdict_of(rounds[-1], State.THROTTLED, sentence="X (Twitter): slow.")
    daemon._store.round_finished(rounds[-1], bad)
    assert daemon._store.close(20)

    async def measured(_: Rounds, *, platform: str, **__: object) -> RoundObservation:
        return replace(rounds[0], platform=platform)

    async def visited(_: Rounds, definition: Definition, **__: object) -> RoundObservation:
        return replace(rounds[0], platform=definition.name)

    async def tested(*_: object, **__: object) -> found_now.Tested:
        stored = [StoredRound(observed=one, verdict=bad) for one in rounds]
        return found_now.Tested(rounds={"x": stored})

    monkeypatch.setattr(Rounds, "measure", measured)
    monkeypatch.setattr(Rounds, "visit", visited)
    monkeypatch.setattr("probe.commands.now.find_out", tested)
    monkeypatch.setattr("probe.commands.explain.find_out", tested)
    kept = tmp_path / "rounds.jsonl"
    run("export", "-f", "jsonl", "-o", str(kept), "-c", str(yaml), "--from", FROM)
    for arguments in TELLS[command]:
        given = [str(kept) if one == "ROUNDS" else one for one in arguments]
        result = CliRunner().invoke(
            main, [command, "-c", str(yaml), *given], env={"COLUMNS": "200"}
        )
        said = result.output + result.stderr
        assert result.exit_code in (0, 1), said
        assert not isinstance(result.exception, Exception), said
        # One line is too few to find anything about a country.
        assert said or command == "nation"
        for word in PLANTED:
            assert word not in said, f"{arguments}: {said}"


def test_a_report_does_not_say_which_controls_were_drawn(tmp_path: Path) -> None:
    file, yaml = tmp_path / "history", tmp_path / "c.yaml"
    of = load(None, {"THROTTLEWATCH_CONTROLS": "all"})
    kept = StoreConfig(path=str(file), batch=Seconds(0.0))
    of = replace(of, settings=replace(of.settings, store=kept))
    daemon = Daemon(of, lambda: of)
    daemon._judging.judge(full_round(of, "x"), 750.0)
    assert daemon._store.close(20)
    pool = load(None, {}).pool
    assert {control.name for control in of.controls} & {control.name for control in pool}
    words = {word for one in pool for word in (one.name, one.title, *one.hosts)}
    for chosen, is_said in (("[drawn]", False), ("[all]", True)):
        yaml.write_text(f"store: {{path: {file}}}\ncontrols: {chosen}\n")
        page = run("report", "-c", str(yaml), "-o", "-", "--from", FROM, "--to", UNTIL)
        assert any(word in page for word in words) is is_said
        assert (f"of the {len(pool)} sites" in page) is not is_said


def test_the_history_is_its_users_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "history.sqlite3"
    of = config(settings=Settings(store=StoreConfig(path=str(file), batch=Seconds(0.0))))
    daemon = Daemon(of, lambda: of)
    daemon._judging.judge(full_round(of, "x"), 750.0)
    assert daemon._store.close(20)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def run(*arguments: str) -> str:
    """What a command prints, on both ways."""
    result = CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output + result.stderr


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("format", ["text", "json"])
async def test_metrics_pages_and_logs_say_nothing_about_the_operator(
    format: str, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    run("outside", "key", str(key))
    abroad = VantageConfig(name="default", role=Role.REFERENCE)
    of = config(settings=Settings(vantages=(abroad,), outside_key_file=str(key)))
    written = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("debug", format, written)
    try:
        daemon = Daemon(of, lambda: of)
        for platform in of.platforms:
            for kind in (RoundKind.TRANSFER, RoundKind.LIGHT):
                daemon._outlets.tell(round_begun(platform.name, kind))
                daemon._judging.judge(poisoned(full_round(of, platform.name, kind=kind)), 750.0)
        app = create_app(daemon._board, daemon.reload)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            routes = [route for route in app.routes if isinstance(route, Route)]
            pages = [route.path for route in routes if "GET" in (route.methods or ())]
            paths = [page for page in pages if page != "/probe"]
            assert len(paths) >= 6, paths
            paths += [f"/probe?target={p.name}" for p in of.platforms]
            answers = [await client.get(path) for path in paths]
            answers.append(await client.post("/-/drill"))
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert all(answer.status_code == 200 for answer in answers), answers
    out = written.getvalue() + "".join(a.text + repr(a.headers) for a in answers)
    assert "throttlewatch_verdict_state" in out
    for word in PLANTED:
        assert word not in out
