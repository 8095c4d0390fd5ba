"""What a proof rests on, and so what may be said of it.

The sequential test bounds what the *line* can do (``probe/verdict/burst/bets.py``). It says nothing
of the far end: a platform whose own servers are slow or down is slower than every control, in every
order. So an accusation (``throttled``, ``blocked``) needs a basis that rules out the platform's own
trouble; what is proven without one is ``impaired``. ``GROUNDS`` is that table; docs/method.md shows
it, and a test holds both together.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Basis(StrEnum):
    """What a proof rests on. The first ones accuse, the last ones say only that it is so here."""

    SWAP = "swap"
    DNS = "dns"
    DECOY = "decoy"
    FORGED = "forged"
    PLATFORMS = "platforms"
    REFERENCE = "reference"
    ADDRESSES = "addresses"
    DURATION = "duration"
    SHARE = "share"

    @property
    def accuses(self) -> bool:
        """Whether it rules out that the platform's own servers are the cause."""
        return GROUNDS[self].accuses


class Ground(Struct, frozen=True, kw_only=True):
    """One row of the table.

    ``needs``: what must have been seen, beside the evidence. ``rules_out`` and ``leaves``: the
    causes that it excludes and those that it does not (``leaves`` is one of the things that a
    verdict says it may not claim). ``wrong``: how often it is reached with no restriction at all.
    """

    accuses: bool
    needs: str
    rules_out: str
    leaves: str
    wrong: str


GROUNDS: dict[Basis, Ground] = {
    Basis.SWAP: Ground(
        accuses=True,
        needs="the same test, against the swap, speaks (below); where any answer of the server "
        "will do as the swap's, in two suspicious rounds, and no leg counts that the server itself "
        "turned away (an alert, a certificate that is not right)",
        rules_out="the server and the way to it: same address, same minutes, another name",
        leaves="That the part of the platform's own service which answers to this name is well.",
        wrong="by the line, at most once in 20,000 bursts; by the platform, each time that the "
        "service behind this one name is slow while others at the same server are not",
    ),
    Basis.DNS: Ground(
        accuses=True,
        needs="the host's resolver leads nowhere or to a place that is not the platform's, and "
        "the target is well at an address that another resolver gave; two rounds",
        rules_out="the platform's servers: they are well where another resolver leads",
        leaves="Whose resolver it is that leads astray.",
        wrong="when a resolver is broken for this one name, or leads to a server of the "
        "platform's that nobody else gives and that is out of order",
    ),
    Basis.DECOY: Ground(
        accuses=True,
        needs="the evidence in two suspicious rounds, and the platform's name was slow or "
        "failed at a beacon of the operator's own as well, in two rounds that renewed "
        "the suspicion and in more than in which it was not",
        rules_out="the platform's servers: the beacon is none of them",
        leaves="That the beacon's own server was well: no other name was asked of it.",
        wrong="when the beacon and the platform are in trouble of their own at once, twice",
    ),
    Basis.FORGED: Ground(
        accuses=True,
        needs="what `addresses` needs, and at two of those addresses a certificate for the "
        "platform's name whose authority nobody trusts and which no public log has; and beside "
        "it, at the same address, a neutral name is shown another one or one made for that name, "
        "or the same authority signs for a platform of another operator, too; no control was "
        "shown one of that authority within a day",
        rules_out="the platform's servers: another name is shown another certificate by them, or "
        "they would have to make certificates for names that are not theirs",
        leaves="That the platform has not set up this one name with a certificate of its own "
        "making.",
        wrong="each time that a platform itself shows, for this one name, at two addresses, a "
        "certificate that no browser takes",
    ),
    Basis.PLATFORMS: Ground(
        accuses=True,
        needs="what `addresses` needs (of a name with one known address: that one), and the "
        "whole evidence for a platform of another operator, too: it began within 20 "
        "minutes, and fails at the same layer in the same way, or is slowed in the same "
        "measure; of what is slow or silent, the way shows it at both (as `reference` needs it), "
        "or a third operator is hit as well; controls of two operators abroad have answered since, "
        "and not all inside the country are silent",
        rules_out="one operator's servers, and two operators' that are slow of themselves",
        leaves="That nothing which these platforms share on the way, or rent from one "
        "provider, is the cause.",
        wrong="two operators' own troubles that begin within 20 minutes: with 12 bad hours and "
        "2 outages a year each, once in 67 years for a pair of operators, before they "
        "must also be alike",
    ),
    Basis.REFERENCE: Ground(
        accuses=True,
        needs="what `addresses` needs, or what `duration` needs for 6.5 hours; and most of the "
        "references that looked since (at the same measure, at least five minutes after "
        "the onset) find it fine, and for an hour none has said otherwise; and where it is slow, "
        "the way shows it: it is proven that more of its segments are lost than of the controls', "
        "or that its round trips grow more, or reads stop at one place in half of the bursts at a "
        "far end that does not answer meanwhile (if the kernel says: not behind a proxy); and "
        "where it is silent, its far end does not answer either, and where it fails, the first "
        "connections after a pause do",
        rules_out="an outage of the platform as far as references see; and servers near here that "
        "are slow or silent themselves, which leave no such mark",
        leaves="That the platform's servers in this region are not the cause: vantages outside "
        "may have met others.",
        wrong="each time that only the platform's servers near here are gone, at two addresses, "
        "or that the way to them is congested",
    ),
    Basis.ADDRESSES: Ground(
        accuses=False,
        needs="the evidence, of it ≥ 100 at each of two of the platform's addresses (or at three "
        "and more together, without the one that bears most), and two suspicious rounds. If the "
        "name has only one, those of other targets of the platform that are suspicious too count",
        rules_out="one address",
        leaves="That the platform's own servers are not the cause.",
        wrong="accuses nobody; each outage and many a bad hour of the platform's own",
    ),
    Basis.DURATION: Ground(
        accuses=False,
        needs="the name has only one known address, the evidence is there in two suspicious "
        "rounds, and it has lasted an hour; or ten minutes, if it is slower than its own "
        "history by 4 times and more, in three, and neither marks of the way nor other addresses "
        "are waited for",
        rules_out="a bad moment of one server",
        leaves="That the platform's own server is not the cause: only one of its addresses is "
        "known here.",
        wrong="accuses nobody; each bad hour of the one server that is known",
    ),
    Basis.SHARE: Ground(
        accuses=False,
        needs="the share of suspicious rounds is larger than in calm times and than that of "
        "controls: a test of its own, with evidence of 1,000,000 (below)",
        rules_out="a bad moment, however often one comes in calm times",
        leaves="That the platform's own servers are not the cause: a part of them may be in "
        "trouble, or at times.",
        wrong="accuses nobody; each time that a part of the platform's servers is slow or "
        "silent, or all of them are at times",
    ),
}
