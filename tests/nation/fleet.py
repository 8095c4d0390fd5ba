"""Fleets for scenarios: vantages, and what each says at each minute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from probe.config.schema import NationConfig
from probe.model.finding import Finding, FindingKind, Incident
from probe.model.identity import Access, Role, Vantage
from probe.model.verdict import State
from probe.model.vouch import Vouch
from probe.nation.local import Local
from probe.nation.sight import GRID_SECONDS, Reading, Seen, Sight
from probe.observe.effort import Measure

DEFAULTS = NationConfig()
BEGIN = 1_705_752_000.0  # 20 January 2024, 12:00 UTC
CONTROLS = ("debian", "jquery")
# What a vantage says of a platform at a minute: a state and its onset (a minute), or nothing.
Says = Callable[[Vantage, str, int], tuple[State, float] | State | None]


def vantage(
    name: str,
    asn: int | None = 64_500,
    *,
    country: str = "PK",
    access: Access = Access.FIXED,
    role: Role = Role.INSIDE,
) -> Vantage:
    """A home line inside, unless said otherwise."""
    return Vantage(name=name, country=country, asn=asn, access=access, role=role)


def fleet(networks: int, each: int = 1) -> tuple[Vantage, ...]:
    """Home lines in so many networks."""
    return tuple(
        vantage(f"v{asn}-{index}", 64_500 + asn) for asn in range(networks) for index in range(each)
    )


ABROAD = vantage("abroad", 64_999, country="DE", access=Access.HOSTING, role=Role.REFERENCE)


def vouches_for_all(of: Vantage, at: float) -> tuple[Vouch, ...]:
    """What a reference says that looked ``at`` and found all well."""
    seen = Vouch(target="object", at=at, read_at=at, long_at=at)
    return (seen,) if of.role is Role.REFERENCE else ()


class Story:
    """A fleet over minutes, and what was found. ``keep`` says whether a vantage exists at a minute
    (a vantage that does not is silent altogether), ``looked`` the minute of its last round,
    ``vouches`` what it says of single targets of which all was well then."""

    def __init__(
        self,
        vantages: Iterable[Vantage],
        says: Says,
        minutes: int,
        *,
        platforms: Iterable[str] = ("x",),
        thresholds: NationConfig = DEFAULTS,
        controls: tuple[str, ...] = CONTROLS,
        operators: Mapping[str, str] | None = None,
        looked: Callable[[Vantage, int], float] = lambda vantage, minute: minute,
        exists: Callable[[Vantage, int], bool] = lambda vantage, minute: True,
        vouches: Callable[[Vantage, float], tuple[Vouch, ...]] = vouches_for_all,
    ) -> None:
        self.findings: list[tuple[Finding, ...]] = []
        self.changes: list[Incident] = []
        local = Local(thresholds, {"x": "X"}, operators)
        every, watched = tuple(vantages), tuple(platforms)
        for minute in range(minutes):
            at = BEGIN + minute * GRID_SECONDS
            present = [v for v in every if exists(v, minute)]
            readings = []
            for one in present:
                for platform in watched:
                    said = says(one, platform, minute)
                    if said is None:
                        continue
                    state, onset = said if isinstance(said, tuple) else (said, 0.0)
                    readings.append(
                        Reading(
                            vantage=one,
                            platform=platform,
                            state=state,
                            since=BEGIN + onset * 60.0,
                            factor=10.0 if state is State.THROTTLED else None,
                            controls=controls,
                            target="object" if state is State.IMPAIRED else "",
                            measure=Measure.TRANSFER.value if state is State.IMPAIRED else "",
                            vouches=vouches(one, BEGIN + looked(one, minute) * 60.0),
                        )
                    )
            seen = tuple(Seen(vantage=one) for one in present)
            found, changed = local.step(Sight(at=at, seen=seen, readings=tuple(readings)))
            self.findings.append(found)
            self.changes += changed

    def at(
        self, minute: int, kind: FindingKind = FindingKind.RESTRICTED, platform: str = "x"
    ) -> Finding:
        """The finding of a minute."""
        return next(f for f in self.findings[minute] if f.kind is kind and f.platform == platform)

    def scopes(self, kind: FindingKind = FindingKind.RESTRICTED, platform: str = "x") -> list[str]:
        """The scopes, minute by minute."""
        return [self.at(m, kind, platform).scope.value for m in range(len(self.findings))]
