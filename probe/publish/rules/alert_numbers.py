"""The numbers in what an alert says: a platform's title, how many networks, since when."""

from __future__ import annotations

from collections.abc import Mapping

from probe.publish.rules import recording_rules

COUNTRY = "{{ $labels.country }}"


def title(titles: Mapping[str, str]) -> str:
    """The platform as people call it; as it is labelled where ``titles`` has none."""
    return _called("$labels.platform", titles)


def _called(label: str, titles: Mapping[str, str]) -> str:
    """What stands in ``label``, a platform, as people call it."""
    shown = f"{{{{ {label} }}}}"
    for name, called in sorted(titles.items(), reverse=True):
        shown = f'{{{{ if eq {label} "{name}" }}}}{plain(called)}{{{{ else }}}}{shown}{{{{ end }}}}'
    return shown


def plain(text: str) -> str:
    """``text`` in a template, where it is read as it is: only a brace can begin anything."""
    return text.replace("{", '{{ "{" }}')


def networks(kind: str) -> str:
    """How many networks are affected of those that are heard, and since when: the median of their
    onsets. A number that is not recorded is left out."""
    affected = _recorded(recording_rules.AFFECTED_NETWORKS, kind)
    covered = _recorded(recording_rules.COVERED_NETWORKS, kind)
    onset = _recorded(recording_rules.ONSET, kind)
    return (
        f"{_first(affected, '{{ . | value }}')} of "
        f"{_first(covered, '{{ . | value }}')} networks that are heard"
        f"{_first(onset, ', since {{ . | value | humanizeTimestamp }}')}. "
    )


def together(titles: Mapping[str, str]) -> str:
    """The platforms that began together, as people call them."""
    series = recording_rules.SYSTEMATIC
    query = f"printf `{series}{{country=%q, drill=%q}} == 1` $labels.country $labels.drill | query"
    return (
        f"{{{{ range $index, $one := {query} | sortByLabel `platform` }}}}"
        "{{ if $index }}, {{ end }}{{ $name := $one | label `platform` }}"
        f"{_called('$name', titles)}{{{{ end }}}}"
    )


def _recorded(series: str, kind: str) -> str:
    return (
        f'printf `{series}{{kind="{kind}", country=%q, platform=%q, transport=%q, drill=%q}}` '
        "$labels.country $labels.platform $labels.transport $labels.drill | query"
    )


def _first(query: str, shown: str) -> str:
    return f"{{{{ with {query} }}}}{{{{ with . | first }}}}{shown}{{{{ end }}}}{{{{ end }}}}"
