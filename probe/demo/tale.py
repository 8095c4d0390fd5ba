"""What a demo showed, in a few sentences at its end. Pure."""

from __future__ import annotations

from msgspec import Struct

from probe.demo.cast import PLATFORMS
from probe.demo.script import Script
from probe.demo.table import StageView
from probe.model.finding import Scope


class Announced(Struct, kw_only=True):
    """When a platform was first called restricted nation-wide, and since when, after that, no
    network has been affected: seconds after the beginning."""

    national_at: float | None = None
    well_at: float | None = None


class Tale:
    """Looks on, and tells. Views must come in their order."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._told = {site.name: Announced() for site in PLATFORMS}
        self._began_at: dict[int, float] = {}

    def __call__(self, view: StageView) -> None:
        """Take note of ``view``."""
        self._began_at.setdefault(view.place.number, view.place.since_seconds)
        for finding in view.findings:
            told = self._told.get(finding.platform)
            if told is None:
                continue
            if finding.scope is Scope.NATION and told.national_at is None:
                told.national_at = view.passed_seconds
            if finding.affected_asns:
                told.well_at = None
            elif finding.scope is Scope.NONE and told.national_at is not None:
                told.well_at = view.passed_seconds if told.well_at is None else told.well_at

    @property
    def national(self) -> bool:
        """Whether every platform has been called restricted nation-wide by now."""
        return all(told.national_at is not None for told in self._told.values())

    @property
    def well(self) -> bool:
        """Whether every platform has been called national, and no network is affected now."""
        return all(told.well_at is not None for told in self._told.values())

    def sentences(self) -> tuple[str, ...]:
        """A sentence for each platform, and one about the whole."""
        onset, lifted = self._began_at.get(1), self._began_at.get(len(self._script.acts) - 1)
        said = [
            f"{site.title}: {_national(self._told[site.name], onset)}"
            f"{_well(self._told[site.name], lifted)}."
            for site in PLATFORMS
        ]
        if lifted is None:
            return (*said, "The day was ended before it was over.")
        if not self.well:
            slow = "This machine was too busy to measure in time; try --speed 0.5."
            return (*said, slow)
        return (*said, "Everything was measured by the ordinary daemon; nothing left this machine.")


def _national(told: Announced, onset: float | None) -> str:
    if told.national_at is None or onset is None:
        return "not called throttled nation-wide"
    after = told.national_at - onset
    return f"called throttled nation-wide {after:.0f} s after the first network began"


def _well(told: Announced, lifted: float | None) -> str:
    if told.national_at is None or lifted is None:
        return ""
    if told.well_at is None:
        return ", not yet called well at the end"
    return f", and well again {told.well_at - lifted:.0f} s after it was lifted"
