"""``throttlewatch init``: a configuration of one's own, from a few questions."""

from __future__ import annotations

import json
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from probe.commands.join import invitation_parts
from probe.commands.new_files import checked, tell_hosts, what_keeps_watching, written
from probe.commands.options import warn
from probe.commands.output import tell
from probe.commands.plan import show_plan
from probe.commands.said import (
    AccessSaid,
    BudgetSaid,
    CountrySaid,
    MirrorSaid,
    NameSaid,
    NetworkSaid,
)
from probe.config import embedded
from probe.config.asn_table import countries_of, networks
from probe.config.calling import countries
from probe.config.hosts import covers
from probe.config.readable import home_of
from probe.config.schema import Config
from probe.publish.terminal.console import console

DOMESTIC = "control-domestic"
LEAST_BYTES = "64KiB"
_DEFAULT_BUDGET = "3.4GB/month"
_SHOWN_NETWORKS = 8


class InvitationSaid(click.ParamType):  # type: ignore[type-arg]
    """The line of a group's hub; nothing: none has invited."""

    name = "line"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The line; fails with words that click shows."""
        said = str(value).strip()
        if said:
            try:
                invitation_parts(said)
            except click.ClickException as error:
                self.fail(error.message, param, ctx)
        return said


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default="throttlewatch.yaml")
@click.option("--country", type=CountrySaid(), help="Where this line is: Pakistan, or PK.")
@click.option("--access", type=AccessSaid(), help="fixed, mobile or hosting.")
@click.option("--asn", metavar="NETWORK", help="The number of its network: AS17557, or 17557.")
@click.option("--domestic", type=MirrorSaid(), help="A large file inside the country, over https.")
@click.option("--data-budget", type=BudgetSaid(), help="Data in a month: 3GB.")
@click.option(
    "--vantage",
    type=NameSaid(),
    default="home",
    show_default=True,
    help="What this line is called.",
)
@click.option("--hub", metavar="LINE", help="The invitation of a group's hub, if you have one.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; what is not given is left out.")
def init(
    file: Path,
    country: str | None,
    access: str | None,
    asn: str | None,
    domestic: str | None,
    data_budget: str | None,
    vantage: str,
    hub: str | None,
    yes: bool,
) -> None:
    """Write a configuration of your own to FILE, from a few questions.

    Asked for are the country, how the line reaches the Internet, its network, a site inside the
    country to compare with, how much data may be used, and a hub's invitation, if there is one.
    What is given as an option is not asked for. Nothing is sent: at the end you see every host that
    would be contacted, and what to do next.
    """
    if str(file) == "-":
        raise click.ClickException("the configuration is a file: give it a name, such as my.yaml")
    file = home_of(str(file))
    if file.exists():
        raise click.ClickException(f"{file} is there already: edit it, or give another name")
    nobody = not yes and not sys.stdin.isatty()
    if nobody and None in (country, access, asn, domestic, data_budget):
        tell("nobody could be asked (no terminal): what no option gives has its default")
    ask = _nothing if yes or nobody else _ask
    if hub:
        # It says where this line is: what else is asked, `join` is told.
        _tell_to_join(InvitationSaid().convert(hub, _option("hub"), None), file)
        return
    country = country or ask(
        "In which country is this line? (its name, or two letters)", CountrySaid(), "ZZ"
    )
    if ask is _ask and country != "ZZ":
        tell(f"  {country}: {countries()[country]}")
    access = access or ask(
        "How does it reach the Internet? (fixed, mobile or hosting)", AccessSaid(), "fixed"
    )
    number = (
        ask(_how_to_find(country), NetworkSaid(country), "")
        if asn is None
        else NetworkSaid(country).convert(asn, _option("asn"), click.get_current_context())
    )
    _tell_whose(number, country, asked=ask is _ask)
    if domestic is None:
        domestic = ask(
            "A control inside the country tells a slow line abroad from a slow platform. The URL "
            "of a file\nof 64 KiB or more on a large, dull site there, such as a university's "
            "mirror of Debian\n(…/debian/dists/bookworm/InRelease); nothing if you know none",
            MirrorSaid(),
            "",
        )
    data_budget = data_budget or ask(
        "How much data may it use in a month?", BudgetSaid(), _DEFAULT_BUDGET
    )
    if hub is None:
        hub = ask(
            "Has a group's hub invited you? Then paste its line (https://…#…); nothing if none has",
            InvitationSaid(),
            "",
        )
    texts = {file: _main(country, vantage, access, number, data_budget)}
    control = file.parent / embedded.PLATFORMS / f"{DOMESTIC}.yaml"
    if domestic:
        texts[control] = _control(domestic)
    config = checked(file, texts)
    _must_be_neutral(domestic, config)
    if hub:
        # The control and the budget are this line's own; the rest is the hub's word.
        kept = {path: text for path, text in texts.items() if path != file}
        written(kept)
        _tell_to_join(hub, file, tuple(kept), data_budget)
        return
    written(texts)
    _tell_what_follows(config, file, tuple(texts))


def _ask(question: str, kind: click.ParamType, default: str) -> Any:  # type: ignore[type-arg]
    return click.prompt(question, type=kind, default=default, show_default=bool(default), err=True)


def _nothing(question: str, kind: click.ParamType, default: str) -> Any:  # type: ignore[type-arg]
    return kind.convert(default, None, None)


def _option(name: str) -> click.Parameter:
    return next(one for one in click.get_current_context().command.params if one.name == name)


def _how_to_find(country: str) -> str:
    largest = networks().get(country, ())[:_SHOWN_NETWORKS]
    if not largest:
        where = "" if country == "ZZ" else f"/country/{country}"
        return (
            "The number of its network (AS…)? Your provider's name is beside it in the list at\n"
            f"https://bgp.he.net{where}, which only your browser would ask; nothing if you do not "
            "know"
        )
    return "\n".join(
        (
            f"The number of its network (AS…), or your provider's name? The largest in {country}:",
            *(f"  AS{number:<11}{owner}" for number, owner in largest),
            f"Others are at https://bgp.he.net/country/{country}, which only your browser would "
            "ask; nothing if you do not know",
        )
    )


def _tell_whose(number: int | None, country: str, *, asked: bool) -> None:
    """What the list has of a network: whose it is, or that it is of other countries alone."""
    if number is None or country == "ZZ":
        return
    owner = next((row.owner for row in networks().get(country, ()) if row.number == number), "")
    if owner and asked:
        tell(f"  AS{number}: {owner}")
    elsewhere = countries_of(number)
    if not owner and elsewhere:
        tell(f"note: AS{number} is in the list of {', '.join(elsewhere[:5])}, and not of {country}")


def _main(country: str, vantage: str, access: str, asn: int | None, budget: str) -> str:
    """The main file. JSON's texts are YAML's."""
    unsaid = "null  # not said: without it this line does not count as a network"
    return (
        "# Made by `throttlewatch init`. A key that is not here has its default;\n"
        "# docs/configuration.md has all of them.\n"
        f"country: {json.dumps(country)}\n"
        "vantages:\n"
        f"  - name: {json.dumps(vantage)}\n"
        f"    access: {access}\n"
        f"    asn: {unsaid if asn is None else asn}\n"
        f"data_budget: {budget}\n"
        "# Set this to true when you have read docs/safety.md.\n"
        "acknowledge_risks: false\n"
    )


def _control(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return (
        "# Made by `throttlewatch init`: a server inside the country, to compare with.\n"
        f"name: {DOMESTIC}\n"
        f"title: {json.dumps(f'Domestic control ({host})')}\n"
        "kind: control\n"
        f"operator: {json.dumps(host)}\n"
        "scope: domestic\n"
        "why: Inside the country, so it is fast when only the lines abroad are slow.\n"
        f"hosts: [{json.dumps(host)}]\n"
        "targets:\n"
        "  - name: object\n"
        "    why: A file that everybody there may read.\n"
        f"    url: {json.dumps(url)}\n"
        f"    min_bytes: {LEAST_BYTES}\n"
        "    no_swap: A control is neutral itself.\n"
        "    no_decoy: A control is neutral itself.\n"
    )


def _must_be_neutral(url: str, config: Config) -> None:
    """Raises ``click.ClickException`` where the file for comparison is a platform's own."""
    host = urlsplit(url).hostname or ""
    for platform in config.platforms:
        if host and covers(platform.hosts, host):
            raise click.ClickException(
                f"nothing was written: {host} is a host of {platform.title}, and platforms are "
                "compared with what nobody has a reason to slow down; expected a file of a large, "
                "dull site of your country"
            )


