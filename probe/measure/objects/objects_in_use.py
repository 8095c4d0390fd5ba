"""Which candidate stands for each target just now, and the pages that are looked through for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from random import Random

from probe.config.candidates import candidates_of
from probe.config.definition import Definition, Discovery, Target
from probe.config.schema import VantageConfig
from probe.measure.names.round_names import Names
from probe.measure.objects.discover import NO_LINK_THERE, discover
from probe.measure.objects.object_choice import choose
from probe.measure.objects.objects import KnownObject, after_page, object_now, page_to_ask
from probe.measure.one_round.asker import Asker
from probe.measure.one_round.between_rounds import BetweenRounds
from probe.measure.one_round.legs import Endpoint
from probe.model.failure import Failure
from probe.schedule.data_budget import PAGE_MOST_BYTES

log = logging.getLogger(__name__)

# Of what else goes wrong, details may be words of a far end.
_OUR_WORDS = NO_LINK_THERE | {"interrupted"}


class ObjectsInUse:
    """The targets of platforms and controls, each as the candidate in use has it. ``targets`` by
    owner and name."""

    def __init__(
        self,
        state: BetweenRounds,
        asker: Asker,
        *,
        targets: Mapping[tuple[str, str], Target],
        random: Random,
    ) -> None:
        self._state = state
        self._asker = asker
        self._targets = targets
        self._random = random

    def of(self, via: VantageConfig, *definitions: Definition) -> list[Endpoint]:
        """All of some definitions, as far as their objects are known."""
        return [
            self._now(via, definition, target)
            for definition in definitions
            for target in definition.targets
        ]

    async def looked_for(self, endpoint: Endpoint, via: VantageConfig, names: Names) -> Endpoint:
        """The endpoint, with its object looked for on the pages that are due."""
        definition, name = endpoint.definition, endpoint.target.name
        target = self._targets[definition.name, name]
        for _ in candidates_of(target):
            memory = self._state.memory(via.name, definition.name, name)
            due = page_to_ask(target, memory, time.monotonic())
            if due is None or due.discover is None or self._asker.has_spent_pages(names):
                break  # what is not looked for now is in the next round
            known = memory.of(due)
            link = await self._link(definition, due, due.discover, known, via, names)
            now = time.monotonic()
            if isinstance(link, str):
                known = after_page(known, link, now)
            else:
                trouble = (link.detail if link.reason in _OUR_WORDS else "") or link.reason
                if link.reason in NO_LINK_THERE and self._state.told.due(
                    (definition.name, name), now
                ):
                    log.warning(
                        "a page gave no link to an object",
                        extra={"platform": definition.name, "target": name, "reason": trouble},
                    )
                known = after_page(known, None, now, trouble=trouble)
            self._state.remember(via.name, definition.name, name, memory.after(due, known))
        return self._now(via, definition, target)

    def _now(self, via: VantageConfig, definition: Definition, target: Target) -> Endpoint:
        memory = self._state.memory(via.name, definition.name, target.name)
        now = time.monotonic()
        closed = partial(self._state.budget.closed, via.name, now=now)
        candidate, found = object_now(target, memory, now, closed=closed)
        return Endpoint(definition=definition, target=candidate, object=found)

    async def _link(
        self,
        definition: Definition,
        candidate: Target,
        discovery: Discovery,
        known: KnownObject,
        via: VantageConfig,
        names: Names,
    ) -> str | Failure:
        """To the object of ``candidate``, whose page is asked."""
        most_bytes = names.page_wire_bytes + PAGE_MOST_BYTES * (1 + len(discovery.pages))
        links = await discover(
            discovery,
            partial(self._asker.page, via, names),
            hosts=(*definition.hosts, *discovery.hosts),
        )
        if isinstance(links, Failure):
            return links
        # What is said to another host than the link's own cannot be asked as a page is.
        apart = candidate.connect_to or candidate.sni or candidate.host
        return await choose(
            links,
            in_use=known.url,
            refused=known.refused,
            least=int(candidate.min_bytes),
            look=None if apart else partial(self._asker.look, via, names, most_bytes),
            random=self._random,
        )
