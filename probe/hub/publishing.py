"""One turn of publishing: read what the engine recorded, keep what came of it, write the site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from probe import __version__
from probe.config.schema import Config
from probe.hub.announcing import announce
from probe.hub.engine_query import MOST_STEPS, EngineQuery, RecordedSeries
from probe.hub.ledger import FindingsLedger, Reached
from probe.hub.read_on import due, gone_on, read_on
from probe.hub.recorded_findings import MEASURED, NetworkTable, networks_of
from probe.hub.recorded_laws import laws_of, learnt
from probe.hub.site import PublicSite, content_of, files_of
from probe.hub.site_folder import SiteFolder
from probe.hub.site_parts import PlaceNames
from probe.hub.site_pictures import SitePictures
from probe.hub.strips import StripTime
from probe.model.finding import Finding, FindingKind
from probe.nation.sight import GRID_SECONDS
from probe.publish.languages.offered import ENGLISH
from probe.publish.picture.card import key_of
from probe.publish.rules import recording_rules as recorded

if TYPE_CHECKING:
    from probe.publish.picture.drawn_card import Pencil

# The rules of a minute are evaluated some time within it, and take a while.
BEHIND_SECONDS = 60.0
# How far back an engine is read that was never read, or not for longer.
MOST_BACK_SECONDS = 7 * 86_400.0
# In one query: at thousands of networks that is some megabytes.
CHUNK_STEPS = min(MOST_STEPS, 360)
DAY = (86_400.0, 600.0)
MONTH = (30 * 86_400.0, 7_200.0)


class Publishing(Struct, frozen=True, kw_only=True):
    """How a group publishes. ``release_after_seconds``: drafts that lasted so long are released
    without a hand (``None``: none is). ``behind_seconds``: so old the
    newest step is that is read, since rules are late.
    ``language``: of the pages that are called ``index.html``. ``pencil`` draws pictures for
    sharing; ``None``: there are none."""

    name: str
    home: str
    networks: Mapping[int, str]
    release_after_seconds: float | None = None
    behind_seconds: float = BEHIND_SECONDS
    language: str = ENGLISH
    pencil: Pencil | None = None


class Turn(Struct, frozen=True, kw_only=True):
    """What one turn did: incidents released by the rule, files that were written, and who could
    not be told, in sentences; ``pictures_waiting`` for the next turns."""

    released: tuple[str, ...]
    written: int
    untold: tuple[str, ...] = ()
    pictures_waiting: int = 0


def turn(
    ledger: FindingsLedger,
    query: EngineQuery,
    config: Config,
    how: Publishing,
    out: Path,
    now: float,
) -> Turn:
    """Publish what is so ``now`` (Unix seconds). Raises ``EngineQueryError``, ``sqlite3.Error``,
    ``OSError``; what was published before stays then."""
    titles = {platform.name: platform.title for platform in config.platforms}
    findings = _read(ledger, query, config, titles, now - how.behind_seconds)
    _learn(ledger, query, now - how.behind_seconds)
    ledger.set_right(now)
    released = []
    for one in due(ledger.all(), how.release_after_seconds):
        ledger.release(one.incident.id, now)
        released.append(one.incident.id)
    site = PublicSite(
        name=how.name,
        home=how.home,
        made_at=now,
        version=__version__,
        names=PlaceNames(platforms=titles, networks=how.networks),
        incidents=tuple(ledger.all()),
        findings=findings,
        day=_table(query, now, *DAY),
        month=_table(query, now, *MONTH),
        language=how.language,
    )
    folder, content = SiteFolder(out), content_of(site)
    pictures, waiting = dict[str, bytes](), 0
    if how.pencil is not None:
        pictures, waiting = SitePictures(site, how.pencil).to_make(
            content.now, content.pages, lambda path: key_of(folder.head(path))
        )
    # Before the pages that name them.
    written = folder.write(pictures)
    written += folder.write(files_of(site, folder.stands, how.pencil, content))
    # What a message leads to is there.
    untold = announce(ledger, config.settings.notify.receivers, titles, how.home)
    return Turn(
        released=tuple(released),
        written=written,
        untold=tuple(untold),
        pictures_waiting=waiting,
    )


def _read(
    ledger: FindingsLedger,
    query: EngineQuery,
    config: Config,
    titles: Mapping[str, str],
    to: float,
) -> tuple[Finding, ...]:
    last = int(to // GRID_SECONDS)
    oldest = last - int(MOST_BACK_SECONDS // GRID_SECONDS)
    reached = ledger.kept(Reached) or Reached(step=oldest)
    reached, most_silent = gone_on(reached, last, oldest)
    findings: tuple[Finding, ...] = ()
    # The last step again where there is no newer one: what is so now comes from it.
    first = min(reached.step + 1, last)
    for start in range(first, last + 1, CHUNK_STEPS):
        until = min(start + CHUNK_STEPS - 1, last)

        def asks(text: str, start: int = start, until: int = until) -> tuple[RecordedSeries, ...]:
            return query.over(text, start * GRID_SECONDS, until * GRID_SECONDS, GRID_SECONDS)

        known = {one.incident.id: one for one in ledger.all()}
        silent = most_silent if until == last else 0
        reached, changed, findings = read_on(
            reached, until, asks, config.settings.nation, titles, known, silent
        )
        ledger.read_on(reached, changed.values())
    return findings


def _learn(ledger: FindingsLedger, query: EngineQuery, at: float) -> None:
    """How the throttles of what goes on work, as far as vantages have found that."""
    before = [
        one
        for one in ledger.all()
        if one.incident.closed_at is None and one.incident.kind is FindingKind.RESTRICTED
    ]
    if before:
        found = laws_of(lambda text: query.over(text, at, at, GRID_SECONDS))
        after = [learnt(one, found) for one in before]
        ledger.learn(new for old, new in zip(before, after, strict=True) if old != new)


def _table(
    query: EngineQuery, now: float, back_seconds: float, step_seconds: float
) -> tuple[StripTime, NetworkTable]:
    end = now // step_seconds * step_seconds + step_seconds
    over = StripTime(start=end - back_seconds, end=end, step_seconds=step_seconds)
    text = f"max_over_time({recorded.AFFECTED_NETWORK}{{{MEASURED}}}[{step_seconds:.0f}s])"
    found = query.over(text, over.start + step_seconds, end, step_seconds)
    return over, networks_of(found, step_seconds)
