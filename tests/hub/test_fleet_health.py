"""How the probes of a fleet are: each trouble is told of whom it is, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from probe.cli import main
from probe.hub.engine_query import RecordedSeries
from probe.hub.enrolled import ArchivedRounds, Enrolled, FleetPlace, VantageHeard
from probe.hub.fleet_health import FleetHealth, HealthTrouble, fleet_health
from probe.hub.health_words import page, rows, summary
from probe.hub.register import Register
from probe.model.identity import Role

NOW = 1_800_000_000.0
PLACE = FleetPlace(country="PK", asn=17_557)
WELL = VantageHeard(at=NOW - 60, newest_at=NOW - 90, ahead_seconds=1.0)


def member(name: str, role: Role = Role.INSIDE) -> Enrolled:
    return Enrolled(name=name, place=replace(PLACE, role=role), joined=NOW - 86_400)


def said(metric: str, value: float, instance: str = "a", **labels: str) -> RecordedSeries:
    whole = {"__name__": f"throttlewatch_{metric}", "instance": instance, **labels}
    return RecordedSeries(metric=whole, values=((NOW, f"{value}"),))


def of(
    heard: VantageHeard | None, *series: RecordedSeries, others: tuple[RecordedSeries, ...] = ()
) -> FleetHealth:
    """A fleet of `a`, of which this is so, and `b`, which is well."""
    given = {"b": WELL} if heard is None else {"a": heard, "b": WELL}
    return fleet_health([member("a"), member("b")], given, (*series, *others), NOW)


CASES: dict[
    str, tuple[VantageHeard | None, tuple[RecordedSeries, ...], set[HealthTrouble], str]
] = {
    "well": (WELL, (), set(), "nothing"),
    "silent": (
        VantageHeard(at=NOW - 1_801, newest_at=NOW - 1_801),
        (),
        {HealthTrouble.SILENT},
        "silent",
    ),
    "never": (None, (), {HealthTrouble.NEVER_HEARD}, "never heard since it joined on 2027-01-14"),
    "ahead": (
        replace(WELL, ahead_seconds=200.0),
        (),
        {HealthTrouble.CLOCK},
        "clock 3 min ahead",
    ),
    "behind": (
        replace(WELL, ahead_seconds=-7_200.0),
        (),
        {HealthTrouble.CLOCK},
        "clock 2 h behind",
    ),
    "no word of its clock": (replace(WELL, ahead_seconds=None), (), set(), "nothing"),
    "late": (
        replace(WELL, newest_at=NOW - 7_260),
        (),
        {HealthTrouble.BACKLOG},
        "what it sends is 2 h old",
    ),
    "disk": (WELL, (said("store_writable", 0),), {HealthTrouble.DISK}, "cannot be written"),
    "disk is well": (WELL, (said("store_writable", 1),), set(), "nothing"),
    "tunnel": (
        WELL,
        (said("line_tunnel", 1, vantage="a"),),
        {HealthTrouble.TUNNEL},
        "measures through a tunnel",
    ),
    "configuration": (
        WELL,
        (said("config_last_reload_successful", 0),),
        {HealthTrouble.CONFIGURATION},
        "not taken up",
    ),
    "bundle": (WELL, (said("bundle_refused", 1),), {HealthTrouble.BUNDLE}, "may not be used"),
    "data": (
        WELL,
        (said("data_budget_bytes", 1e9, vantage="a"), said("data_left_bytes", 1e7, vantage="a")),
        {HealthTrouble.DATA},
        "nearly used up",
    ),
    "rotten": (
        WELL,
        (said("target_rotten", 1, vantage="a", platform="x", target="robots", reason="gone"),),
        {HealthTrouble.ROTTEN},
        "nothing can be read of x/robots",
    ),
    "older": (
        WELL,
        (said("build_info", 1, version="0.9.1"), said("build_info", 1, "b", version="0.10.0")),
        {HealthTrouble.VERSION},
        "0.9.1 is not the newest in the fleet",
    ),
    "no number": (WELL, (said("store_writable", float("nan")),), set(), "nothing"),
    "hostile": (
        WELL,
        (
            said("build_info", 1, version="\x1b[2J<script>"),
            said("target_rotten", 1, vantage="a", platform="<b>", target="\u202e"),
        ),
        set(),
        "nothing",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_trouble_is_told_of_whom_it_is(case: str) -> None:
    heard, series, troubles, words = CASES[case]
    fleet = of(heard, *series)
    found = {one.name: one for one in fleet.vantages}
    assert set(found["a"].troubles) == troubles
    assert found["b"].troubles == ()
    assert fleet.vantages[0].name == "a", "troubles first"
    assert words in rows(fleet)[0][4]
    shown = page(fleet).decode()
    assert "<script" not in shown
    assert "\x1b" not in shown


def test_a_fleet_without_a_reference_that_is_heard_is_blind() -> None:
    gone = VantageHeard(at=NOW - 7_200, newest_at=NOW - 7_200)
    both = [member("a"), member("r", Role.REFERENCE)]
    assert fleet_health(both, {"a": WELL, "r": gone}, None, NOW).blind
    assert fleet_health(both, {"a": WELL}, None, NOW).blind
    assert not fleet_health(both, {"a": WELL, "r": WELL}, None, NOW).blind
    assert not fleet_health(both[:1], {"a": gone}, None, NOW).blind
    fleet = fleet_health(both, {"a": WELL, "r": gone}, None, NOW)
    assert summary(fleet) == "1 of 2 vantages are heard; no reference is"
    assert "The engine was not asked" in page(fleet).decode()


@pytest.mark.parametrize(
    ("kept", "troubles"), [(899, ()), (900, (HealthTrouble.ROOM,)), (1_000, (HealthTrouble.ROOM,))]
)
def test_whose_rounds_fill_their_room_is_told(
    kept: int, troubles: tuple[HealthTrouble, ...]
) -> None:
    archived = {"a": ArchivedRounds(bytes=kept, room_bytes=1_000)}
    both = [member("a"), member("b")]
    fleet = fleet_health(both, {"a": WELL, "b": WELL}, None, NOW, archived)
    assert [one.troubles for one in fleet.vantages] == [troubles, ()]
    assert ("of their room in the archive" in rows(fleet)[0][4]) is bool(troubles)


def test_who_was_revoked_is_not_missed() -> None:
    revoked = replace(member("a"), revoked=NOW - 10)
    assert fleet_health([revoked], {}, None, NOW).vantages == ()


def test_the_command_says_it_for_people_and_for_machines(tmp_path: Path) -> None:
    file = tmp_path / "hub"
    register = Register(file)
    who, _ = register.join(register.invite(PLACE, until=2e9, now=1.0), 2.0)
    register.keep_heard({who.name: VantageHeard(at=10.0, newest_at=10.0)})
    register.keep_archived({who.name: ArchivedRounds(bytes=95, room_bytes=100)})
    register.close()
    words = ("hub", "health", "--register", str(file))
    shown = tmp_path / "health.html"
    narrow = {"COLUMNS": "80"}
    plain = CliRunner().invoke(main, (*words, "--page", str(shown)), env=narrow)
    assert plain.exit_code == 1
    assert who.name in plain.stdout
    assert "0 of 1 vantages are heard" in plain.stderr
    assert who.name in shown.read_text()
    away = CliRunner().invoke(main, (*words, "--json", "--engine", "http://127.0.0.1:1"))
    assert "only what the hub itself knows" in away.stderr
    (told,) = msgspec.json.decode(away.stdout)["vantages"]
    assert (told["name"], told["heard_at"]) == (who.name, 10.0)
    assert told["troubles"] == ["silent", "room"]
    assert told["archived"] == {"bytes": 95, "room_bytes": 100}


def test_a_register_of_the_first_schema_is_taken_up(tmp_path: Path) -> None:
    """As the version before wrote it: everybody stays."""
    file = tmp_path / "hub"
    register = Register(file)
    who, credential = register.join(register.invite(PLACE, until=2e9, now=1.0), 2.0)
    register._file.execute("DROP TABLE heard")
    register._file.execute("PRAGMA user_version = 1")
    register.close()
    again = Register(file)
    assert again.bearer(credential) == who
    assert again.heard() == {}
    again.keep_heard({who.name: WELL})
    assert again.heard() == {who.name: WELL}
    again.close()
