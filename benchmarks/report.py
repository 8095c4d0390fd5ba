"""How long a report and exports take, and how much memory: ``python -m benchmarks.report DAYS``.

The rounds are made up (tests/event.py): one vantage, four platforms, a light round every five
minutes. They are written to a JSON Lines file first, so that making them up is not measured;
reading that file is, as reading the history would be. ``--pages FOLDER`` writes the example pages
instead.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from probe import __version__
from probe.config.schema import Config, Settings, VantageConfig
from probe.model.stored import StoredRound
from probe.publish.export.export_csv import csv_lines
from probe.publish.export.export_jsonl import jsonl_lines
from probe.publish.export.export_ooni import ooni_lines
from probe.publish.report.gather import gather, window
from probe.publish.report.render import render_html, render_svg
from probe.publish.report.report_parts import Setting
from probe.publish.report.times import TimeWriter
from synth.event import DAY, END, TITLES, VANTAGES, WEEK, history

SETTING = Setting(
    country="ZZ",
    vantages={vantage.name: vantage for vantage in VANTAGES},
    titles=TITLES,
    controls=("debian (foreign)", "jquery (foreign)"),
    note="Example made of generated data: no such event took place.",
)


def measure(days: float) -> None:
    """Print seconds, bytes and peak memory."""
    over = window(WEEK, WEEK + days * DAY)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rounds.jsonl"
        with file.open("wb") as sink:
            sink.writelines(jsonl_lines(history(over.start, over.end, vantages=VANTAGES[:1])))
        before = _peak()
        began = time.monotonic()
        gathered = gather(_read(file), over)
        read = time.monotonic() - began
        page = render_html(gathered, SETTING, TimeWriter(), version=__version__)
        whole = time.monotonic() - began
        print(
            f"report: {gathered.rounds} rounds, {whole:.1f} s ({read:.1f} s of it reading), "
            f"{len(page) / 1e6:.2f} MB, {_peak() - before:.0f} MB more memory"
        )
        for name, lines in (
            ("csv", csv_lines(_read(file), SETTING.vantages)),
            ("jsonl", jsonl_lines(_read(file))),
            ("ooni", ooni_lines(_read(file), SETTING.vantages)),
        ):
            before, began = _peak(), time.monotonic()
            size = sum(map(len, lines))
            print(
                f"{name}: {time.monotonic() - began:.1f} s, {size / 1e6:.0f} MB, "
                f"{_peak() - before:.0f} MB more memory"
            )


def pages(folder: Path) -> None:
    """Write the example report, its plot and a landing page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in examples().items():
        (folder / f"{name}.{'svg' if name == 'plot' else 'html'}").write_text(page)


def examples() -> dict[str, str]:
    """The example report, its plot and a landing page."""
    over = window(WEEK, WEEK + 7 * DAY)
    gathered = gather(history(light_seconds=1_800.0, transfer_every=1), over)
    return {
        "report": render_html(gathered, SETTING, TimeWriter(), version=__version__),
        "plot": render_svg(gathered, SETTING, TimeWriter()),
        "page": _landing(),
    }


def _landing() -> str:
    # The daemon's parts are needed here only.
    from probe.config import load
    from probe.nation.local import Local, sight_of
    from probe.publish.latest.board import Board
    from probe.publish.web.landing_page import render_page
    from probe.schedule.data_budget import DataBudget

    shipped = load(None, {})
    now = END - 3_600.0
    vantage = VantageConfig(name="home", asn=64_501)
    config = Config(
        settings=Settings(country="XX", vantages=(vantage,)),
        platforms=shipped.platforms,
        controls=shipped.controls,
    )
    data = DataBudget(config)
    board = Board(config, data=data.view, wall=lambda: now)
    home = VANTAGES[:1]
    for stored in history(now - 6 * DAY, now, vantages=home, light_seconds=900.0, transfer_every=1):
        data.spent(stored.observed)
        board.round_finished(stored.observed, stored.verdict)
    nation, seen = Local(config.settings.nation, TITLES), board.snapshot()
    findings, _ = nation.step(sight_of(now, seen.vantages, seen.verdicts, seen.compared))
    board.nation_found(findings, nation.open_incidents)
    return render_page(board.snapshot(), __version__)


def _read(file: Path) -> Iterator[StoredRound]:
    decoder = msgspec.json.Decoder(StoredRound)
    with file.open("rb") as source:
        for line in source:
            yield decoder.decode(line)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pages"]:
        pages(Path(sys.argv[2]))
    else:
        measure(float(sys.argv[1]) if sys.argv[1:] else 365.0)
