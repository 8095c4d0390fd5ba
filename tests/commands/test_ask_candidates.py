"""Every candidate is asked, and what is written of it names nobody who asked."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from lab.loopback.prometheus import free_address
from lab.loopback.servers import authority
from probe.cli import main
from probe.commands.ask_candidates import FORMAT, CandidateAnswer, CandidatesFound, ask_candidates
from probe.config.definition import Candidate, Corner, Discovery, Target
from probe.config.schema import Config
from probe.config.values import Bytes
from probe.demo.setting import make_certificates, write_configuration
from probe.model.identity import Verify
from tests.measure.test_round import World, world

pytestmark = pytest.mark.usefixtures("unblocked")

LEAST = Bytes(100_000)


def _config(there: World, folder: Path, *targets: Target) -> Config:
    config = there.config(*targets)
    authorities = folder / "ca.pem"
    authority().cert_pem.write_to_path(str(authorities))
    secret = replace(config.settings.vantages[0], name="my-flat-in-dover-street")
    settings = replace(config.settings, ca_file=str(authorities), vantages=(secret,), country="PK")
    return replace(config, settings=settings)


def _of(found: CandidatesFound, leg: str = "target") -> list[CandidateAnswer]:
    return [one for one in found.found if one.of == "x" and one.leg == leg]


async def test_each_candidate_is_asked_and_the_first_that_is_fine_would_be_used(
    tmp_path: Path,
) -> None:
    async with world() as there:

        def at(path: str) -> Candidate:
            return Candidate(url=there.url("x.test", path), min_bytes=LEAST)

        target = Target(
            name="object",
            url=there.url("x.test", "/gone"),
            min_bytes=LEAST,
            candidates=(
                at("/elsewhere"),
                at("/short"),
                at("/wait"),
                Candidate(
                    discover=Discovery(
                        page=there.url("x.test", "/many"), pattern="/no/link", hosts=("x.test",)
                    ),
                    min_bytes=LEAST,
                ),
                Candidate(
                    discover=Discovery(
                        page=there.url("x.test", "/page"),
                        pattern=r"/app/main\.\w+\.js",
                        hosts=(f"x.test:{there.server.port}",),
                    ),
                    min_bytes=LEAST,
                ),
                at("/object"),
            ),
            swap=Corner(why="a neutral name at the same server", sni="neutral.test"),
        )
        config = _config(there, tmp_path, target)
        said: list[str] = []
        found = await ask_candidates(config, said.append)
    own = _of(found)
    assert [one.candidate for one in own] == list(range(1, len(target.candidates) + 2))
    assert [one.status for one in own[:4]] == [404, 302, 200, 503]
    assert [one.fine for one in own[:4]] == [False] * 4
    assert (own[4].skipped, own[4].page) == (
        "no_object",
        "no link on the page matches the pattern",
    )
    assert {one.page for one in own[:4]} == {""}
    assert [one.candidate for one in own if one.used] == [min(x.candidate for x in own if x.fine)]
    last = own[-1]
    assert (last.fine, last.certificate, last.whole_bytes) == (True, "right", 200_000)
    assert last.seconds is not None
    assert last.body_bytes == 65_536
    assert {one.of for one in found.found} == {"x", "one", "two"}
    written = msgspec.json.encode(found)
    for private in (b"dover", b"127.0.0.", str(tmp_path).encode()):
        assert private not in written
    assert (found.format, found.country) == (FORMAT, "PK")


async def test_what_a_stranger_gives_is_not_fine(tmp_path: Path) -> None:
    """A leg that only records its certificate takes any; what comes under a wrong one is unread."""
    async with world() as there:
        target = Target(
            name="object",
            url=there.url("x.test"),
            sni="video.test",
            certificate_name="video.test",
            verify=Verify.RECORD,
            min_bytes=LEAST,
            no_swap="none",
            candidates=(Candidate(url=there.url("x.test", "/other"), min_bytes=LEAST),),
        )
        found = await ask_candidates(_config(there, tmp_path, target), lambda _: None)
    first, second = _of(found)
    assert (first.failure, first.fine, first.certificate, first.used) == (
        None,
        False,
        "wrong",
        False,
    )
    assert (second.fine, second.certificate, second.used) == (True, "right", True)


def test_where_nothing_answers_no_target_is_said_to_be_at_fault(tmp_path: Path) -> None:
    port = int(free_address().rpartition(":")[2])
    main_file = write_configuration(tmp_path, port=port, listen=free_address(), speed=1.0)
    make_certificates(tmp_path)
    for machine in ((), ("--json",)):
        done = CliRunner().invoke(main, ["check", "--online", "-c", str(main_file), *machine])
        assert done.exit_code == 1
        assert "this machine or its line, and of no target" in done.stderr
        assert "of no target" not in done.stdout
