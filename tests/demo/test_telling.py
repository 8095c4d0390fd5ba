"""What a demo prints: lines while it goes on, sentences at its end."""

from __future__ import annotations

from io import StringIO

from msgspec.structs import replace
from rich.console import Console

from probe.demo.cast import PLATFORMS
from probe.demo.lines import Narration
from probe.demo.script import Scene, twentieth_of_january
from probe.demo.table import StageView, render
from probe.demo.tale import Tale
from probe.model.finding import Finding, FindingKind, Scope
from probe.model.verdict import State, Verdict
from probe.publish.latest.board import Board
from synth.shape import config

SCRIPT = twentieth_of_january()
NAMES = [site.name for site in PLATFORMS]
EMPTY = Board(config()).snapshot()


def view(
    second: float,
    act: int,
    scopes: dict[str, Scope] | None = None,
    states: dict[tuple[str, str], State] | None = None,
) -> StageView:
    findings = tuple(
        Finding(
            at=second,
            country="PK",
            platform=name,
            kind=kind,
            scope=scope,
            sentence=f"{name} {kind} {scope}",
            affected_asns=() if scope in {Scope.NONE, Scope.INSUFFICIENT} else (64_496,),
        )
        for name, scope in (scopes or {}).items()
        for kind in (FindingKind.RESTRICTED, FindingKind.OFFLINE)
    )
    verdicts: dict[tuple[str, str], Verdict | None] = {
        slot: Verdict(
            vantage=slot[0],
            platform=slot[1],
            state=state,
            rule_id="r",
            sentence=f"{slot[1]} is {state}",
            at=second,
            since=second,
            provisional=False,
        )
        for slot, state in (states or {}).items()
    }
    snapshot = replace(EMPTY, findings=findings, verdicts=verdicts)
    began = SCRIPT.acts[act].at_seconds
    place = Scene(number=act, since_seconds=began)
    return StageView(passed_seconds=second, place=place, snapshot=snapshot, address="127.0.0.1:1")


def every(scope: Scope) -> dict[str, Scope]:
    return dict.fromkeys(NAMES, scope)


def told(*views: StageView) -> Tale:
    tale = Tale(SCRIPT)
    for one in views:
        tale(one)
    return tale


def test_a_whole_day_is_told_with_its_times() -> None:
    tale = told(
        view(5.0, 0, every(Scope.NONE)),
        view(30.0, 1, every(Scope.NONE)),
        view(65.0, 3, every(Scope.PARTIAL)),
        view(75.0, 3, every(Scope.NATION)),
        view(95.0, 4, every(Scope.NATION)),
        view(105.0, 4, every(Scope.NONE)),
        view(110.0, 4, every(Scope.INSUFFICIENT)),
    )
    assert tale.national
    assert tale.well
    said = tale.sentences()
    assert len(said) == len(NAMES) + 1
    assert said[0] == (
        "X (Twitter): called throttled nation-wide 45 s after the first network began, and well "
        "again 10 s after it was lifted."
    )
    assert "busy" not in said[-1]


def test_calm_before_it_is_no_recovery_and_one_platform_is_not_all() -> None:
    tale = told(
        view(5.0, 0, every(Scope.NONE)),
        view(30.0, 1, every(Scope.NONE)),
        view(75.0, 3, every(Scope.NATION) | {"x": Scope.PARTIAL}),
    )
    assert not tale.national
    assert not tale.well
    assert tale.sentences()[0] == "X (Twitter): not called throttled nation-wide."
    assert tale.sentences()[-1] == "The day was ended before it was over."


def test_what_comes_back_is_not_well_and_a_slow_machine_is_told() -> None:
    tale = told(
        view(30.0, 1),
        view(75.0, 3, every(Scope.NATION)),
        view(95.0, 4, every(Scope.NATION)),
        view(105.0, 4, every(Scope.NONE)),
        view(110.0, 4, every(Scope.NONE) | {"x": Scope.NETWORK}),
    )
    assert tale.national
    assert not tale.well
    assert "not yet called well" in tale.sentences()[0]
    assert "too busy" in tale.sentences()[-1]


def lines(*views: StageView) -> list[str]:
    out = StringIO()
    say = Narration(Console(file=out, width=200), SCRIPT)
    for one in views:
        say(one)
    return [line[9:] for line in out.getvalue().splitlines()]


def test_lines_tell_what_changed_and_nothing_undecided() -> None:
    slot = ("fixed-a", "x")
    said = lines(
        view(1.0, 0, {"x": Scope.INSUFFICIENT}, {slot: State.UNKNOWN}),
        view(5.0, 0, {"x": Scope.NONE}, {slot: State.OK}),
        view(6.0, 0, {"x": Scope.NONE}, {slot: State.OK}),
        view(30.0, 1, {"x": Scope.NONE}, {slot: State.UNKNOWN}),
        view(40.0, 3, {"x": Scope.NETWORK}, {slot: State.THROTTLED}),
        view(41.0, 3, {"x": Scope.INSUFFICIENT}, {slot: State.UNKNOWN}),
        view(42.0, 3, {"x": Scope.NETWORK}, {slot: State.THROTTLED}),
        view(99.0, 4, {"x": Scope.NONE}, {slot: State.OK}),
    )
    assert said == [
        f"--- {SCRIPT.acts[0].title}",
        "nation    x restricted none",
        f"--- {SCRIPT.acts[1].title}",
        f"--- {SCRIPT.acts[3].title}",
        "fixed-a   x is throttled",
        "nation    x restricted network",
        f"--- {SCRIPT.acts[4].title}",
        "fixed-a   x is ok",
        "nation    x restricted none",
    ]


def test_the_table_has_every_line_and_the_findings() -> None:
    out = StringIO()
    Console(file=out, width=160).print(render(view(40.0, 3, every(Scope.NATION)), SCRIPT))
    text = out.getvalue()
    assert "mobile-d" in text
    assert text.count("4 platforms") == 4
    assert "youtube restricted nation" in text
    assert "offline" not in text
