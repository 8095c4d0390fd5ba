"""What a report needs to be cited: when and by what it was made, and where others looked.

The links are for people to follow. Nothing is fetched, neither when the report is made nor when it
is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlencode

from msgspec import Struct

from probe.model.identity import Role
from probe.publish.report.report_parts import Gathered, Setting, Window
from probe.publish.report.story import Story
from probe.publish.report.times import TimeWriter, listed

NO_COUNTRY = "ZZ"


class StatedMethod(Struct, frozen=True, kw_only=True):
    """The document that says how things are measured and judged: the SHA-256 of its bytes, and the
    https address of the project that it is of; empty: not known."""

    digest: str = ""
    address: str = ""


class Made(Struct, frozen=True, kw_only=True):
    """How a report came about: at ``at`` (Unix seconds; ``None``: not said), by which version of
    the program and of the history's schema; ``licence`` is that of the data,
    ``method`` what it was made by."""

    version: str
    at: float | None = None
    schema: int = 0
    licence: str = ""
    method: StatedMethod = StatedMethod()


class Link(Struct, frozen=True, kw_only=True):
    """A page of somebody else's on the same hours."""

    who: str
    what: str
    url: str


class Citing(Struct, frozen=True, kw_only=True):
    """Sentences and links for the section on citing."""

    made: str
    versions: str
    licence: str
    cite: str
    method: StatedMethod
    links: tuple[Link, ...]


def citing(
    gathered: Gathered, setting: Setting, clock: TimeWriter, story: Story, made: Made
) -> Citing:
    """What there is to cite of a report."""
    at = "" if made.at is None else clock.moment(made.at)
    rules = listed([str(number) for number in gathered.rules])
    versions = [f"throttlewatch {made.version}"]
    versions += [f"rules {rules}"] if rules else []
    versions += [f"schema {made.schema} of the history"] if made.schema else []
    over = gathered.window
    return Citing(
        made=at,
        versions=", ".join(versions),
        licence=made.licence,
        method=made.method,
        cite=(
            f"\u201c{story.headline}\u201d. Network measurement report, "
            f"{clock.moment(over.start)} to {clock.moment(over.end)}, made by throttlewatch "
            f"{made.version}{f' on {at}' if at else ''}."
        ),
        links=_links(setting, over),
    )


def _links(setting: Setting, over: Window) -> tuple[Link, ...]:
    networks = {
        v.asn for v in setting.vantages.values() if v.role is Role.INSIDE and v.asn is not None
    }
    return same_hours_elsewhere(setting.country, networks, over.start, over.end)


def same_hours_elsewhere(
    country: str, asns: Iterable[int], start: float, end: float
) -> tuple[Link, ...]:
    """The hours from ``start`` to ``end`` (Unix seconds) at others that measure; none where no
    country is said. ``asns``: of which networks of it."""
    if country == NO_COUNTRY:
        return ()
    networks = sorted(asns)
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (start, end - 1.0))
    # OONI's search ends before the day that it is given.
    ooni = {
        "since": f"{first}",
        "until": f"{datetime.fromtimestamp(end + 86_399.0, UTC):%Y-%m-%d}",
    }
    # Of one network its own page; of several the country's.
    asn = {"probe_asn": f"AS{networks[0]}"} if len(networks) == 1 else {}
    return (
        Link(
            who="OONI Explorer",
            what="what volunteers' probes saw",
            url="https://explorer.ooni.org/search?"
            + urlencode({**ooni, "probe_cc": country, **asn}),
        ),
        Link(
            who="IODA",
            what="outages of the country's networks",
            url=f"https://ioda.inetintel.cc.gatech.edu/country/{country}?"
            + urlencode({"from": int(start), "until": int(end)}),
        ),
        Link(
            who="Cloudflare Radar",
            what="traffic from the country",
            url=f"https://radar.cloudflare.com/traffic/{country.lower()}?"
            + urlencode({"dateStart": f"{first}", "dateEnd": f"{last}"}),
        ),
    )
