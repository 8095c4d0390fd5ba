"""What people say to commands: countries, networks, lines and amounts, and what is answered where
that is not understood."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import click

from probe.commands.output import tell
from probe.config.asn_table import networks_called
from probe.config.calling import countries, country_code, country_near, network_number
from probe.config.formats import is_address, is_https_url
from probe.config.hints import expected, metas
from probe.config.host_meant import url_meant
from probe.config.schema import LEAST_BUDGET
from probe.config.units import near_monthly, parse_monthly_bytes
from probe.config.values import Name
from probe.model.identity import Access

_MOST_HINTS = 5
_ACCESS_WORDS = {
    "home": Access.FIXED,
    "dsl": Access.FIXED,
    "fibre": Access.FIXED,
    "fiber": Access.FIXED,
    "cable": Access.FIXED,
    # What ends at a home and is no phone's.
    **dict.fromkeys(("adsl", "vdsl", "ftth", "wifi", "wi-fi", "wlan", "broadband"), Access.FIXED),
    **dict.fromkeys(("ethernet", "satellite", "starlink", "office", "router"), Access.FIXED),
    "phone": Access.MOBILE,
    "cellular": Access.MOBILE,
    **dict.fromkeys(("lte", "3g", "4g", "5g", "sim", "gsm", "hotspot"), Access.MOBILE),
    "vps": Access.HOSTING,
    "server": Access.HOSTING,
    **dict.fromkeys(("cloud", "datacenter", "datacentre", "data center"), Access.HOSTING),
}
# A budget that somebody does not want to give, its letters alone.
_WITHOUT_END = ("unlimited", "unmetered", "infinite", "infinity", "nolimit", "none", "flat", "∞")


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
    """The number of a network, or whose it is in ``country``; nothing: not known."""

    name = "network"

    def __init__(self, country: str = "") -> None:
        self.country = country

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """The number, with ``AS`` before it or not; fails with words that click shows."""
        said = str(value).strip()
        number = network_number(said)
        if number is not None and number <= 4_294_967_295:
            return number
        found = networks_called(said, self.country)
        if len(found) == 1:
            return found[0].number
        if said:
            hint = "expected its number, such as AS17557 or 17557"
            if found:
                meant = (f"AS{number} ({owner})" for number, owner in found[:_MOST_HINTS])
                hint = f"did you mean {' or '.join(meant)}?"
            self.fail(f"{said!r} is no network; {hint}", param, ctx)
        return None


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
        # 3,5 GB is how half of the world writes it.
        said = re.sub(r"(?<=\d),(?=\d{1,2}\b)", ".", str(value).strip())
        if re.sub(r"[^\w∞]+", "", said.casefold()).startswith(_WITHOUT_END):
            self.fail(
                f"{value!r} is no amount of data, and a budget always has an end: where data costs "
                "nothing, give more than it could ever use, such as 1TB"
            )
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
        """Its URL, which is shown where it was written in another way; fails with words that click
        shows, and with the right value where one can be told."""
        said = str(value).strip()
        if not said:
            return ""
        url = url_meant(said)
        host = urlsplit(url).hostname or ""
        scheme = said.partition("://")[0].lower() if "://" in said else "https"
        strange = scheme.lstrip("<\"'") not in ("http", "https")
        if strange or not is_https_url(url) or " " in said.strip("/"):
            beside = f"; did you mean {url}?" if is_https_url(url) else f"; expected {_mirror()}"
            self.fail(f"{said!r} is no address over https{beside}", param, ctx)
        if is_address(host) or "." not in host:
            self.fail(
                f"{said!r} has no name that a certificate is for; expected {_mirror()}", param, ctx
            )
        if host.rsplit(".", 1)[-1] in _AT_HOME:
            self.fail(f"{said!r} is at home, and no server of the country", param, ctx)
        if said.lower().startswith("http://"):
            self.fail(
                f"{said!r} is no address over https; expected one such as "
                f"{_mirror(host) if url.endswith('/') or urlsplit(url).path == '' else url}",
                param,
                ctx,
            )
        if urlsplit(url).path in ("", "/") or url.endswith("/"):
            self.fail(
                f"{said!r} is a front page or a folder, and a file of 64 KiB or more is read; "
                f"expected one there, such as {_mirror(host)}",
                param,
                ctx,
            )
        if url != said:
            tell(f"  it is written as {url}")
        return url


# Names that no public server has (RFC 6762, RFC 8375, and what routers are called).
_AT_HOME = ("local", "localhost", "lan", "home", "internal", "arpa", "localdomain")


def _mirror(host: str = "mirror.example") -> str:
    return f"https://{host}/debian/dists/bookworm/InRelease"


class NameSaid(click.ParamType):  # type: ignore[type-arg]
    """What a vantage is called."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; fails with words that click shows."""
        said = str(value).strip()
        if not re.fullmatch(metas(Name)[0].pattern or "", said):
            self.fail(f"{said!r} is no name; expected {expected(Name)}")
        return said
