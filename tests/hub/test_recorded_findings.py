"""A finding that goes into the engine comes out as it was: its words are those of a daemon."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from probe.hub.recorded_findings import findings_by_step, looking
from probe.model.finding import Finding, FindingKind, Scope
from probe.nation.sight import GRID_SECONDS, VERDICT_KINDS
from tests.hub.recorded import engine_of, series_of
from tests.nation.histories import history, thresholds
from tests.nation.promtool import findings_of

LOOKING = {looking(kind): kind for kind in VERDICT_KINDS}


def plain(finding: Finding, factor: bool) -> Finding:
    """Without what is not recorded: a factor of other kinds than restrictions."""
    return finding if factor else replace(finding, factor=None)


def test_random_histories_come_out_of_the_engine_as_they_went_in() -> None:
    seen: set[Scope] = set()
    sentences = 0
    for seed in range(60):
        config = thresholds(Random(seed))
        steps = [
            [f for f in findings if not (f.drill or f.transport)]
            for findings in findings_of(history(seed), config)
        ]
        every = [f for findings in steps for f in findings]
        titles = {f.platform: f.platform for f in every}
        out = findings_by_step(engine_of(series_of(every), LOOKING), config, titles)
        for finding in every:
            (found,) = [
                one
                for one in out[round(finding.at / GRID_SECONDS)]
                if (one.country, one.platform, one.kind)
                == (finding.country, finding.platform, finding.kind)
            ]
            restricted = finding.kind is FindingKind.RESTRICTED
            assert plain(found, restricted) == plain(finding, restricted)
            seen.add(finding.scope)
            sentences += 1
    assert seen == set(Scope)
    assert sentences > 1_000


def test_a_platform_that_the_configuration_has_not_is_nobodys_word() -> None:
    """A vantage may send series of any name: none of them gets a line on the page, or a file."""
    config = thresholds(Random(1))
    every = [
        f
        for findings in findings_of(history(1), config)
        for f in findings
        if not (f.drill or f.transport)
    ]
    poisoned = [replace(f, platform="../../etc", country="PK") for f in every]
    poisoned += [replace(f, country="p/") for f in every]
    titles = {f.platform: f.platform for f in every}
    out = findings_by_step(engine_of(series_of(poisoned), LOOKING), config, titles)
    assert not [f for findings in out.values() for f in findings if f.platform]
