"""Every candidate of every target, each asked once: which of them give what is expected of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from probe import __version__
from probe.commands.measuring import Measuring
from probe.config.candidates import candidates_of
from probe.config.definition import Definition
from probe.config.handful import with_whole_pool
from probe.config.schema import Config
from probe.model.failure import Failure
from probe.model.identity import FIRST_PROBER, Family, LegRole
from probe.model.observation import LegObservation, SkippedLeg, TlsFacts
from probe.observe.effort import unproven
from probe.publish.privacy.configured_names import Named

FORMAT = "throttlewatch.candidates/1"
_OWN = frozenset({LegRole.TARGET.value, LegRole.CONTROL.value})
NO_OBJECT = "no_object"
RIGHT, OUT_OF_DATE, WRONG = "right", "out_of_date", "wrong"
"""What a certificate is: for a name that is expected there, by an authority that is trusted; so in
all but its dates; neither."""


class CandidateAnswer(Struct, frozen=True, kw_only=True):
    """One leg that asked a candidate of a target.

    ``candidate``: its place in the target's order, 1 first. ``used``: it is the first that gives
    what is expected, so a daemon that knows nothing yet uses it. ``skipped``: why it was not asked
    (empty: it was; ``no_object``: its page gave no link, and ``page`` is why). ``status`` is of
    HTTP, after that of a redirection on the same host (``redirect_status``). ``body_bytes`` were
    read of the body, and ``whole_bytes`` is how large its server says that the whole is;
    ``seconds`` from the first packet to the end; ``None``: nothing came, or it was not told.
    """

    of: str
    target: str
    candidate: int
    leg: str
    prober: str
    url: str
    fine: bool
    used: bool = False
    failure: Failure | None = None
    status: int | None = None
    redirect_status: int | None = None
    body_bytes: int | None = None
    whole_bytes: int | None = None
    seconds: float | None = None
    certificate: str = ""
    skipped: str = ""
    page: str = ""


class CandidatesFound(Struct, frozen=True, kw_only=True):
    """What was found, for those who keep the list: nothing in it says who asked, or from where but
    the country, or at what time but the day (UTC)."""

    format: str
    program: str
    day: str
    country: str
    family: Family
    found: tuple[CandidateAnswer, ...]


async def ask_candidates(config: Config, doing: Callable[[str], None]) -> CandidatesFound:
    """Ask all of them from the first vantage, within the budgets of their hosts."""
    config = with_whole_pool(config)
    measuring, named = Measuring(config), Named.of(config)
    vantage, family = config.settings.vantages[0], config.settings.families[0]
    found: list[CandidateAnswer] = []
    for place in range(_most(config)):
        rounds = measuring.rounds_of(_with_candidate(config, place))
        for definition in _having(config, place):
            doing(f"asking {definition.title}")
            seen = await rounds.visit(definition, vantage=vantage.name, family=family)
            measuring.counted(seen)
            for leg in sorted(seen.every_leg, key=lambda o: o.leg.target):
                found.append(_asked(definition, place, leg, named))
            trouble = {
                target.name: measuring.page_trouble(vantage.name, definition.name, target)
                for target in definition.targets
            }
            found += [_not_asked(definition, place, one, named, trouble) for one in seen.skipped]
    return CandidatesFound(
        format=FORMAT,
        program=__version__,
        day=f"{datetime.now(tz=UTC):%Y-%m-%d}",
        country=vantage.country or config.settings.country or "",
        family=family,
        found=tuple(_with_used(found, config)),
    )


def _most(config: Config) -> int:
    every = (*config.platforms, *config.controls)
    return max((len(candidates_of(t)) for one in every for t in one.targets), default=0)


def _with_candidate(config: Config, place: int) -> Config:
    """``config`` in which each target has the candidate at ``place`` alone, as far as it has so
    many."""

    def alone(definition: Definition) -> Definition:
        targets = []
        for target in definition.targets:
            every = candidates_of(target)
            targets.append(every[min(place, len(every) - 1)])
        return replace(definition, targets=tuple(targets))

    return replace(
        config,
        platforms=tuple(map(alone, config.platforms)),
        controls=tuple(map(alone, config.controls)),
    )


def _having(config: Config, place: int) -> Iterator[Definition]:
    """Each platform and control with those of its targets that have a candidate at ``place``."""
    for definition in (*config.platforms, *config.controls):
        targets = [
            every[place] for every in map(candidates_of, definition.targets) if place < len(every)
        ]
        if targets:
            yield replace(definition, targets=tuple(targets))


def _with_used(found: Sequence[CandidateAnswer], config: Config) -> Iterator[CandidateAnswer]:
    """In the order of the configuration, with which candidate of each target is the first that is
    fine."""
    owners = [one.name for one in (*config.platforms, *config.controls)]
    first: dict[tuple[str, str], int] = {}
    for one in found:
        if one.fine and one.leg in _OWN and one.prober == FIRST_PROBER:
            first.setdefault((one.of, one.target), one.candidate)
    for one in sorted(found, key=lambda x: (owners.index(x.of), x.target, x.candidate)):
        yield replace(one, used=first.get((one.of, one.target)) == one.candidate)


def _asked(
    definition: Definition, place: int, leg: LegObservation, named: Named
) -> CandidateAnswer:
    http = leg.http
    return CandidateAnswer(
        of=definition.name,
        target=leg.leg.target,
        candidate=place + 1,
        leg=leg.leg.role.value,
        prober=leg.leg.prober,
        url=named.url(leg.leg.url),
        fine=leg.ok and not unproven(leg),
        # What a far end says of itself stays here.
        failure=None
        if leg.failure is None
        else Failure(phase=leg.failure.phase, reason=leg.failure.reason),
        status=None if http is None else http.status,
        redirect_status=None if http is None else http.redirect_status,
        body_bytes=leg.body_bytes,
        whole_bytes=None if http is None else http.whole_bytes,
        seconds=round(leg.duration_seconds, 3),
        certificate=_certificate(leg.tls),
    )


def _certificate(tls: TlsFacts | None) -> str:
    if tls is None or tls.verify_error is None:
        return ""
    if not tls.verify_error:
        return RIGHT
    return WRONG if tls.dates is None else OUT_OF_DATE


def _not_asked(
    definition: Definition,
    place: int,
    missing: SkippedLeg,
    named: Named,
    trouble: Mapping[str, str],
) -> CandidateAnswer:
    return CandidateAnswer(
        of=definition.name,
        target=missing.leg.target,
        candidate=place + 1,
        leg=missing.leg.role.value,
        prober=missing.leg.prober,
        url=named.url(missing.leg.url),
        fine=False,
        skipped=missing.reason,
        page=trouble[missing.leg.target] if missing.reason == NO_OBJECT else "",
    )
