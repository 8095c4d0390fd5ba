"""What a right configuration should be warned of: it runs, and says less than it could."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from probe.config.amount import LEGS_PER_HOUR, estimate
from probe.config.formats import is_address
from probe.config.hosts import covers
from probe.config.probers import used
from probe.config.schema import Config
from probe.config.units import DAYS_PER_MONTH
from probe.model.identity import Family, Role

UNKNOWN_COUNTRY = "ZZ"
MEGABYTE = 1_000_000
# Intervals are the fastest pace, so asking for somewhat more than the budget bears is fine.
MOST_ASKED_OF_BUDGET = 2.0


def warnings(config: Config) -> tuple[str, ...]:
    """Sentences for a person, each with what to do about it."""
    return (
        *_weights(config),
        *_controls(config),
        *_place(config),
        *_secrets(config),
        *_outside(config),
        *_targets(config),
        *_vantages(config),
        *_amount(config),
    )


def _controls(config: Config) -> Iterator[str]:
    operators = {control.operator or control.name for control in config.controls}
    if len(config.controls) < 3 or len(operators) < 2:
        yield (
            f"only {len(config.controls)} control(s) of {len(operators)} operator(s): take at "
            "least 3 of 2, or one operator's bad day looks like a bad line"
        )
    for prober in used(config.settings):
        speaking = {
            control.operator or control.name
            for control in (*config.controls, *config.pool)  # a draw has some that speak it
            if control.scope == "foreign" and any(map(prober.speaks, control.targets))
        }
        if len(speaking) < 2:
            yield (
                f"controls of {len(speaking)} operator(s) abroad can be measured {prober.over}: "
                "with fewer than 2 nothing is ever proven there; take controls whose targets say "
                f"`{prober.name}: true`, or say `{prober.name}: false` in the main file"
            )
    if not any(control.scope == "domestic" for control in config.controls):
        yield (
            "no domestic control, so a cut of the international lines cannot be told from a dead "
            "or slow line: name a large file on a dull site of your country (`throttlewatch init "
            "--domestic URL`, or platforms/control-domestic.yaml beside the configuration)"
        )
    for control in config.controls:
        for target in control.targets:
            parts = urlsplit(target.url or "")
            folder = parts.path == "" or parts.path.endswith("/")
            if control.scope == "domestic" and target.min_bytes and parts.hostname and folder:
                yield (
                    f"{control.name} reads {target.url}, a front page or a folder, which changes "
                    "and may be small: name a file there, such as "
                    f"https://{parts.hostname}/debian/dists/bookworm/InRelease"
                )
    beacon = config.settings.beacon
    for platform in config.platforms:
        if beacon is not None and covers(platform.hosts, beacon):
            yield f"beacon {beacon} is a host of {platform.name}: a decoy needs a neutral server"


def _weights(config: Config) -> Iterator[str]:
    settings = config.settings
    networks = {v.asn for v in settings.vantages if v.asn is not None and v.role is Role.INSIDE}
    if len(networks) >= settings.nation.min_networks and not settings.nation.weights:
        yield equal_weights()


def equal_weights() -> str:
    """What to say where each network counts alike."""
    return (
        "nation.weights is empty, so each network counts alike, however many subscribers it has: "
        "give shares of subscribers (docs/nation.md says where they are)"
    )


def _outside(config: Config) -> Iterator[str]:
    for source in config.settings.outside:
        if urlsplit(source.url).scheme == "http":
            yield (
                "a reference of `outside` is read without TLS: what it says is signed, but whoever "
                "sees the traffic learns that it is read here"
            )
            return


def _targets(config: Config) -> Iterator[str]:
    targets = config.settings.targets
    if config.bundle_trouble:
        yield (
            "the bundle of definitions that is installed is not used, the shipped definitions are: "
            f"{config.bundle_trouble}"
        )
    if targets.url is not None and urlsplit(targets.url).scheme == "http":
        yield (
            "bundles of definitions are asked for without TLS (targets.url): what they say is "
            "signed, but whoever sees the traffic learns that they are asked for here"
        )
    if len(targets.keys) > 1 and targets.threshold == 1:
        yield (
            f"one of {len(targets.keys)} keys is enough to sign a bundle (targets.threshold: 1): "
            "each of them alone decides which hosts are contacted"
        )


def _place(config: Config) -> Iterator[str]:
    settings = config.settings
    countries = {v.country or settings.country for v in settings.vantages}
    if UNKNOWN_COUNTRY in countries:
        yield "country is not set (ZZ): set it, such as `country: TR`, to add up with others"
    host = urlsplit(f"//{settings.listen}").hostname or ""
    if host == "localhost" or (is_address(host) and ip_address(host).is_loopback):
        return
    if not config.web.authenticates:
        yield (
            f"listen {settings.listen} can be reached by other machines, without a password: "
            "whoever can reach it sees what is measured here; see web_config"
        )
    elif config.web.tls_server_config is None:
        yield (
            f"listen {settings.listen} takes passwords without TLS: whoever sees the traffic "
            "learns them"
        )


def _secrets(config: Config) -> Iterator[str]:
    """Files with passwords, tokens, their hashes and keys are the daemon's user's own."""
    settings, tls = config.settings, config.web.tls_server_config
    for what, file in (
        ("forward.password_file", settings.forward.password_file),
        ("forward.bearer_token_file", settings.forward.bearer_token_file),
        ("hub.credential_file", settings.hub.credential_file),
        ("outside_key_file", settings.outside_key_file),
        *((f"the url_file of {one.name}", one.url_file) for one in settings.notify.receivers),
        ("web_config", settings.web_config if config.web.basic_auth_users else None),
        ("tls_server_config.key_file", None if tls is None else tls.key_file),
    ):
        try:
            mode = 0 if file is None else Path(file).stat().st_mode
        except (OSError, ValueError):
            continue  # whoever needs it says what is wrong with it
        if mode & (stat.S_IRGRP | stat.S_IROTH):
            who = "everybody" if mode & stat.S_IROTH else "its whole group"
            yield (
                f"{what} can be read by {who} on this machine: `chmod 600 {file}`, and give it to "
                "the user that runs the daemon"
            )


def _vantages(config: Config) -> Iterator[str]:
    settings = config.settings
    if all(vantage.role is Role.REFERENCE for vantage in settings.vantages):
        yield "every vantage is a reference: there is none inside that could be throttled"
    paths: dict[tuple[str | None, ...], str] = {}
    for vantage in settings.vantages:
        path = (vantage.interface, vantage.source_address, vantage.proxy)
        first = paths.setdefault(path, vantage.name)
        if first != vantage.name:
            yield f"vantages {first} and {vantage.name} leave by the same way: drop one of them"
        if (vantage.interface or vantage.source_address) and not vantage.nameservers:
            yield (
                f"vantage {vantage.name} asks the host's own name servers, by the host's own way: "
                "what is told there about a name decides where this vantage connects. Give it "
                "nameservers that its line reaches"
            )
        if vantage.source_address is None:
            continue
        version = ip_address(vantage.source_address).version
        own = Family.IPV4 if version == 4 else Family.IPV6
        for family in settings.families:
            if family is not own:
                yield f"vantage {vantage.name}: {family} rounds cannot leave from an {own} address"


def _amount(config: Config) -> Iterator[str]:
    expected = estimate(config)
    for host, legs in sorted(expected.host_legs_per_hour.items()):
        if legs > LEGS_PER_HOUR and not _is_exempt(config, host):
            yield (
                f"{host}: {legs:.0f} legs an hour are asked for, {LEGS_PER_HOUR:.0f} are allowed "
                "and the rest is skipped: raise schedule.light, or leave out a target"
            )
    public = any(
        not _is_exempt(config, urlsplit(t.url or "").hostname or "")
        for control in config.controls
        for t in control.targets
    )
    if expected.control_legs_per_hour > LEGS_PER_HOUR and public:
        yield (
            f"{expected.control_legs_per_hour:.0f} legs an hour are asked for of each control, "
            f"{LEGS_PER_HOUR:.0f} are allowed: add controls, or raise schedule.light"
        )
    vantages = config.settings.vantages
    asked = expected.bytes_per_day / len(vantages)
    allowed = min(int(v.data_budget or config.settings.data_budget) for v in vantages)
    allowed_per_day = allowed * (1.0 - config.settings.schedule.reserve) / DAYS_PER_MONTH
    if asked > MOST_ASKED_OF_BUDGET * allowed_per_day:
        yield (
            f"{asked / MEGABYTE:.0f} MB a day are asked for, and data_budget allows "
            f"{allowed_per_day / MEGABYTE:.0f}: rounds will be few; see `throttlewatch plan`"
        )


def _is_exempt(config: Config, host: str) -> bool:
    """Hosts in a laboratory have no budget: private or loopback, literally or by ``resolve``."""
    addresses = (host,) if is_address(host) else config.settings.resolve.get(host, ())
    return bool(addresses) and all(
        ip.is_loopback or ip.is_private or ip.is_link_local for ip in map(ip_address, addresses)
    )
