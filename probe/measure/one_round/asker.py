"""All that is asked of a host goes through here: its budget holds, and what it says is heeded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from probe.config.candidates import marked
from probe.config.definition import Target
from probe.config.schema import VantageConfig
from probe.measure.connection.lookout import Lookout
from probe.measure.http.page import Page, fetch_page
from probe.measure.names.round_names import Names, Resolution
from probe.measure.objects.discover import PAGE_BYTES
from probe.measure.objects.objects import after_answer, clock_is_right, out_of_date
from probe.measure.one_leg.failures import NO_RESOURCES
from probe.measure.one_leg.prober import measures
from probe.measure.one_leg.pulse import Pulse
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.leg_waits import LegWaits, read_bytes, taken
from probe.measure.one_round.manners import Wish, asked_host, spared, wish_of
from probe.measure.tls.trust import Trust
from probe.model.failure import Failure
from probe.model.identity import FIRST_PROBER, Family, LegRole, Phase
from probe.model.observation import Clock, Leg, LegObservation, SkippedLeg
from probe.schedule.data_budget import LEG_MOST_BYTES
from probe.schedule.host_budget import is_exempt
from probe.schedule.leg_patience import RoundPatience, pace_of

log = logging.getLogger(__name__)

LOOK_BYTES = 1_024
_PLATFORM_NAME = frozenset({LegRole.TARGET, LegRole.DECOY})
_OWN_OBJECT = frozenset({LegRole.TARGET, LegRole.CONTROL})


class Asker:
    """Asks hosts while their budgets allow it. ``targets`` by owner and name; ``page_seconds`` is
    the deadline of all pages of a round together."""

    def __init__(
        self,
        trust: Trust,
        state: BetweenRounds,
        *,
        targets: Mapping[tuple[str, str], Target],
        page_seconds: float,
        lookout: Lookout | None = None,
    ) -> None:
        self._trust = trust
        self._state = state
        self._targets = targets
        self._page_seconds = page_seconds
        self._lookout = lookout

    async def look(
        self, via: VantageConfig, names: Names, most_bytes: int, url: str
    ) -> int | Failure | None:
        """The size of the object at ``url`` (``SizeOf`` in object_choice.py), by a request for
        its beginning.

        Only if it surely leaves the bytes of the round's pages and looks below ``most_bytes``.
        """
        if names.page_wire_bytes + LEG_MOST_BYTES > most_bytes:
            return Failure(
                phase=Phase.RESOLVE, reason="interrupted", detail="enough was spent on pages"
            )
        answer = await self.page(via, names, url, first_bytes=LOOK_BYTES)
        if isinstance(answer, Failure):
            return answer
        if answer.status in (200, 206):
            return answer.whole_bytes
        return None if answer.location is not None else 0

    async def page(
        self, via: VantageConfig, names: Names, url: str, *, first_bytes: int = 0
    ) -> Page | Failure:
        """Fetch a page on which a link is looked for; ``first_bytes``: no more than these."""
        if self.has_spent_pages(names):
            return Failure(
                phase=Phase.RESOLVE, reason="interrupted", detail="enough time was spent on pages"
            )
        host = urlsplit(url).hostname or ""
        with _counted(names):
            resolution = (await names.resolve([host]))[host]
        if resolution.failure is not None:
            return resolution.failure
        if not self._may_ask(host, host, resolution, via):
            return Failure(
                phase=Phase.RESOLVE, reason="interrupted", detail="the host's budget is spent"
            )

        def count(size: int) -> None:
            names.page_wire_bytes += size

        left = max(0.0, self._page_seconds - names.page_seconds)
        waits = LegWaits(self._patience(via, names.family, left))

        async def fetch(pulse: Pulse) -> Page | Failure:
            with waits.waiting(pulse, first_bytes or PAGE_BYTES), _counted(names):
                return await fetch_page(
                    url,
                    address=resolution.address,
                    via=via,
                    trust=self._trust,
                    deadline_seconds=left,
                    max_bytes=first_bytes or PAGE_BYTES,
                    range_bytes=first_bytes,
                    count=count,
                    pulse=pulse,
                )

        turn = self._state.turn(via.name)
        async with asyncio.TaskGroup() as group:
            fetching = await turn.begin(turn.ticket(), fetch, group)
        page = fetching.result()
        if isinstance(page, Page) and page.retry_after_seconds is not None:
            self._leave_alone(via, Wish(host, page.retry_after_seconds))
        return page

    def has_spent_pages(self, names: Names) -> bool:
        """Whether pages have had all the time that a round has for them."""
        return names.page_seconds >= self._page_seconds

    def affords(
        self,
        legs: Sequence[Leg],
        resolutions: Mapping[str, Resolution],
        via: VantageConfig,
        *,
        pinned: Mapping[str, Resolution] | None = None,
        spare: float = 0.0,
    ) -> bool:
        """Whether every host may be asked as often as all of ``legs`` need, and ``spare`` times
        more. ``pinned``: as in ``legs``."""
        held = [leg for leg in legs if not is_exempt(_led(leg, resolutions, pinned).address)]
        wanted = Counter(leg.connect_to for leg in held)
        now = time.monotonic()
        return all(
            self._state.budget.has(
                via.name,
                leg.connect_to,
                now,
                legs=wanted[leg.connect_to] + spare,
                name=asked_host(leg),
            )
            for leg in held
        )

    def _may_ask(
        self, host: str, name: str, resolution: Resolution, via: VantageConfig, spare: float = 0.0
    ) -> bool:
        return is_exempt(resolution.address) or self._state.budget.take(
            via.name, host, time.monotonic(), name=name, spare=spare
        )

    async def legs(
        self,
        legs: Sequence[Leg],
        resolutions: Mapping[str, Resolution],
        via: VantageConfig,
        leg_seconds: float,
        family: Family,
        *,
        planned_seconds: float | None = None,
        pinned: Mapping[str, Resolution] | None = None,
        sparing: bool = False,
        at_once: bool = False,
    ) -> tuple[tuple[LegObservation, ...], tuple[SkippedLeg, ...]]:
        """Make ``legs`` in turn, and say which were not made. ``pinned``: where those of an owner
        go, wherever their names lead.

        One begins when the one before is over, or has been silent for so long that it only waits
        (``line_turn.py``); what waits goes on until its own deadline, ``leg_seconds`` at most.
        ``planned_seconds``: what a burst's plan says for what its legs compare (``leg_waits.py``).
        ``sparing``: what a round could do without leaves to its host what bursts need.
        ``at_once``: all of them are made in one turn, side by side.
        """
        skipped: list[SkippedLeg] = []
        unresolved: list[LegObservation] = []
        begun: list[asyncio.Task[list[LegObservation]]] = []
        beside: list[_CarriesOut] = []
        turn = self._state.turn(via.name)
        waits = LegWaits(self._patience(via, family, leg_seconds, planned_seconds))
        ticket, order = turn.ticket(), 0
        async with asyncio.TaskGroup() as group:
            for leg in legs:
                resolution = _led(leg, resolutions, pinned)
                if resolution.failure is not None:
                    if family is Family.IPV6 and resolution.failure.reason == "dns_no_answer":
                        # Many hosts have no AAAA record; of those an IPv6 round has nothing to say.
                        skipped.append(SkippedLeg(leg=leg, reason="no_address"))
                        continue
                    unresolved.append(_unresolved(leg, resolution, order))
                elif not self._may_ask(
                    leg.connect_to,
                    asked_host(leg),
                    resolution,
                    via,
                    spare=spared(leg) if sparing else 0.0,
                ):
                    skipped.append(SkippedLeg(leg=leg, reason="host_budget"))
                    continue
                else:
                    carry_out = partial(self._make_one, leg, resolution, via, waits, order, family)
                    beside.append(carry_out)
                    if not at_once:
                        begun.append(await turn.begin(ticket, partial(_together, beside), group))
                        beside = []
                order += 1
            if beside:
                begun.append(await turn.begin(ticket, partial(_together, beside), group))
        made = [one for task in begun for one in task.result()]
        for one in filter(out_of_date, made):
            if one.leg.prober == FIRST_PROBER and clock_is_right(one, made):
                self._learn(one, via)
        lacked = [m for m in made if m.failure is not None and m.failure.reason == NO_RESOURCES]
        skipped += [SkippedLeg(leg=m.leg, reason="no_resources") for m in lacked]
        if lacked and (failure := lacked[-1].failure) is not None:
            again = self._state.told.due(NO_RESOURCES, time.monotonic())
            level = logging.WARNING if again else logging.DEBUG
            log.log(level, "legs could not be made", extra={"reason": failure.detail.lower()})
        able = [m for m in (*made, *unresolved) if m not in lacked]
        return tuple(sorted(able, key=lambda m: m.order)), tuple(skipped)

    async def _make_one(
        self,
        leg: Leg,
        resolution: Resolution,
        via: VantageConfig,
        waits: LegWaits,
        order: int,
        family: Family,
        pulse: Pulse,
    ) -> LegObservation:
        ledger, address = self._state.ledger, resolution.address
        seen = () if address is None else ledger.seen(via.name, address)
        if address is not None and leg.role in _PLATFORM_NAME:
            ledger.note(via.name, address, leg.owner)
        with waits.waiting(pulse, read_bytes(leg), up=bool(leg.send_bytes)):
            observed = await measures(leg.prober)(
                leg,
                address=address,
                via=via,
                trust=self._trust,
                deadline_seconds=waits.rule.most,
                order=order,
                resolve_seconds=resolution.seconds,
                seen_names=seen,
                pulse=pulse,
                lookout=self._lookout,
            )
        if (found := taken(observed, time.monotonic())) is not None:
            self._state.took(via.name, family, found)
            waits.learn(found)
        self._heed(observed, via)
        if leg.prober == FIRST_PROBER and not out_of_date(observed):
            self._learn(observed, via)
        return observed

    def _patience(
        self, via: VantageConfig, family: Family, most: float, planned: float | None = None
    ) -> RoundPatience:
        known = self._state.taken(via.name, family)
        return RoundPatience(most, pace_of(known, time.monotonic()), planned)

    def _learn(self, observed: LegObservation, via: VantageConfig) -> None:
        leg, now = observed.leg, time.monotonic()
        if leg.role in _OWN_OBJECT:
            candidate = marked(self._targets[leg.owner, leg.target], leg.candidate)
            memory = self._state.memory(via.name, leg.owner, leg.target)
            known = after_answer(candidate, memory.of(candidate), observed, now)
            after = memory.after(candidate, known)
            self._state.remember(via.name, leg.owner, leg.target, after)

    def _heed(self, observed: LegObservation, via: VantageConfig) -> None:
        if (wish := wish_of(observed)) is not None:
            self._leave_alone(via, wish)

    def _leave_alone(self, via: VantageConfig, wish: Wish) -> None:
        now = time.monotonic()
        self._state.budget.close(via.name, wish.host, now, now + wish.seconds)


_CarriesOut = Callable[[Pulse], Coroutine[Any, Any, LegObservation]]


async def _together(carry_out: Sequence[_CarriesOut], pulse: Pulse) -> list[LegObservation]:
    """Side by side. The turn is held by what the first one does."""
    if len(carry_out) == 1:
        return [await carry_out[0](pulse)]
    pulses = [pulse, *(Pulse() for _ in carry_out[1:])]
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(one(own)) for one, own in zip(carry_out, pulses, strict=True)]
    return [task.result() for task in made]


def _led(
    leg: Leg, resolutions: Mapping[str, Resolution], pinned: Mapping[str, Resolution] | None
) -> Resolution:
    return (pinned or {}).get(leg.owner) or resolutions[leg.connect_to]


@contextmanager
def _counted(names: Names) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        names.page_seconds += time.monotonic() - began


def _unresolved(leg: Leg, resolution: Resolution, order: int) -> LegObservation:
    seconds = resolution.seconds or 0.0
    return LegObservation(
        leg=leg,
        order=order,
        started_at=time.time(),
        duration_seconds=seconds,
        clock=Clock.LOOP,
        phases={} if resolution.seconds is None else {Phase.RESOLVE: seconds},
        failure=resolution.failure,
    )
