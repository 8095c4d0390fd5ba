"""What each round says of the objects that it was to read: of which of them nothing comes. Pure.

An object that is gone makes nobody slow, so no rule would ever speak of it; but what was not read
was not tested, and whoever reads "ok" has to know that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probe.model.identity import Compares, LegRole, RoundKind
from probe.model.object_record import NothingRead, ObjectRecord, Why
from probe.model.observation import Leg, LegObservation, RoundObservation
from probe.observe.effort import moved, of_unknown_authority, refused, unproven
from probe.verdict.about import About
from probe.verdict.one_round.nameless import NO_NAME

_OWN = frozenset({LegRole.TARGET, LegRole.CONTROL})
_READ_BYTES = 1_024
"""Fewer body bytes are a handshake's."""

ObjectRecords = Mapping[str, ObjectRecord]
"""By ``owner/target``."""


def record_key(owner: str, target: str) -> str:
    """The key of a target's record."""
    return f"{owner}/{target}"


def noted(
    before: ObjectRecords, observed: RoundObservation, about: About
) -> dict[str, ObjectRecord]:
    """``before`` with what an ordinary round that reads has seen."""
    found = dict(before)
    for leg, why in _tried(observed, about):
        key = record_key(leg.owner, leg.target)
        if why is None and leg.compares is not Compares.GOODPUT and key not in found:
            continue  # what is only reached has a record since its name or file was gone
        record = found.get(key, ObjectRecord())
        found[key] = record.after(why, leg.candidate, observed.started_at)
    return found


def _tried(observed: RoundObservation, about: About) -> Iterator[tuple[Leg, Why | None]]:
    """Each leg that was to read, and why it gave nothing."""
    if observed.burst is not None or observed.kind is RoundKind.LIGHT:
        return
    for one in observed.legs:
        if one.leg.role in _OWN and one.leg.compares is Compares.GOODPUT:
            yield one.leg, _why(one)
        elif one.leg.role is LegRole.TARGET and not about.reads(one.leg) and one.ok:
            yield one.leg, None
        elif one.leg.role is LegRole.TARGET and moved(one):
            yield one.leg, Why.GONE
    for skipped in observed.skipped:
        leg = skipped.leg
        if skipped.reason == "no_object" and leg.role in _OWN and about.reads(leg):
            yield leg, Why.NO_LINK
        elif skipped.reason == NO_NAME and leg.role is LegRole.TARGET:
            yield leg, Why.NO_NAME


def _why(leg: LegObservation) -> Why | None:
    if unproven(leg):
        return Why.UNREACHED
    if leg.ok or ((leg.body_bytes or 0) > _READ_BYTES and not refused(leg)):
        return None
    # What has the stamps of public logs may be the owner's own, and may be copied from it.
    owner_said = refused(leg) and not of_unknown_authority(leg)
    return Why.GONE if owner_said else Why.UNREACHED


def unread(records: ObjectRecords, platform: str, about: About) -> tuple[NothingRead, ...]:
    """The targets of ``platform`` of which nothing can be read, that have no name any more, or
    that are reached and do not answer what is expected."""
    found = []
    for target in about.targets:
        record = records.get(record_key(platform, target.name))
        if record is None or not record.unread or record.why is None:
            continue
        if target.reads or record.why in (Why.NO_NAME, Why.GONE):
            found.append(
                NothingRead(
                    target=target.name,
                    since=record.since,
                    why=record.why,
                    read_at=record.read_at,
                    rotten=record.rotten,
                    reads=target.reads,
                )
            )
    return tuple(found)
