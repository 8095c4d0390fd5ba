"""How fast targets are beside other sites, as one line tells it and as many do."""

from __future__ import annotations

import json
import math
import tracemalloc
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.cli import main
from probe.config import embedded, load
from probe.config.bundle_nodes import mistakes_of
from probe.config.definition import UsualPace
from probe.config.readable import MOST_BYTES
from probe.config.written_paces import block
from probe.model.identity import Access, Compares, LegRole
from probe.model.others_restricted import OthersRestricted, ToldBy
from probe.model.stored import StoredRound
from probe.publish.export.export_paces import pace_lines, shares_of
from probe.publish.export.usual_paces import MOST_TARGETS, UsualPaces
from probe.verdict.about import about, control_facts
from synth.event import DAY, ONSET, WEEK, history
from tests.store.test_writer import a_store, keep

FOREIGN = {"debian/object"}


def of_days(days: float, begin: float = WEEK) -> list[StoredRound]:
    return list(history(begin, begin + days * DAY, platforms=("x",), light_seconds=900.0))


def test_a_line_is_a_vantage_and_says_nothing_of_it() -> None:
    made = pace_lines(of_days(5.0), FOREIGN, ["x/script"], {"vps": Access.HOSTING})
    lines = [json.loads(line) for line in made]
    assert len(lines) == 5
    assert sorted(line["access"] for line in lines) == ["fixed"] * 4 + ["hosting"]
    for line in lines:
        assert list(line["targets"]) == ["x/script"]
        # Two of the five had trouble of their own on one day.
        assert line["targets"]["x/script"]["days"] in (4, 5)
        assert 0.8 <= line["targets"]["x/script"]["share"] <= 1.0


def test_what_the_configuration_does_not_name_is_left_out() -> None:
    assert not list(pace_lines(of_days(3.0), FOREIGN, ["x/page"], {}))


def test_a_day_on_which_it_was_not_well_tells_nothing() -> None:
    day = WEEK + math.floor((ONSET - WEEK) / DAY) * DAY
    assert set(shares_of(of_days(1.0, day), FOREIGN)) == {"abroad", "vps"}


def test_a_day_on_which_its_normal_may_be_slow_tells_nothing() -> None:
    rounds = of_days(1.0)
    others = OthersRestricted(networks=3, since=WEEK - DAY, told_by=ToldBy.OWN)
    assert shares_of(rounds, FOREIGN)
    last = replace(rounds[-1], verdict=replace(rounds[-1].verdict, learnt_while=others))
    assert rounds[-1].observed.vantage in shares_of(rounds, FOREIGN)
    assert last.observed.vantage not in shares_of([*rounds[:-1], last], FOREIGN)


def test_beside_nobody_abroad_nothing_is_told() -> None:
    assert not shares_of(of_days(1.0), ())


