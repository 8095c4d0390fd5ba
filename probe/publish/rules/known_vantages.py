"""Recording rules: which vantages there are, where each was last heard, and who fell silent."""

from __future__ import annotations

from collections.abc import Iterator

from probe.config.schema import NationConfig
from probe.model.identity import Role
from probe.nation.sight import TOLERANCE, hold_window, near_window, remember_window
from probe.publish.metrics import metric_names as names
from probe.publish.rules.rule_parts import Recording, window

# Whoever stands for a network. A drill's vantages end by themselves, and are never silent.
VOTING = 'role="inside", access=~"fixed|mobile", asn!=""'
MEASURED = 'drill=""'
_PLACE = "country, asn, upstream, vantage, drill"

ASIDE = "vantage:throttlewatch_claimed_networks:count"
PRESENT = "vantage:throttlewatch_present:bool"
ABSENT = "vantage:throttlewatch_absent_timestamp_seconds:last"
KNOWN = "vantage:throttlewatch_heard_timestamp_seconds:last"
KNOWN_REFERENCE = "vantage:throttlewatch_reference_heard_timestamp_seconds:last"
UNHEARD = "vantage:throttlewatch_unheard_timestamp_seconds:last"
DARK = "vantage:throttlewatch_silent_timestamp_seconds:since"


def known(thresholds: NationConfig) -> Iterator[Recording]:
    """The same as ``Memory.hear`` and ``notice`` of ``probe/nation/``."""
    info = names.VANTAGE_INFO.name
    yield Recording(
        record=ASIDE,
        expr=(
            "count by (vantage, drill) (count by (vantage, country, asn, upstream, drill) "
            f'(max_over_time({info}{{asn!=""}}[{window(hold_window(thresholds))}])))'
        ),
    )
    yield Recording(
        record=PRESENT,
        expr=(
            f'(max by ({_PLACE}) ({info}{{{VOTING}, upstream!=""}})\n'
            "or label_replace(max by (country, asn, vantage, drill) "
            f'({info}{{{VOTING}, upstream=""}}), "upstream", "$1", "asn", "(.+)"))\n'
            f"unless on (vantage, drill) ({ASIDE} > 1)"
        ),
    )
    yield from _places(thresholds)
    yield _references(thresholds)
    # Mostly none: what is asked of them is asked of no others.
    yield Recording(
        record=UNHEARD,
        expr=f"{KNOWN}{{{MEASURED}}} >= 0 unless on (vantage, drill) {_heard()}",
    )
    yield _silent(thresholds)


def _places(thresholds: NationConfig) -> Iterator[Recording]:
    """One that is silent keeps the place where it was last heard, for as long as it takes; one that
    is heard as something else has none (-1) until it is back."""
    reach = window(remember_window(thresholds))
    gone = _gone(thresholds)
    yield Recording(
        record=ABSENT,
        expr=(
            f"topk by (vantage, drill) (1, last_over_time({KNOWN}{{{MEASURED}{gone}}}[{reach}]))\n"
            f"unless on (vantage, drill) {PRESENT}"
        ),
    )
    yield Recording(
        record=KNOWN,
        expr=(
            f"{PRESENT} * 0 + time()\n"
            f"or ({ABSENT} unless on (vantage, drill) ({_heard()} unless ({ASIDE} > 1)))\n"
            f"or {ABSENT} * 0 - 1"
        ),
    )


def _references(thresholds: NationConfig) -> Recording:
    """Those abroad: whoever is silent stays known, unless it is heard as something else."""
    reach = window(remember_window(thresholds))
    place = "country, vantage, drill"
    return Recording(
        record=KNOWN_REFERENCE,
        expr=(
            f"max by ({place}) ({names.VANTAGE_INFO.name}"
            f'{{role="{Role.REFERENCE.value}", {MEASURED}}}) * 0 + time()\n'
            f"or (last_over_time({KNOWN_REFERENCE}{{{MEASURED}{_gone(thresholds)}}}[{reach}])\n"
            f"unless on (vantage, drill) {_heard()})"
        ),
    )


def _gone(thresholds: NationConfig) -> str:
    return f', vantage!~"{"|".join(thresholds.gone)}"' if thresholds.gone else ""


def _silent(thresholds: NationConfig) -> Recording:
    near = f"> time() - {near_window(thresholds):g}"
    struck = f"count by (country, drill) ({UNHEARD} {near})"
    recent = f"count by (country, drill) ({KNOWN}{{{MEASURED}}} {near})"
    return Recording(
        record=DARK,
        expr=(
            f"{UNHEARD} {near}\n"
            f"and on (country, drill) ({struck} >= {thresholds.min_networks})\n"
            f"and on (country, drill) "
            f"({struck} >= {thresholds.min_share!r} * {recent} - {TOLERANCE!r})\n"
            f"or ({UNHEARD} == last_over_time({DARK}[{window(remember_window(thresholds))}]))"
        ),
    )


def _heard() -> str:
    return f"max by (vantage, drill) ({names.VANTAGE_INFO.name})"
