"""Histories as unit tests of ``promtool test rules``: Prometheus' own engine evaluates the rules
that we render, and compares each step with what ``probe/nation/`` says."""

from __future__ import annotations

import math
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from probe.config.dump import dump
from probe.config.schema import NationConfig
from probe.model.finding import SCOPE_CODE, Finding, FindingKind, Reference
from probe.model.verdict import State
from probe.nation.fuse import fuse
from probe.nation.fusion_memory import FusionMemory
from probe.nation.sight import upstream_of
from probe.observe.effort import Measure
from probe.publish.metrics import metric_names as names
from probe.publish.metrics import metric_names_transport as names_transport
from probe.publish.metrics import metric_names_vouch as names_vouch
from probe.publish.rules import affected_rules, recording_rules, reference_rules
from probe.publish.rules.rule_file import rule_file
from tests.nation.histories import OPERATORS, PLATFORMS, STEP, History, Told

# What is compared as it is, and what is compared to a millionth (sums of weights may be added up in
# another order).
EXACT = (
    recording_rules.AFFECTED_NETWORK,
    recording_rules.AFFECTED_NETWORKS,
    recording_rules.COVERED_NETWORKS,
    recording_rules.AFFECTED_VANTAGES,
    affected_rules.VANTAGES,
    recording_rules.WIDE,
    recording_rules.SCOPE,
    recording_rules.UPSTREAMS,
    recording_rules.ONSET,
    recording_rules.SPREAD,
    recording_rules.SYSTEMATIC,
)
ROUNDED = (recording_rules.SHARE, recording_rules.COVERAGE)
MILLIONTH = 1e-6
Labels = tuple[tuple[str, str], ...]
Expected = dict[str, dict[Labels, float]]


