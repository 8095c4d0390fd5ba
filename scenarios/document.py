"""The scenarios as a table in Markdown: ``python -m scenarios.document`` prints it.

``docs/lab.md`` holds what this prints; a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from scenarios import model
from scenarios.model import HOME, Effect, Expectation, Happening, Range, Said, Scenario
from scenarios.table import EVERY_ONE

_RESOLVERS = {
    model.Resolvers.EVERY: "every resolver",
    model.Resolvers.OWN: "the host's resolver",
    model.Resolvers.OTHERS: "every resolver but the host's",
}
HEADS = ("scenario", "what happens", "in numbers", "what must be said", "within", "source")


def markdown(scenarios: Iterable[Scenario] = EVERY_ONE) -> str:
    """The whole table."""
    lines = [_line(HEADS), _line(["---"] * len(HEADS))]
    return "\n".join([*lines, *(_line(_cells(scenario)) for scenario in scenarios)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(scenario: Scenario) -> list[str]:
    numbers = " or ".join(_happening_list(happens) for happens in scenario.alternatives)
    home = [e for e in scenario.expect if e.vantage == HOME]
    return [
        f"`{scenario.id}`",
        scenario.name,
        numbers or "nothing",
        "; ".join(map(expected, home)),
        "; ".join(dict.fromkeys(str(e.within_rounds) for e in home)),
        scenario.source,
    ]


_OVER = {model.Over.QUIC: "over QUIC: ", model.Over.UPLOAD: "for uploads: "}


def expected(expectation: Expectation) -> str:
    """What must be said, in words."""
    whose = f"{', '.join(expectation.platforms)}: " if expectation.platforms else ""
    whose += _OVER.get(expectation.over, "")
    never = f", never {' or '.join(expectation.never)}" if expectation.never else ""
    return whose + " or ".join(map(said, expectation.said)) + never


def said(one: Said) -> str:
    """A verdict, in words."""
    parts = [
        *(["severe"] if one.severe else []),
        *(["/".join(one.methods)] if one.methods else []),
        *([f"by {'/'.join((*one.triggers, *one.by))}"] if one.triggers or one.by else []),
        *(["/".join(one.signatures)] if one.signatures else []),
        *([f"in {'/'.join(one.phases)}"] if one.phases else []),
        *(["/".join(one.reasons)] if one.reasons else []),
    ]
    return f"**{one.state}**" + (f" ({', '.join(parts)})" if parts else "")


def _happening_list(happens: tuple[Happening, ...]) -> str:
    return " and ".join(map(happening, happens))


def happening(one: Happening) -> str:
    """What happens, with its ranges."""
    match one:
        case model.Restricted(effects=effects):
            return ", ".join(map(effect, effects))
        case model.LineBecomes(kind=kind):
            return f"the line becomes {kind.title}"
        case model.LineWorsens():
            rate = one.down_bits_per_second
            parts = [f"line at {_rate(rate)}"] if rate is not None else []
            parts += [f"{_percent(one.loss)} loss"] if one.loss.most else []
            return ", ".join(parts)
        case model.CrossTraffic(downloads=down, uploads=up):
            parts = [f"{down} downloads"] if down else []
            parts += [f"{up} uploads"] if up else []
            return f"{' and '.join(parts)} at once"
        case model.Answers():
            parts = [f"status {one.status}"] if one.status is not None else []
            rate = one.bits_per_second
            parts += [f"servers send {_rate(rate)}"] if rate is not None else []
            return ", ".join(parts)
        case model.Pauses(after_bytes=after):
            if after is None:
                return "servers near here answer nothing"
            return f"servers near here stop after {_span(after)} bytes"
        case model.Gone():
            return "servers silent"
        case model.ClockStepped(seconds=seconds, back=back):
            return f"{_span(seconds)} s {'back' if back else 'forward'}"
        case model.HostBusy(share=share):
            return f"{_percent(share)} of the time"


def effect(one: Effect) -> str:
    """An effect with its ranges."""
    match one:
        case model.Policed(rate_bits_per_second=rate, burst_bytes=burst):
            return f"policed to {_rate(rate)}, burst {_kib(burst)}"
        case model.Shaped(rate_bits_per_second=rate, queue_bytes=queue):
            return f"shaped to {_rate(rate)}, queue {_kib(queue)}"
        case model.Lossy(probability=probability, up=up):
            return f"{_percent(probability)} loss{'' if up else ' on the way down'}"
        case model.Leaky():
            return _leaky(one)
        case model.Delayed(round_trip_seconds=seconds):
            return f"+{_span(seconds, 1_000)} ms"
        case model.CutOff(after_packets=after) if after is not None:
            return f"cut after {_span(after)} packets, both ways"
        case model.CutOff(after_seconds=after) if after is not None:
            return f"cut after {_span(after, digits='.3g')} s"
        case model.CutOff(after_bytes=after) if after is not None:
            return f"{'reset' if one.resets else 'cut'} after {_span(after)} bytes"
        case model.DnsForged(lie=lie, resolvers=which):
            return f"{_RESOLVERS[which]}: {lie}"
        case model.Impersonated(shows=shows):
            return f"impostor, {shows.value.replace('_', ' ')}"
        case _:
            return type(one).__struct_config__.tag.replace("_", " ")  # type: ignore[union-attr]


def _leaky(one: model.Leaky) -> str:
    parts = [f"{_percent(one.share)} of the connections dropped"]
    if one.reacts_seconds:
        late = Range(min(one.reacts_seconds), max(one.reacts_seconds))
        parts.append(f"after {_span(late, 1_000)} ms")
    if one.residual.most:
        parts.append(f"their addresses and port for {_span(one.residual)} s more")
    return ", ".join(parts)


def _span(values: Range, unit: float = 1.0, digits: str = ",.0f") -> str:
    least, most = (format(v * unit, digits) for v in (values.least, values.most))
    return least if least == most else f"{least}-{most}"


def _rate(values: Range) -> str:
    return f"{_span(values, 1e-3)} kbit/s"


_kib_of = partial(_span, unit=1 / 1024, digits=".3g")


def _kib(values: Range) -> str:
    return f"{_kib_of(values)} KiB"


def _percent(values: Range) -> str:
    return f"{_span(values, 100, '.3g')} %"


if __name__ == "__main__":
    print(markdown(), end="")
