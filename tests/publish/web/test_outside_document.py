"""A reference from its key to what a daemon inside makes of it, over HTTP on loopback."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.app import Daemon
from probe.cli import main
from probe.config import contacts, load
from probe.config.schema import Config, OutsideConfig, Settings, VantageConfig
from probe.measure.this_host.reference_reader import ReadResult, ReferenceReader
from probe.model.finding import FindingKind, Reference
from probe.model.identity import Access, Role
from probe.model.reference_document import Document, Signed
from probe.model.verdict import State, Verdict
from probe.model.vouch import Vouch
from probe.publish.latest.board import Board
from probe.publish.web.outside_document import seen_outside
from probe.publish.web.server import Server, create_app
from probe.verdict.about import has_references, references_of
from probe.verdict.normal.pace import outside_of
from synth.shape import config, full_round, verdict_of
from tests.again import SOON_SECONDS
from tests.publish.web.test_server import fine

PLACES = ("one", "two", "three")


def abroad(key_file: str | None, places: tuple[str, ...] = PLACES[:1]) -> Config:
    vantages = tuple(
        VantageConfig(
            name=name, country="DE", asn=64_999, access=Access.HOSTING, role=Role.REFERENCE
        )
        for name in places
    )
    settings = Settings(vantages=vantages, platforms=("x",), outside_key_file=key_file)
    return replace(config(settings=settings), platforms=config().platforms[:1])


def board(of: Config, states: dict[str, State]) -> Board:
    made, now = Board(of), time.time()
    for name, state in states.items():
        observed = full_round(of, "x", vantage=name)
        vouch = Vouch(target="object", at=now, read_at=now - 300.0)
        verdict = replace(
            verdict_of(observed, state), at=now, read_at=now - 300.0, vouches=(vouch,)
        )
        made.round_finished(observed, verdict)
    return made


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ((State.OK,), "ok"),
        ((State.DOWN,), "down"),
        ((State.UNKNOWN,), "unknown"),
        ((State.OK, State.DOWN), None),
        ((State.OK, State.OK, State.DOWN), "ok"),
        ((State.OK, State.DOWN, State.DOWN), "down"),
        ((State.OK, State.OFFLINE), "ok"),
        # None says how the platform is: the latest may say it of single targets.
        ((State.UNKNOWN, State.UNKNOWN), "unknown"),
        ((State.UNKNOWN, State.OK, State.DOWN), None),
        ((), None),
    ],
)
def test_several_vantages_abroad_are_weighed(states: tuple[State, ...], said: str | None) -> None:
    of = abroad(None, PLACES[: max(1, len(states))])
    seen = seen_outside(board(of, dict(zip(PLACES, states, strict=False))).snapshot())
    assert [one.state for one in seen] == ([] if said is None else [said])


async def test_from_a_key_to_a_verdict_inside(tmp_path: Path) -> None:
    """The commands of docs/fleet.md, and what a daemon inside then knows."""
    file = tmp_path / "reference.pem"
    made = CliRunner().invoke(main, ["outside", "key", str(file)])
    again = CliRunner().invoke(main, ["outside", "key", str(file)])
    key = made.output.strip()
    assert (made.exit_code, again.output.strip()) == (0, key)
    assert file.stat().st_mode & 0o077 == 0
    of = abroad(str(file))
    there = board(of, {"one": State.OK})
    server = Server(create_app(there, fine), "127.0.0.1:0")
    await server.start()
    try:
        url = f"http://{server.address}/api/v1/outside"
        home = Settings(
            vantages=(VantageConfig(name="home"),), outside=(OutsideConfig(url=url, key=key),)
        )
        inside = replace(config(settings=home), platforms=config().platforms[:1])
        outside = ReferenceReader(inside)
        assert await outside.look() == {1: ReadResult.OK}
        assert await outside.look() == {1: ReadResult.UNCHANGED}
        main_file = tmp_path / "inside.yaml"
        main_file.write_text(f'outside: [{{url: "{url}", key: "{key}"}}]\n')
        arguments = ["outside", "read", "-c", str(main_file)]
        read = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    finally:
        await server.stop()
    assert read.output == "1  ok\n   x: ok\n"
    (verdict,) = outside.verdicts()
    assert verdict.state is State.OK
    assert [one.target for one in verdict.vouches] == ["object"]
    # And when it last read there, and how fast, beside its controls.
    assert verdict.read_at == pytest.approx(verdict.at - 300.0, abs=0.01)
    found = outside_of([verdict])
    assert found is not None
    assert found.platform > 0.0
    assert found.control > 0.0
    assert has_references(inside, "home")
    assert references_of(inside, "home", [verdict], verdict.at + 60.0) == (verdict,)
    # Stale after two and a half intervals, whatever it says of itself.
    assert references_of(inside, "home", [verdict], verdict.at + 3_600.0) == ()


@pytest.mark.parametrize("state", [State.OK, State.DOWN])
async def test_what_it_says_decides_inside(tmp_path: Path, state: State) -> None:
    """Three networks inside are impaired; only the reference has looked from outside."""
    file = tmp_path / "key.pem"
    key = CliRunner().invoke(main, ["outside", "key", str(file)]).output.strip()
    server = Server(create_app(board(abroad(str(file)), {"one": state}), fine), "127.0.0.1:0")
    await server.start()
    settings = Settings(
        vantages=tuple(
            VantageConfig(name=name, country="PK", asn=64_500 + number)
            for number, name in enumerate(PLACES)
        ),
        platforms=("x",),
        outside=(OutsideConfig(url=f"http://{server.address}/api/v1/outside", key=key),),
    )
    home = replace(config(settings=settings), platforms=config().platforms[:1])
    daemon = Daemon(home, lambda: home)
    try:
        await daemon._outside.look()
        for name in PLACES:
            observed = full_round(home, "x", vantage=name)
            begun = time.time() - 900.0
            verdict = replace(
                verdict_of(observed, State.IMPAIRED),
                at=begun,
                since=begun,
                target="object",
                measure="transfer",
            )
            daemon._board.round_finished(observed, verdict)
        (seen,) = daemon._judging.seen_outside("x")
        assert seen.state is state
        daemon._nation.find(time.time(), daemon.snapshot())
        found = {f.kind: f for f in daemon.snapshot().findings}
    finally:
        await server.stop()
        daemon._store.close(10.0)
    reference = Reference.FINE if state is State.OK else Reference.FAILING
    assert found[FindingKind.IMPAIRED].reference is reference
    struck = found[FindingKind.RESTRICTED].affected_asns
    assert struck == ((64_500, 64_501, 64_502) if state is State.OK else ())


async def test_it_says_nothing_of_who_or_where(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    CliRunner().invoke(main, ["outside", "key", str(file)])
    of = abroad(str(file))
    there = board(of, {"one": State.OK})
    server = Server(create_app(there, fine), "127.0.0.1:0")
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=SOON_SECONDS) as client:
            body = (await client.get(f"http://{server.address}/api/v1/outside")).content
    finally:
        await server.stop()
    text = msgspec.json.decode(body, type=Signed).document
    document = msgspec.json.decode(text, type=Document)
    assert [one.platform for one in document.platforms] == ["x"]
    assert document.platforms[0].bytes is not None
    for private in ("one", "DE", "64999", "127.0.0.1", "192.0.2", "hosting"):
        assert f'"{private}' not in text
        assert private == "one" or private not in text


async def test_without_a_key_nothing_is_published(tmp_path: Path) -> None:
    answers = []
    for key_file in (None, str(tmp_path / "not-there")):
        there = board(abroad(key_file), {"one": State.OK})
        server = Server(create_app(there, fine), "127.0.0.1:0")
        await server.start()
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=SOON_SECONDS) as client:
                url = f"http://{server.address}/api/v1/outside"
                answers.append((await client.get(url)).status_code)
        finally:
            await server.stop()
    assert answers == [404, 503]


def test_the_configurations_of_the_fleet_page_are_right(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "fleet.md").read_text()
    found = {}
    for side in ("reference", "inside"):
        (example,) = re.findall(rf"```yaml {side}\n(.*?)```", text, re.DOTALL)
        file = tmp_path / f"{side}.yaml"
        file.write_text(example)
        found[side] = load(file, {})
    assert found["reference"].settings.outside_key_file == str(tmp_path / "reference.pem")
    assert [(c.host, c.port) for c in contacts(found["inside"]) if c.owner == "outside"] == [
        ("reference.example", 443)
    ]


def test_a_reference_asks_no_reference() -> None:
    of = abroad(None)
    verdict = Verdict(
        vantage="outside-1",
        platform="x",
        state=State.OK,
        rule_id="",
        sentence="",
        at=0.0,
        since=0.0,
    )
    assert not has_references(of, "one")
    assert references_of(of, "one", [verdict], 0.0) == ()
