"""``throttlewatch report``: the history of some days as one page for people."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from probe import __version__
from probe.commands.drawing import drawn
from probe.commands.manifest import add_to_manifest, listable, manifest_option, sign_option
from probe.commands.options import config_option, load_config
from probe.commands.output import tell, write
from probe.commands.reading import (
    measured_days,
    narrowed,
    opened,
    ordered,
    placed_by,
    reading,
    warn_of_strangers,
    was_given,
    zone_of,
)
from probe.commands.stated_method import stated_method
from probe.config import embedded
from probe.config.handful import with_whole_pool
from probe.config.schema import Config
from probe.config.shipped import all_shipped
from probe.model.finding import Incident
from probe.publish.languages.offered import OFFERED
from probe.publish.languages.tongue import Tongue
from probe.publish.latest.declared import Declared
from probe.publish.report.gather import gather_summaries, window
from probe.publish.report.render import render_html, render_svg
from probe.publish.report.report_card import report_card
from probe.publish.report.report_parts import Setting
from probe.publish.report.times import TimeWriter
from probe.store.migrations import MIGRATIONS
from probe.verdict.normal.relief import SAID_SECONDS


@click.command()
@reading(None, "the last 7 days that the history has")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="report.html",
    show_default=True,
    help="The page; - is standard output.",
)
@click.option("--svg", type=click.Path(path_type=Path), help="Also the main plot, as SVG.")
@click.option(
    "--picture", type=click.Path(path_type=Path), help="Also a picture for sharing, as PNG."
)
@click.option(
    "--language",
    type=click.Choice(list(OFFERED)),
    default=None,
    show_default="`language` of the configuration",
    help="Of the page and of the plot.",
)
@click.option("--timezone", default="UTC", show_default=True, help="Such as Asia/Karachi.")
@manifest_option
@sign_option
@click.option("--licence", default="", help="On which terms others may use it, such as CC BY 4.0.")
@click.option("--note", default="", help="A sentence of yours under the headline.")
@config_option
def report(
    since: float | None,
    until: float,
    platform: str | None,
    vantage: str | None,
    file: Path | None,
    output: Path,
    svg: Path | None,
    picture: Path | None,
    language: str | None,
    timezone: str,
    manifest: Path | None,
    key: Path | None,
    licence: str,
    note: str,
    path: Path | None,
) -> None:
    """Write what happened as one page of HTML that you can open and attach.

    The page is complete in itself: it fetches nothing and runs no program. It names your vantages,
    their networks and country, as configured, and nothing else about you.
    """
    ordered(since, until)
    written = [output, *(one for one in (svg, picture) if one is not None)]
    listable(manifest, written, key)
    config, clock = load_config(path), TimeWriter(zone_of(timezone))
    tongue = Tongue(language or config.settings.language)
    with opened(config, file) as history:
        config = placed_by(history, config)
        warn_of_strangers(config, history)
        platform, vantage = narrowed(config, history, platform, vantage)
        if since is None:
            since, until = measured_days(history, until, ends=was_given("until"))
        gathered = gather_summaries(
            history.summaries(since=since, until=until, platform=platform, vantage=vantage),
            window(since, until),
            # An end that came later may say something of this time.
            told=history.verdict_spans(
                since=since, until=until + SAID_SECONDS, platform=platform, vantage=vantage
            ),
        )
        incidents = tuple(history.incidents(since=since, until=until, platform=platform))
    setting = setting_of(config, incidents, note, gathered.controls)
    page = render_html(
        gathered,
        setting,
        clock,
        version=__version__,
        made_at=time.time(),
        schema=len(MIGRATIONS),
        licence=licence,
        method=stated_method(),
        tongue=tongue,
    ).encode()
    # Before anything is written: it may be that it cannot be drawn.
    shared = None
    if picture is not None:
        shared = drawn(report_card(gathered, setting, clock, tongue))
    write([page], output)
    if svg is not None:
        write([render_svg(gathered, setting, clock, tongue).encode()], svg)
    if shared is not None:
        write([shared], picture)
    if manifest is not None:
        add_to_manifest(manifest, written, key)
    tell(f"{output}: {gathered.rounds:,} rounds, {len(page) / 1e6:.2f} MB")


def setting_of(
    config: Config, incidents: tuple[Incident, ...], note: str, measured: Sequence[str]
) -> Setting:
    """What a report says of the configuration, and of the controls that were ``measured``. Of drawn
    ones it has the number only: hardly another probe has drawn the same, so whoever sees the
    network's connections would know by them whose line it is."""
    known = {control.name: control for control in with_whole_pool(config).controls}
    if not known.keys() >= set(measured):
        # Vantages of a hub's archive may be in any country, and have its own controls.
        known = {one.name: one for one in all_shipped(embedded.folder())} | known
    pool = {control.name for control in config.pool}
    drawn = [known[name] for name in measured if name in pool]
    operators = len({control.operator for control in drawn})
    return Setting(
        country=config.settings.country,
        vantages={vantage.name: vantage for vantage in Declared(config).vantages},
        titles={platform.name: platform.title for platform in config.platforms},
        controls=(
            *(
                f"{c.title} ({c.operator}, {c.scope})" if (c := known.get(name)) else name
                for name in measured
                if name not in pool
            ),
            *_drawn(len(drawn), operators, len(pool)),
        ),
        incidents=incidents,
        note=note,
    )


def _drawn(sites: int, operators: int, pool: int) -> Iterable[str]:
    if sites:
        yield (
            f"{sites} of the {pool} sites on throttlewatch's own list, of {operators} operators "
            "(which of them could tell whose line this is)"
        )