def run(folder: Path, histories: Sequence[History], config: NationConfig) -> tuple[list[int], str]:
    """Have Prometheus evaluate ``histories`` under ``config``: the seeds at which it says something
    else, and what promtool printed."""
    recording = rule_file(config, PLATFORMS, operators=OPERATORS)["groups"][:1]
    (folder / "rules.yml").write_text(dump({"groups": recording}))
    tests = [_test(history, config) for history in histories]
    # JSON is YAML, and far faster to write.
    (folder / "tests.yml").write_bytes(
        msgspec.json.encode(
            {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
        )
    )
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"],
        cwd=folder,
        # Much garbage, much memory: collecting it less often takes a fifth less time.
        env={**os.environ, "GOGC": "400"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    printed = done.stdout + done.stderr
    if done.returncode == 0:
        return [], printed
    wrong = [history.seed for history in histories if f"seed-{history.seed}," in printed]
    return wrong or [history.seed for history in histories], printed


def findings_of(history: History, config: NationConfig) -> list[tuple[Finding, ...]]:
    """What ``probe/nation/`` says at each step."""
    memory, found = FusionMemory(), []
    for step in range(history.steps):
        memory, findings = fuse(memory, history.sight(step), config, operators=OPERATORS)
        found.append(findings)
    return found


def _test(history: History, config: NationConfig) -> dict[str, Any]:
    checks = []
    for step, findings in enumerate(findings_of(history, config)):
        expected = _expected(findings)
        queries: dict[str, tuple[str, ...]] = {'{__name__=~"' + "|".join(EXACT) + '"}': EXACT}
        # Where nobody inside is heard, there is no finding to say what is seen abroad.
        reference, vantages = reference_rules.REFERENCE, affected_rules.VANTAGES
        heard = f"{reference} and on (platform, transport, kind, drill) {vantages}"
        queries[heard] = (reference_rules.REFERENCE,)
        for name in ROUNDED:
            queries[f"round({name}, {MILLIONTH!r})"] = (name,)
        # Who is not affected has no series, but in a country that fell silent.
        none = f'{affected_rules.AFFECTED_VANTAGE}{{kind!="{FindingKind.SILENT}"}} == 0'
        queries[none] = ()
        for query, series in queries.items():
            samples = [
                {"labels": _text("" if name in ROUNDED else name, labels), "value": value}
                for name in series
                for labels, value in expected.get(name, {}).items()
            ]
            checks.append(
                {"expr": query, "eval_time": f"{step * STEP:.0f}s", "exp_samples": samples}
            )
    return {
        "name": f"seed-{history.seed},",
        "interval": "1m",
        "input_series": [
            {"series": _text(name, labels), "values": " ".join(values)}
            for (name, labels), values in _series(history).items()
        ],
        "promql_expr_test": checks,
    }


def _expected(findings: Iterable[Finding]) -> Expected:
    expected: Expected = defaultdict(dict)
    for f in findings:
        labels = _labels(
            country=f.country,
            platform=f.platform,
            transport=f.transport,
            kind=f.kind,
            drill=_drill(f.drill),
        )
        expected[recording_rules.SCOPE][labels] = SCOPE_CODE[f.scope]
        expected[affected_rules.VANTAGES][labels] = f.vantages
        expected[recording_rules.AFFECTED_VANTAGES][labels] = f.affected_vantages
        expected[recording_rules.COVERED_NETWORKS][labels] = len(f.covered_asns)
        expected[recording_rules.AFFECTED_NETWORKS][labels] = len(f.affected_asns)
        expected[recording_rules.WIDE][labels] = float(f.wide)
        if f.kind is FindingKind.RESTRICTED and not f.transport:
            expected[recording_rules.SYSTEMATIC][labels] = float(f.systematic)
        if f.upstreams:
            expected[recording_rules.UPSTREAMS][labels] = f.upstreams
        if f.affected_share is not None:
            expected[recording_rules.SHARE][labels] = _rounded(f.affected_share)
        if f.coverage is not None:
            expected[recording_rules.COVERAGE][labels] = _rounded(f.coverage)
        if f.since is not None and f.onset_spread_seconds is not None:
            expected[recording_rules.ONSET][labels] = f.since
            expected[recording_rules.SPREAD][labels] = f.onset_spread_seconds
        for asn in f.covered_asns:
            network = _labels(**dict(labels), asn=str(asn))
            expected[recording_rules.AFFECTED_NETWORK][network] = float(asn in f.affected_asns)
        if f.reference in (Reference.FINE, Reference.FAILING):
            abroad = _labels(
                platform=f.platform, transport=f.transport, kind=f.kind, drill=_drill(f.drill)
            )
            expected[reference_rules.REFERENCE][abroad] = float(f.reference is Reference.FINE)
    return expected


def _rounded(value: float) -> float:
    """As PromQL's ``round`` does it."""
    inverse = 1.0 / MILLIONTH
    return math.floor(value * inverse + 0.5) / inverse


def _series(history: History) -> dict[tuple[str, Labels], list[str]]:
    """Every series with its value at each step; a staleness marker where it has none."""
    series: dict[tuple[str, Labels], list[str]] = {}
    for step in range(history.steps):
        at = step * STEP
        for post in history.posts:
            place = post.places[step]
            if place is None:
                continue
            common = {"instance": post.instance, "drill": _drill(post.drill)}
            whole = {
                **common,
                "vantage": place.name,
                "country": place.country,
                "asn": "" if place.asn is None else str(place.asn),
                "access": place.access.value,
                "role": place.role.value,
            }
            upstream = upstream_of(place) if place.upstream else ""
            values: list[tuple[str, dict[str, str], float]] = [
                (names.VANTAGE_INFO.name, {**whole, "upstream": upstream}, 1.0)
            ]
            if post.clocked:
                clock = {**common, "vantage": place.name}
                values.append((names.VANTAGE_TIME.name, clock, at + post.skew))
            for platform, told in post.told[step].items():
                slot = {**common, "vantage": place.name, "platform": platform}
                values += [
                    (
                        names.VERDICT_STATE.name,
                        {**whole, "platform": platform, "state": state.value},
                        float(state is told.state),
                    )
                    for state in State
                ]
                values.append((names.VERDICT_SINCE.name, slot, told.since))
                values.append((names.VERDICT_TIME.name, slot, told.at))
                if told.reason:
                    values.append((names.VERDICT_INFO.name, {**slot, "reason": told.reason}, 1.0))
                values += _of_targets(slot, told)
                values += [
                    (names.VERDICT_CONTROL.name, {**slot, "control": control}, 1.0)
                    for control in told.controls
                ]
            for transport, platform, told in post.over(step):
                if not transport:
                    continue
                slot = {
                    **common,
                    "vantage": place.name,
                    "platform": platform,
                    "transport": transport,
                }
                info = {**whole, **slot, "state": told.state.value, "reason": told.reason}
                values += [
                    (names_transport.INFO.name, {**info, "method": told.method}, 1.0),
                    (names_transport.SINCE.name, slot, told.since),
                    (names_transport.TIME.name, slot, told.at),
                    *_of_targets(slot, told),
                ]
            for name, labels, value in values:
                key = (name, _labels(**labels))
                series.setdefault(key, ["stale"] * history.steps)[step] = f"{value:.10g}"
    return series


def _of_targets(slot: dict[str, str], told: Told) -> Iterator[tuple[str, dict[str, str], float]]:
    if told.target:
        of = {**slot, "target": told.target, "measure": told.measure}
        yield names_vouch.IMPAIRED.name, of, 1.0
    for vouch in told.vouches:
        for measure in Measure:
            if at := vouch.looked(measure):
                of = {**slot, "target": vouch.target, "measure": measure.value}
                yield names_vouch.LOOKED.name, of, at


def _labels(**labels: str) -> Labels:
    return tuple(sorted((name, str(value)) for name, value in labels.items() if value))


def _text(name: str, labels: Labels) -> str:
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in labels) + "}"


def _drill(drill: bool) -> str:
    return "true" if drill else ""
