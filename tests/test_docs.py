"""The documentation says what the code does, or a test fails."""

from __future__ import annotations

import re
from pathlib import Path

from probe.publish.latest.snapshot import BUCKETS_SECONDS
from probe.publish.metrics import blackbox
from probe.publish.metrics import metric_names as names
from probe.publish.metrics.metric_names import MetricSpec
from tests.every import for_every

ROOT = Path(__file__).parent.parent
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
METRICS_MD = Path(__file__).parent.parent / "docs" / "metrics.md"


def row(spec: MetricSpec) -> str:
    """A metric's line in docs/metrics.md; a failing test prints the one that is missing."""
    labels = ", ".join(f"`{label}`" for label in spec.labels) or "none"
    return f"| `{spec.name}` | {spec.kind} | {labels} | {spec.help} | {spec.when_absent} |"


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    text = METRICS_MD.read_text()
    documented = [line for line in text.splitlines() if line.startswith(f"| `{names.PREFIX}")]
    assert sorted(documented) == sorted(map(row, names.METRICS))


def test_every_metric_that_the_text_or_a_query_names_exists() -> None:
    text = METRICS_MD.read_text()
    known = {spec.name for spec in names.METRICS}
    assert set(re.findall(rf"{names.PREFIX}\w+", text)) <= known


def test_every_label_is_explained() -> None:
    head = METRICS_MD.read_text().partition("## Verdicts")[0]
    explained = {
        label
        for line in head.splitlines()
        if line.startswith("| `")
        for label in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    used = {label for spec in names.METRICS for label in spec.labels}
    assert used - {"version"} == explained


def test_blackbox_names_are_documented() -> None:
    part = METRICS_MD.read_text().partition("## blackbox_exporter")[2]
    assert set(re.findall(r"`(probe_\w+)`", part)) == blackbox.HELP.keys()


def test_buckets_are_documented() -> None:
    *most, last = (f"{bound:g}" for bound in BUCKETS_SECONDS)
    assert f"Buckets end at {', '.join(most)} and {last} seconds." in METRICS_MD.read_text()


@for_every(names.METRICS, lambda spec: spec.name)
def test_names_follow_prometheus_conventions(spec: MetricSpec) -> None:
    assert spec.name.startswith(names.PREFIX)
    assert spec.name.endswith("_total") is (spec.kind == "counter")
    assert spec.name.endswith("_info") is (spec.kind == "info")
    assert spec.help.endswith(".")
    assert "|" not in spec.help + spec.when_absent
    assert len(set(spec.labels)) == len(spec.labels)


@for_every(DOCS, str)
def test_no_placeholder_is_left_in_a_document(path: Path) -> None:
    assert not re.search(r"@@\w*", path.read_text())


@for_every(DOCS, str)
def test_programs_and_documents_that_a_document_names_exist(path: Path) -> None:
    text = path.read_text()
    for module in re.findall(r"python -m ((?:benchmarks|lab|scenarios|synth)(?:\.\w+)+)", text):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
    for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        assert (path.parent / link).exists(), link


@for_every(DOCS, str)
def test_files_of_ours_that_a_document_names_exist(path: Path) -> None:
    if path.name == "CHANGELOG.md" or path.parent.name in {"decisions", "releases"}:
        return  # what was there when it was written
    folders = "probe|tests|config|docs|lab|synth|scenarios|tools|benchmarks"
    for file in re.findall(rf"`((?:{folders})/[\w./*-]+)`", path.read_text()):
        # A word in capitals is to be filled in.
        assert re.search(r"[A-Z]{4}", file) or any(ROOT.glob(file.rstrip("/"))), file


def test_the_readme_shows_first_what_it_looks_like() -> None:
    head = (ROOT / "README.md").read_text().partition("\n## ")[0]
    assert re.search(r"!\[[^]]+\]\(docs/images/\w+\.png\)", head)
    assert head.count("\n") < 20


def test_what_docs_security_promises_is_held_by_tests_that_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    promised = text.partition("## What a reader")[2].partition("## What is not promised")[0]
    for part in promised.split("## "):
        rows = [line for line in part.splitlines() if line.startswith("| ")][1:]
        assert rows
        for row in rows:
            named = re.findall(
                r"`((?:tests|benchmarks)/[\w/]+\.py)(?:::(\w+))?`", row.split("|")[2]
            )
            assert named or set(row) <= set("|- "), row
            for file, test in named:
                assert (ROOT / file).exists(), file
                assert re.search(rf"def {test}\b", (ROOT / file).read_text()), f"{file}::{test}"