def test_a_target_that_is_ten_times_slower_has_a_tenth() -> None:
    def slowed(one: StoredRound) -> StoredRound:
        legs = tuple(
            replace(leg, body_bytes=leg.body_bytes // 10)
            if leg.leg.role is LegRole.TARGET and leg.body_bytes
            else leg
            for leg in one.observed.legs
        )
        return replace(one, observed=replace(one.observed, legs=legs))

    rounds = of_days(1.0)
    before, after = shares_of(rounds, FOREIGN), shares_of(map(slowed, rounds), FOREIGN)
    for vantage, targets in after.items():
        (share,) = targets["x/script"]
        assert share == pytest.approx(before[vantage]["x/script"][0] / 10.0, rel=0.3)


def test_the_command_writes_it_of_what_is_configured(tmp_path: Path) -> None:
    config = load(None, {})
    control = next(one.name for one in control_facts(config) if one.foreign).partition("/")
    target = next(p for p in config.platforms if p.name == "x").targets[0].name
    named = {LegRole.TARGET: ("x", target), LegRole.CONTROL: (control[0], control[2])}

    def configured(one: StoredRound) -> StoredRound:
        legs = tuple(
            replace(leg, leg=replace(leg.leg, owner=owner, target=name))
            for leg in one.observed.legs
            if leg.leg.target in ("script", "object")
            for owner, name in [named.get(leg.leg.role, (leg.leg.owner, leg.leg.target))]
        )
        return replace(one, observed=replace(one.observed, legs=legs))

    store = a_store(tmp_path / "h")
    keep(store, *map(configured, of_days(3.0)))
    store.close(20)
    given = ["--history", str(tmp_path / "h"), "--from", "2026-01-15T00:00"]
    made = CliRunner().invoke(main, ["export", "-f", "paces", "-o", str(tmp_path / "out"), *given])
    assert made.exit_code == 0, made.output
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert lines
    assert all(list(line["targets"]) == [f"x/{target}"] for line in lines)
    assert {line["access"] for line in lines} == {"fixed"}


def told(share: float, access: str = "fixed", *, name: str = "x/script", days: int = 9) -> str:
    return json.dumps({"access": access, "targets": {name: {"share": share, "days": days}}})


def usual_paces(lines: list[str], month: str) -> dict[str, tuple[UsualPace, ...]]:
    paces = UsualPaces()
    for line in lines:
        paces.add(line)
    return paces.found(month)


def test_nineteen_of_twenty_lines_reach_what_is_told() -> None:
    lines = [told(share / 100.0) for share in range(1, 21)]
    (of_all, fixed) = usual_paces(lines, "2026-11")["x"]
    assert (of_all.access, fixed.access) == (None, Access.FIXED)
    assert (fixed.target, fixed.share, fixed.lines) == ("script", 0.02, 20)
    assert usual_paces(lines[1:], "2026-11") == {}


def test_kinds_of_lines_are_told_apart_where_enough_of_each_have_told() -> None:
    lines = [told(0.8)] * 30 + [told(0.2, "mobile")] * 25 + [told(0.9, "hosting")] * 3
    found = {one.access: one.share for one in usual_paces(lines, "2026-11")["x"]}
    assert found == {None: 0.2, Access.FIXED: 0.8, Access.MOBILE: 0.2}


def test_what_is_told_becomes_the_end_of_a_definition(tmp_path: Path) -> None:
    """Twice: in place of what was there. A configuration with it knows it of the vantage's kind."""
    shipped = next(embedded.folder().glob("platforms/x.yaml")).read_text()
    (tmp_path / "x.yaml").write_text(shipped)
    target = next(
        t.name
        for p in load(None, {}).platforms
        if p.name == "x"
        for t in p.targets
        if t.compares is Compares.GOODPUT
    )
    for share in (0.7, 0.4):
        line = told(share).replace("x/script", f"x/{target}")
        (tmp_path / "lines").write_text(f"{line}\n" * 24)
        given = ["targets", "paces", str(tmp_path / "lines"), "--into", str(tmp_path)]
        made = CliRunner().invoke(main, [*given, "--month", "2026-11"])
        assert made.exit_code == 0, made.output
    assert (tmp_path / "x.yaml").read_text().startswith(shipped.rstrip())
    (tmp_path / "lines").unlink()
    main_file = tmp_path / "main.yaml"
    main_file.write_text(
        "definitions: .\nplatforms: [x]\nvantages:\n- {name: home}\n"
        "- {name: phone, access: mobile}\n"
    )
    (tmp_path / "d").mkdir()
    (tmp_path / "x.yaml").rename(tmp_path / "d" / "x.yaml")
    main_file.write_text(main_file.read_text().replace("definitions: .", "definitions: d"))
    config = load(main_file, {})
    facts = about(config, config.platforms[0], vantage="home").target(target)
    assert facts.pace is not None
    assert (facts.pace.share, facts.pace.access, facts.pace.lines) == (0.4, Access.FIXED, 24)
    phone = about(config, config.platforms[0], vantage="phone").target(target)
    assert phone.pace is not None
    assert phone.pace.access is None


@pytest.mark.parametrize(
    ("lines", "given", "said"),
    [
        ("", (), "0 lines have told; 20 must have"),
        (f"{told(0.5)}\n" * 19, (), "19 lines have told"),
        ("{}\n", (), "is not what"),
        (f"{told(0.5)}\n" * 20, ("--month", "2026-13"), "a month such as"),
        (f"{told(0.5)}\n" * 20, ("--into", "."), "x.yaml"),
    ],
)
def test_what_cannot_be_told_is_answered(
    lines: str, given: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "lines").write_text(lines)
    with_folder = [str(tmp_path) if one == "." else one for one in given]
    made = CliRunner().invoke(main, ["targets", "paces", str(tmp_path / "lines"), *with_folder])
    assert made.exit_code != 0
    assert said in made.output


@pytest.mark.parametrize(
    "line",
    [
        told(0.5, name="x/object, share: 1}\n- {target: page"),
        told(0.5, name="x/object: {a"),
        told(0.5, name="x/object\n"),
        told(0.5, name="x/object #"),
        told(0.5, name="x/\x1b[2J"),
        told(0.5, name="../../etc/cron.d/object"),
        told(0.5, name="/object"),
        told(0.5, name="x"),
        told(0.5, name="x/"),
        told(0.5, name="x/a/b"),
        told(0.5, name="X/Object"),
        told(0.5, name=f"x/{'a' * 41}"),
        told(0.5, "fixed, share: 1"),
        told(0.5, "\x1b[31mfixed"),
        told(0.5, days=-1),
        told(0.5, days=0),
        told(0.5, days=10**18),
        told(0.5).replace("9", "9.5"),
        told(1e300),
        told(1.5),
        told(-0.5),
        told(float("nan")),
        told(float("inf")),
        told(0.5).replace("0.5", "1e999"),
        told(0.5).replace("0.5", '"0.5"'),
        json.dumps({"access": "fixed", "targets": {"x/object": 0.5}}),
        json.dumps({"access": "fixed", "targets": [["x/object", 0.5]]}),
        json.dumps({"targets": {}}),
        json.dumps({"access": "fixed", "targets": dict.fromkeys(f"x/{n}" for n in range(999))}),
        "[" * 60_000,
        " ".join(["{}"] * 40_000),
        "\udc80",
    ],
)
def test_what_strangers_write_is_read_by_type_and_within_bounds(line: str, tmp_path: Path) -> None:
    """Also where enough of them say so: nothing is written, and the sentence says where it is."""
    shipped = next(embedded.folder().glob("platforms/x.yaml")).read_text()
    (tmp_path / "x.yaml").write_text(shipped)
    text = "\n".join([told(0.5, name="x/object"), *[line] * 20])
    (tmp_path / "lines").write_bytes(text.encode(errors="surrogateescape"))
    for into in ((), ("--into", str(tmp_path))):
        made = CliRunner().invoke(main, ["targets", "paces", str(tmp_path / "lines"), *into])
        assert made.exit_code == 1
        assert isinstance(made.exception, SystemExit)
        assert "line 2" in made.output
        assert made.output.replace("\n", "").isprintable()
    assert (tmp_path / "x.yaml").read_text() == shipped


def test_a_share_that_is_tiny_is_told_as_it_is() -> None:
    (of_all, _) = usual_paces([told(0.0001)] * 20, "2026-11")["x"]
    assert of_all.share == 0.0001
    assert "share: 0.0001\n" in block([of_all])
    (of_all, _) = usual_paces([told(0.123456)] * 20, "2026-11")["x"]
    assert of_all.share == 0.123
    assert usual_paces([told(0.0)] * 20, "2026-11") == {}


def test_what_strangers_tell_of_other_targets_is_left_out_and_said(tmp_path: Path) -> None:
    shipped = next(embedded.folder().glob("platforms/x.yaml")).read_text()
    (tmp_path / "x.yaml").write_text(shipped)
    names = ("x/object", "x/page", "x/nowhere", "nobody/object")
    (tmp_path / "lines").write_text("".join(f"{told(0.5, name=one)}\n" * 20 for one in names))
    given = ["targets", "paces", str(tmp_path / "lines"), "--into", str(tmp_path)]
    made = CliRunner().invoke(main, given)
    assert made.exit_code == 0, made.output
    assert "nowhere is no target" in made.output
    assert "page is no target of it that is read" in made.output
    assert "nobody.yaml: no such file" in made.output
    assert mistakes_of({"x.yaml": (tmp_path / "x.yaml").read_text()}) == []
    assert not (tmp_path / "nobody.yaml").exists()


def test_files_of_many_lines_take_no_more_memory(tmp_path: Path) -> None:
    """However many honest lines are joined into one file, also with a byte order mark before it."""
    lines = [told(0.001 * share, name=f"x/t{share % 40}") for share in range(1, 1_001)]
    file = tmp_path / "lines"
    part = "".join(f"{one}\n" for one in lines).encode()

    def peak(times: int) -> int:
        with file.open("wb") as out:
            out.write(b"\xef\xbb\xbf")
            out.writelines([part] * times)
        tracemalloc.start()
        made = CliRunner().invoke(main, ["targets", "paces", str(file)])
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert made.exit_code == 0, made.output
        assert f"lines: {25 * times}\n" in made.output
        return most

    peak(1)
    few = peak(2)
    assert peak(60) < few + 1_000_000
    assert file.stat().st_size > MOST_BYTES


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["targets", "paces", "/dev/zero"])
    assert made.exit_code == 1
    assert "line 1 has more than" in made.output
    lines = [told(0.5, name=f"x{n}/object") for n in range(MOST_TARGETS + 1)]
    (tmp_path / "lines").write_text("\n".join(lines))
    made = CliRunner().invoke(main, ["targets", "paces", str(tmp_path / "lines")])
    assert made.exit_code == 1
    assert f"more than {MOST_TARGETS:,} targets" in made.output
