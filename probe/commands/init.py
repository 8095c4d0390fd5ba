"""``throttlewatch init``: a configuration of one's own, from a few questions."""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from probe.commands.new_files import checked, tell_hosts, what_keeps_watching, written
from probe.commands.options import warn
from probe.commands.output import tell
from probe.commands.plan import show_plan
from probe.config import embedded
from probe.config.calling import countries, country_code, country_near, network_number
from probe.config.formats import is_https_url
from probe.config.hints import expected, metas
from probe.config.readable import home_of
from probe.config.schema import LEAST_BUDGET, Config
from probe.config.units import near_monthly, parse_monthly_bytes
from probe.config.values import Name
from probe.model.identity import Access
from probe.publish.terminal.console import console

DOMESTIC = "control-domestic"
LEAST_BYTES = "64KiB"
_DEFAULT_BUDGET = "2.8GB/month"
_ACCESS_WORDS = {
    "home": Access.FIXED,
    "dsl": Access.FIXED,
    "fibre": Access.FIXED,
    "fiber": Access.FIXED,
    "cable": Access.FIXED,
    "phone": Access.MOBILE,
    "cellular": Access.MOBILE,
    "lte": Access.MOBILE,
    "vps": Access.HOSTING,
    "server": Access.HOSTING,
    "cloud": Access.HOSTING,
}


class CountrySaid(click.ParamType):  # type: ignore[type-arg]
    """A country by its name or its two letters."""

    name = "country"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Its two letters; fails with words that click shows."""
        said = str(value).strip()
        code = "ZZ" if said.upper() == "ZZ" else country_code(said)
        if not code:
            near = country_near(said)
            hint = f"did you mean {countries()[near]} ({near})?" if near else "such as Pakistan, PK"
            self.fail(f"{said!r} is no country; expected a name or two letters; {hint}")
        return code


class NetworkSaid(click.ParamType):  # type: ignore[type-arg]
    """The number of a network; nothing: not known."""

    name = "network"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """The number, with ``AS`` before it or not; fails with words that click shows."""
        said = str(value).strip()
        number = network_number(said) if said else None
        if said and (number is None or number > 4_294_967_295):
            self.fail(f"{said!r} is no network; expected its number, such as AS17557 or 17557")
        return number


class AccessSaid(click.ParamType):  # type: ignore[type-arg]
    """How the line reaches the Internet."""

    name = "access"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """``fixed``, ``mobile`` or ``hosting``; fails with words that click shows."""
        said = str(value).strip().lower()
        found = _ACCESS_WORDS.get(said, said)
        if found not in tuple(Access):
            self.fail(f"{said!r} is none of: {', '.join(Access)}")
        return str(found)


class BudgetSaid(click.ParamType):  # type: ignore[type-arg]
    """Data in a month."""

    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As the configuration has it; fails with words that click shows."""
        said = str(value).strip()
        try:
            if "/" not in said:
                said = near_monthly(said)
            if parse_monthly_bytes(said) < LEAST_BUDGET:
                self.fail(
                    f"{value!r} is too little: at least {LEAST_BUDGET // 1_000_000} MB a month"
                )
        except ValueError:
            self.fail(f"{value!r} is no amount of data; expected one such as 3GB or 100MB/day")
        return said


class MirrorSaid(click.ParamType):  # type: ignore[type-arg]
    """A file inside the country; nothing: none is known."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Its URL; fails with words that click shows."""
        said = str(value).strip()
        if said and not is_https_url(said):
            self.fail(
                f"{said!r} is no address over https; expected one such as "
                "https://mirror.example/InRelease"
            )
        return said


class NameSaid(click.ParamType):  # type: ignore[type-arg]
    """What a vantage is called."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; fails with words that click shows."""
        said = str(value).strip()
        if not re.fullmatch(metas(Name)[0].pattern or "", said):
            self.fail(f"{said!r} is no name; expected {expected(Name)}")
        return said


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default="throttlewatch.yaml")
@click.option("--country", type=CountrySaid(), help="Where this line is: Pakistan, or PK.")
@click.option("--access", type=AccessSaid(), help="fixed, mobile or hosting.")
@click.option("--asn", type=NetworkSaid(), help="The number of its network: AS17557, or 17557.")
@click.option("--domestic", type=MirrorSaid(), help="A large file inside the country, over https.")
@click.option("--data-budget", type=BudgetSaid(), help="Data in a month: 3GB.")
@click.option(
    "--vantage",
    type=NameSaid(),
    default="home",
    show_default=True,
    help="What this line is called.",
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; what is not given is left out.")
def init(
    file: Path,
    country: str | None,
    access: str | None,
    asn: int | None,
    domestic: str | None,
    data_budget: str | None,
    vantage: str,
    yes: bool,
) -> None:
    """Write a configuration of your own to FILE, from a few questions.

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
    country = country or ask(
        "In which country is this line? (its name, or two letters)", CountrySaid(), "ZZ"
    )
    if ask is _ask and country != "ZZ":
        tell(f"  {country}: {countries()[country]}")
    access = access or ask(
        "How does it reach the Internet? (fixed, mobile or hosting)", AccessSaid(), "fixed"
    )
    if asn is None:
        asn = ask(_how_to_find(country), NetworkSaid(), "")
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
    texts = {file: _main(country, vantage, access, asn, data_budget)}
    if domestic:
        texts[file.parent / embedded.PLATFORMS / f"{DOMESTIC}.yaml"] = _control(domestic)
    config = checked(file, texts)
    written(texts)
    _tell_what_follows(config, file, tuple(texts))


def _ask(question: str, kind: click.ParamType, default: str) -> Any:  # type: ignore[type-arg]
    return click.prompt(question, type=kind, default=default, show_default=bool(default), err=True)


def _nothing(question: str, kind: click.ParamType, default: str) -> Any:  # type: ignore[type-arg]
    return kind.convert(default, None, None)


def _how_to_find(country: str) -> str:
    where = "" if country == "ZZ" else f"/country/{country}"
    return (
        "The number of its network (AS…)? Your provider's name is beside it in the list at\n"
        f"https://bgp.he.net{where}, which only your browser would ask; nothing if you do not know"
    )


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
