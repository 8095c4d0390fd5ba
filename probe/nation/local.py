"""The findings of one daemon, from its own vantages: what it remembers from minute to minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from probe.config.schema import NationConfig
from probe.model.finding import Finding, Incident
from probe.model.identity import Access, Role, Vantage, VantagePlatform
from probe.model.verdict import State, TransportFinding, Verdict
from probe.nation.fuse import fuse
from probe.nation.fusion_memory import FindingKey, FusionMemory
from probe.nation.incidents import Incidents, key_of
from probe.nation.same_law import with_same_law
from probe.nation.sight import Reading, Seen, Sight

# A time service that slews moves a clock by 30 ms a minute at most; what is more was set.
SET_SECONDS = 0.5


class Local:
    """Findings and incidents, step by step. ``titles`` are the platforms' names for people.

    The state is the two values it holds; the arithmetic is ``fuse``'s and ``Incidents``'.
    """

    def __init__(
        self,
        thresholds: NationConfig,
        titles: Mapping[str, str],
        operators: Mapping[str, str] | None = None,
    ) -> None:
        self.thresholds = thresholds
        self.titles = titles
        self.operators = operators or {}
        self._memory = FusionMemory()
        self._incidents = Incidents()
        self._said: dict[FindingKey, tuple[object, ...]] = {}

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """The incidents that are open."""
        return tuple(watch.incident for watch in self._incidents.open.values())

    def resume(self, left: tuple[Incident, ...], at: float) -> tuple[Incident, ...]:
        """Take up the incidents that were open when an earlier run ended, beside those of this one;
        gives those of this one that are closed by that, at ``at``."""
        self._incidents, merged = self._incidents.resumed(left, at)
        return merged

    def configured(
        self,
        thresholds: NationConfig,
        titles: Mapping[str, str],
        operators: Mapping[str, str],
        vantages: Iterable[Vantage],
    ) -> None:
        """Another configuration: a vantage that it has no longer is gone, and not silent."""
        self.thresholds, self.titles, self.operators = thresholds, titles, operators
        self._memory = self._memory.only({vantage.name for vantage in vantages})

    def stepped(self, seconds: float) -> None:
        """The wall clock went by so much more than the monotonic one since the last step."""
        if abs(seconds) >= SET_SECONDS:
            self._incidents = self._incidents.moved(seconds)

    def step(self, sight: Sight) -> tuple[tuple[Finding, ...], tuple[Incident, ...]]:
        """The findings at ``sight.at``, and the incidents that were opened, changed or closed."""
        self._memory, findings = fuse(
            self._memory, sight, self.thresholds, titles=self.titles, operators=self.operators
        )
        findings = with_same_law(findings, sight.readings)
        self._incidents, changed = self._incidents.advance(findings, sight.at, self.thresholds)
        return findings, changed

    def news(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those of ``findings`` that say something else than the last ones that were given."""
        fresh = []
        for finding in findings:
            told = (
                finding.scope,
                finding.reasons,
                finding.covered_asns,
                finding.divided_asns,
                finding.affected_asns,
                finding.reference,
                finding.systematic,
                finding.same_law,
            )
            if self._said.get(key_of(finding)) != told:
                self._said[key_of(finding)] = told
                fresh.append(finding)
        return tuple(fresh)


def sight_of(
    at: float,
    vantages: Iterable[Vantage],
    verdicts: Mapping[VantagePlatform, Verdict | None],
    compared: Mapping[VantagePlatform, tuple[str, ...]],
    *,
    outside: Iterable[Verdict] = (),
) -> Sight:
    """What a daemon sees of its own: ``verdicts`` has only fresh ones (``None``: no round yet),
    ``compared`` the controls that each was compared with. ``outside`` are the fresh ones of
    references that are not its own."""
    by_name = {vantage.name: vantage for vantage in vantages}
    readings = []
    for slot, verdict in verdicts.items():
        vantage = by_name.get(slot[0])
        if vantage is None:
            continue
        if verdict is None:
            said = Reading(vantage=vantage, platform=slot[1], state=State.UNKNOWN, since=at)
        else:
            said = replace(_reading(vantage, slot[1], verdict), law=verdict.law)
        readings.append(replace(said, controls=compared.get(slot, ())))
        if verdict is not None:
            readings += _beside(at, vantage, verdict)
    for verdict in outside:
        abroad = Vantage(name=verdict.vantage, access=Access.HOSTING, role=Role.REFERENCE)
        readings.append(_reading(abroad, verdict.platform, verdict))
        readings += _beside(at, abroad, verdict)
    seen = tuple(Seen(vantage=vantage) for vantage in by_name.values())
    return Sight(at=at, seen=seen, readings=tuple(readings))


def _beside(at: float, vantage: Vantage, verdict: Verdict) -> list[Reading]:
    """What holds over other transports, each by itself, as far as it is a matter of theirs."""
    return [
        _reading(vantage, verdict.platform, one)
        for one in verdict.over
        if one.of_its_own and at <= one.holds_until
    ]


def _reading(vantage: Vantage, platform: str, said: Verdict | TransportFinding) -> Reading:
    return Reading(
        vantage=vantage,
        platform=platform,
        state=said.state,
        since=said.since,
        reason=said.reason,
        factor=said.factor,
        transport=said.transport if isinstance(said, TransportFinding) else "",
        target=said.target,
        measure=said.measure,
        vouches=said.vouches,
    )
