"""Messages on what was released: when it is, when it grows, when it ends, and on corrections. What
is delivered is the same as a daemon's notifications, by the same processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from probe.config.schema import NotifyReceiver
from probe.hub.ledger import FindingsLedger, PublicIncident, ReleaseState
from probe.publish.notify.delivery import WORDS, Delivered, deliver
from probe.publish.notify.mailbag import Mailbag
from probe.publish.notify.notices import LastTold, Notice, of_incident


class Announcements(Struct, frozen=True, kw_only=True):
    """What was told: of each incident (by its name) the last word while it has no end, those that
    were told of at all, with how many corrections, and what waits for each receiver."""

    open: dict[str, LastTold] = {}
    corrections: dict[str, int] = {}
    bags: dict[str, Mailbag] = {}


def news(
    announced: Announcements,
    incidents: Iterable[PublicIncident],
    titles: Mapping[str, str],
    home: str,
) -> tuple[Announcements, list[Notice]]:
    """The notices on released ``incidents``, and what is told with them. Pure."""
    told, corrections = dict(announced.open), dict(announced.corrections)
    found = []
    for one in sorted(incidents, key=lambda one: one.incident.since):
        if one.standing is not ReleaseState.RELEASED:
            continue
        incident, name = one.incident, one.incident.id
        title = titles.get(incident.platform, incident.platform)
        last, first = told.get(name), name not in corrections
        if first and incident.closed_at is not None:
            # Released after its end: that it was, in one message.
            before = LastTold(word="", since=incident.since)
            _, notice = of_incident(incident, before, title, least=None)
        else:
            now, notice = of_incident(incident, last, title, least=None)
            told.pop(name, None)
            if now is not None:
                told[name] = now
        if notice is not None:
            found.append(_with_link(notice, name, home))
        found += [
            _with_link(
                Notice(at=said.at, title=f"Correction ({incident.country})", text=said.text),
                name,
                home,
            )
            for said in one.corrections[corrections.get(name, 0) :]
        ]
        corrections[name] = len(one.corrections)
    return Announcements(open=told, corrections=corrections, bags=announced.bags), found


def announce(
    ledger: FindingsLedger,
    receivers: Sequence[NotifyReceiver],
    titles: Mapping[str, str],
    home: str,
) -> list[str]:
    """Tell ``receivers`` what is new, one attempt for each: what was not delivered waits for the
    next turn. Sentences on those that did not get theirs."""
    if not receivers:
        return []
    before = ledger.kept(Announcements)
    announced, notices = news(before or Announcements(), ledger.all(), titles, home)
    if before is None:
        # Of what was released before there was anybody to tell, nothing is told.
        notices = []
    bags = {
        one.name: announced.bags.get(one.name, Mailbag()).with_more(tuple(notices))
        for one in receivers
    }
    announced = Announcements(open=announced.open, corrections=announced.corrections, bags=bags)
    # Before anything is sent: what happens to this process then, it waits.
    ledger.keep(announced)
    results = asyncio.run(_sent(receivers, bags))
    done = {name: Mailbag() if result is Delivered.WELL else bags[name] for name, result in results}
    if done:
        ledger.keep(
            Announcements(
                open=announced.open, corrections=announced.corrections, bags={**bags, **done}
            )
        )
    return [f"{name}: {WORDS[result]}" for name, result in results if result is not Delivered.WELL]


async def _sent(
    receivers: Sequence[NotifyReceiver], bags: Mapping[str, Mailbag]
) -> list[tuple[str, Delivered]]:
    async def one(receiver: NotifyReceiver) -> tuple[str, Delivered] | None:
        letter = bags[receiver.name].letter()
        return None if letter is None else (receiver.name, await deliver(receiver, letter))

    found = await asyncio.gather(*map(one, receivers))
    return [result for result in found if result is not None]


def _with_link(notice: Notice, name: str, home: str) -> Notice:
    link = f"\n{home}incidents/{name}/index.html" if home else ""
    return Notice(at=notice.at, title=notice.title, text=notice.text + link)