def _tell_to_join(
    line: str, file: Path, paths: tuple[Path, ...] = (), budget: str = _DEFAULT_BUDGET
) -> None:
    """A hub says what this vantage is called and where it is; ``paths`` are written already."""
    say = partial(console().print, soft_wrap=True, markup=False, highlight=False)
    done = f"Written: {', '.join(map(str, paths))}. Nothing was sent."
    say(f"That hub says where this line is. {done if paths else 'Nothing was sent or written.'}")
    say("Next:")
    say("  1. read docs/safety.md")
    say(f"  2. throttlewatch join {shlex.quote(line)} {shlex.quote(str(file))}")
    say("     says what the hub would know before anything is sent, and writes the configuration")
    if budget != _DEFAULT_BUDGET:
        say(f"  3. add this line to {file}: data_budget: {budget}")


def _tell_what_follows(config: Config, file: Path, paths: tuple[Path, ...]) -> None:
    out = console()
    # What is to be copied is not folded.
    say = partial(out.print, soft_wrap=True)
    say(f"Written: {', '.join(map(str, paths))}. Nothing was sent.\n")
    tell_hosts(config, out)
    out.print()
    show_plan(config, out)
    out.print()
    warn(config)
    say("Next:")
    say(f"  1. read docs/safety.md, then set acknowledge_risks: true in {file}")
    say(f"  2. throttlewatch check --online -c {file}   asks each of these hosts once")
    say(f"  3. throttlewatch now -c {file}              is it happening now?")
    say(f"  4. {what_keeps_watching(file)}              keeps watching")
