"""How the probes of a fleet are, as rows for a terminal and as a page for whoever looks after them.
Pure."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

from markupsafe import Markup

from probe import __version__
from probe.hub.fleet_health import FleetHealth, HealthTrouble, VantageHealth
from probe.publish.templates import style, templates

HEADINGS = (
    "vantage",
    "network",
    "role",
    "heard",
    "what is wrong",
    "version",
    "history",
    "waiting",
    "data left",
)
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def summary(fleet: FleetHealth) -> str:
    """In one sentence."""
    number = len(fleet.vantages)
    text = f"{number - fleet.silent} of {number} vantages are heard"
    return f"{text}; no reference is" if fleet.blind else text


def rows(fleet: FleetHealth) -> list[tuple[str, ...]]:
    """One for each vantage, as ``HEADINGS`` has it. What is not known is a dash."""
    return [
        (
            one.name,
            f"{one.country} {'-' if one.asn is None else f'AS{one.asn}'} {one.access.value}",
            one.role.value,
            "never" if one.heard_at is None else f"{_lasting(fleet.at - one.heard_at)} ago",
            "; ".join(_words(trouble, one) for trouble in one.troubles) or "nothing",
            one.version or "-",
            "-" if one.history_bytes is None else f"{one.history_bytes / 1e6:.0f} MB",
            "-" if one.waiting is None else f"{one.waiting:.0f} min",
            "-" if one.data_left is None else f"{one.data_left:.0%}",
        )
        for one in fleet.vantages
    ]


def page(fleet: FleetHealth) -> bytes:
    """For a browser, without scripts; it names vantages, so it belongs on no public web space."""
    css = style("site.css")
    digest = b64encode(sha256(css.encode()).digest()).decode()
    text = (
        templates()
        .get_template("fleet_health.html.j2")
        .render(
            fleet=fleet,
            summary=summary(fleet),
            headings=HEADINGS,
            rows=rows(fleet),
            css=Markup(css),  # noqa: S704  our own file
            policy=f"default-src 'none'; style-src 'sha256-{digest}'",
            time=_time,
            version=__version__,
        )
    )
    return text.encode()


def _words(trouble: HealthTrouble, one: VantageHealth) -> str:
    match trouble:
        case HealthTrouble.SILENT:
            return "silent"
        case HealthTrouble.NEVER_HEARD:
            return f"never heard since it joined on {_time(one.joined)[:10]}"
        case HealthTrouble.TUNNEL:
            return "measures through a tunnel"
        case HealthTrouble.CLOCK:
            ahead = one.ahead_seconds or 0.0
            return f"clock {_lasting(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"
        case HealthTrouble.BACKLOG:
            late = (one.heard_at or 0.0) - (one.newest_at or 0.0)
            return f"what it sends is {_lasting(late)} old"
        case HealthTrouble.DISK:
            return "its history cannot be written"
        case HealthTrouble.CONFIGURATION:
            return "its configuration was not taken up"
        case HealthTrouble.BUNDLE:
            return "a bundle of definitions may not be used"
        case HealthTrouble.ROOM:
            kept = one.archived
            share = 1.0 if kept is None else kept.bytes / max(1, kept.room_bytes)
            return f"its rounds fill {share:.0%} of their room in the archive"
        case HealthTrouble.DATA:
            return "its data is nearly used up"
        case HealthTrouble.ROTTEN:
            return f"nothing can be read of {', '.join(one.rotten)}"
        case HealthTrouble.VERSION:
            return f"{one.version} is not the newest in the fleet"


def _lasting(seconds: float) -> str:
    seconds = max(0.0, seconds)
    size, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds / size:.0f} {unit}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
