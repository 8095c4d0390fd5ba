"""What must hold between keys. Each check sees a value whose parts are right by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from probe.config.definition import Candidate, Corner, Definition, Target
from probe.config.document import Node
from probe.config.errors import ConfigError
from probe.config.formats import is_address, is_loopback
from probe.config.hints import near
from probe.config.schema import (
    DnsConfig,
    ForwardConfig,
    LegsConfig,
    MaySet,
    ResolverConfig,
    ScheduleConfig,
    Settings,
    TargetsConfig,
    VantageConfig,
)
from probe.config.walk import Check, shown
from probe.model.identity import Answer, Compares, Role

# A server may send ten segments at once (RFC 6928), some 14.6 kB: what fits into them arrives in
# one flight and says nothing about a rate.
MIN_GOODPUT_BYTES = 16_384
SYSTEM_RESOLVER = "system"


def check_schedule(schedule: ScheduleConfig, node: Node) -> Iterator[ConfigError]:
    """A transfer round takes the place of a light one, and a long one of a transfer."""
    yield from _rising(schedule, node, "light", "transfer", "long")


def check_legs(legs: LegsConfig, node: Node) -> Iterator[ConfigError]:
    """Longer rounds read more, and may take longer."""
    yield from _rising(legs, node, "light_bytes", "transfer_bytes", "long_bytes")
    yield from _rising(legs, node, "light_deadline", "transfer_deadline", "long_deadline")


def check_dns(dns: DnsConfig, node: Node) -> Iterator[ConfigError]:
    """Waiting on for a second answer is part of the deadline."""
    yield from _rising(dns, node, "linger", "deadline")


def check_resolver(resolver: ResolverConfig, node: Node) -> Iterator[ConfigError]:
    """Reaching a resolver must need no other resolver."""
    if resolver.name == SYSTEM_RESOLVER:
        yield node.find("name").error(
            found="`system`", expected="another name: this one is the host's own resolver"
        )
    if resolver.address is None and resolver.doh is None:
        yield node.error(found="neither address nor doh", expected="address, doh, or both")
    if resolver.doh is not None and resolver.address is None:
        host = urlsplit(resolver.doh).hostname or ""
        if not is_address(host):
            yield node.find("doh").error(
                found=f"the name {host}, and no address beside it",
                expected="an address in the URL, or `address` with the server's",
            )


def check_vantage(vantage: VantageConfig, node: Node) -> Iterator[ConfigError]:
    """A proxy is reached as the host reaches anything; it cannot be bound as well, and it resolves
    by itself."""
    for key in ("interface", "source_address"):
        if vantage.proxy is not None and getattr(vantage, key) is not None:
            yield node.find(key).error(
                found=f"{key} beside proxy", expected=f"one of them: {key} or proxy"
            )
    if vantage.proxy is not None and vantage.nameservers:
        yield node.find("nameservers").error(
            found="nameservers beside proxy", expected="one of them: the proxy resolves the names"
        )
    for number, server in enumerate(vantage.nameservers):
        own = vantage.source_address
        if own is not None and (":" in own) != (server.count(":") > 1):
            yield node.find("nameservers", number).error(
                found=f"{server}, which cannot be asked from {own}",
                expected="a name server of the same address family as source_address",
            )


def check_forward(forward: ForwardConfig, node: Node) -> Iterator[ConfigError]:
    """One way of saying who sends."""
    if (forward.username is None) != (forward.password_file is None):
        yield node.error(
            found="username without password_file, or the reverse", expected="both or neither"
        )
    if forward.username is not None and forward.bearer_token_file is not None:
        yield node.find("bearer_token_file").error(
            found="bearer_token_file beside username", expected="one of them"
        )


def check_targets(targets: TargetsConfig, node: Node) -> Iterator[ConfigError]:
    """Nothing is taken that nobody who is trusted has signed, and enough of them can sign."""
    if targets.url is not None and not targets.keys:
        yield node.find("url").error(
            found="a url, and no keys",
            expected="keys: whose signatures are trusted (docs/lists.md)",
        )
    if targets.keys and targets.threshold > len(targets.keys):
        yield node.find("threshold").error(
            found=f"threshold {targets.threshold} of {len(targets.keys)} key(s)",
            expected="at most as many as there are keys",
        )


def check_settings(settings: Settings, node: Node) -> Iterator[ConfigError]:
    """What is forwarded comes from the history; what is read or published about the outside has
    a vantage."""
    if settings.forward.url is not None and settings.store.path is None:
        yield node.find("forward", "url").error(
            found="a receiver, and no history (store.path: null)",
            expected="a history to send from: leave out store.path, or set forward.url to null",
        )

    names = [vantage.name for vantage in settings.vantages]
    for number, source in enumerate(settings.outside):
        if source.vantage is not None and source.vantage not in names:
            yield node.find("outside", number, "vantage").error(
                found=f"{source.vantage}, which is no vantage",
                expected=f"one of: {', '.join(names)}",
                suggestion=near(source.vantage, names),
            )
    targets = settings.targets
    if targets.vantage is not None and targets.vantage not in names:
        yield node.find("targets", "vantage").error(
            found=f"{targets.vantage}, which is no vantage",
            expected=f"one of: {', '.join(names)}",
            suggestion=near(targets.vantage, names),
        )
    if targets.keys and settings.store.path is None:
        yield node.find("targets", "keys").error(
            found="keys, and no history (store.path: null)",
            expected="a history, beside which a bundle is kept: leave out store.path, or the keys",
        )
    yield from _check_hub(settings, node.find("hub"))
    references = any(vantage.role is Role.REFERENCE for vantage in settings.vantages)
    if settings.outside_key_file is not None and not references:
        yield node.find("outside_key_file").error(
            found="a key to sign with, and no vantage with `role: reference`",
            expected="a reference vantage, whose results are published, or no key",
        )


def _check_hub(settings: Settings, node: Node) -> Iterator[ConfigError]:
    """A credential goes to nobody who could be somebody else, and a bundle is taken of those alone
    whose keys are named."""
    hub, names = settings.hub, [vantage.name for vantage in settings.vantages]
    if hub.url is not None:
        url = urlsplit(hub.url)
        if url.scheme != "https" and not is_loopback(url.hostname or ""):
            yield node.find("url").error(
                found=f"{hub.url}, without TLS", expected="https: a credential goes by it"
            )
        if hub.credential_file is None:
            yield node.find("url").error(
                found="a url, and no credential_file",
                expected="credential_file: what `throttlewatch join` wrote (docs/hub.md)",
            )
    if hub.send_rounds and hub.url is None:
        yield node.find("send_rounds").error(
            found="true, and no url", expected="the hub's url, or no `send_rounds` here"
        )
    if hub.send_rounds and settings.store.path is None:
        yield node.find("send_rounds").error(
            found="true, and no history (store.path: null)",
            expected="a history, from which rounds are sent: leave out store.path, or this",
        )
    if hub.vantage is not None and hub.vantage not in names:
        yield node.find("vantage").error(
            found=f"{hub.vantage}, which is no vantage",
            expected=f"one of: {', '.join(names)}",
            suggestion=near(hub.vantage, names),
        )
    if MaySet.TARGETS in hub.may_set and not settings.targets.keys:
        yield node.find("may_set").error(
            found="targets, and no keys (targets.keys)",
            expected="the keys whose signatures count, or no `targets` here",
        )


def check_target(target: Target, node: Node) -> Iterator[ConfigError]:
    """One source of the object, one corner each, and objects that are large enough."""
    if not (target.candidates and target.url is None and target.discover is None):
        yield from _one_source(target, node)
    elif target.fallback is not None:
        yield node.find("fallback", "url").error(
            found="a fallback without url or discover",
            expected="url or discover, or the fallback as one of candidates",
        )
    for number, candidate in enumerate(target.candidates):
        yield from _check_candidate(candidate, target, node.find("candidates", number))
    named = [(one.url, one.discover, one.connect_to, one.sni) for one in target.candidates]
    for number, one in enumerate(named):
        if one in named[:number]:
            yield node.find("candidates", number).error(
                found="the object of a candidate before", expected="each object once"
            )
    if target.compares is Compares.GOODPUT:
        if target.url is not None or target.discover is not None or not target.candidates:
            yield from _large_enough(target.min_bytes, node)
        if target.fallback is not None:
            yield from _large_enough(target.fallback.min_bytes, node.find("fallback"))
    for key in ("swap", "decoy"):
        corner: Corner | None = getattr(target, key)
        if corner is None:
            continue
        if getattr(target, f"no_{key}"):
            yield node.find(f"no_{key}").error(
                found=f"no_{key} beside {key}", expected=f"one of them: {key} or no_{key}"
            )
        yield from _check_corner(corner, target, node.find(key))
    yield from _check_swap(target, node.find("swap"))
    if target.decoy is not None and target.decoy.answer is Answer.ANY:
        yield node.find("decoy", "answer").error(
            found="answer: any in a decoy", expected="expected: only a swap takes any answer"
        )
    if target.decoy is not None and target.decoy.famous is not None:
        yield node.find("decoy", "famous").error(
            found="famous in a decoy", expected="none: only a swap has several names"
        )
    if target.decoy is not None and target.decoy.connect_to == connect_name(target):
        yield node.find("decoy", "connect_to").error(
            found="the target's own host", expected="a server that is nobody's target"
        )


def _one_source(of: Target | Candidate, node: Node) -> Iterator[ConfigError]:
    if (of.url is None) == (of.discover is None):
        neither = of.url is None
        place = node if neither else node.find("url")
        yield place.error(
            found="neither url nor discover" if neither else "both url and discover",
            expected="one of them" if neither else "one of them: set the other to null",
        )


def _check_candidate(one: Candidate, target: Target, node: Node) -> Iterator[ConfigError]:
    yield from _one_source(one, node)
    if target.compares is Compares.GOODPUT:
        yield from _large_enough(one.min_bytes, node)
    if one.swap is not None:
        as_target = replace(target, url=one.url, discover=one.discover, sni=one.sni, swap=one.swap)
        yield from _check_corner(one.swap, target, node.find("swap"))
        yield from _check_swap(as_target, node.find("swap"))


def check_definition(definition: Definition, node: Node) -> Iterator[ConfigError]:
    """A pace is of a target that is read, and there is one of each kind of line."""
    read = {one.name for one in definition.targets if one.compares is Compares.GOODPUT}
    seen = set()
    for number, one in enumerate(definition.paces):
        place = node.find("paces", number)
        if one.target not in read:
            yield place.find("target").error(
                found=f"`{one.target}`, which is no target that is read",
                expected=f"one of: {', '.join(sorted(read))}" if read else "no paces",
            )
        if (one.target, one.access) in seen:
            yield place.error(
                found=f"a second pace of `{one.target}`", expected="one for each kind of line"
            )
        seen.add((one.target, one.access))


def connect_name(target: Target) -> str | None:
    """What the target's legs connect to; ``None`` when discovery tells."""
    return target.connect_to or (urlsplit(target.url).hostname if target.url is not None else None)


def _check_swap(target: Target, node: Node) -> Iterator[ConfigError]:
    if target.swap is None:
        return
    if target.swap.connect_to is not None:
        yield node.find("connect_to").error(
            found="connect_to in a swap", expected="none: a swap connects where its target does"
        )
    if target.swap.answer is Answer.ANY:
        yield from _check_any_answer(target, target.swap, node)
        return
    if target.swap.names:
        yield node.find("names").error(
            found="names in a swap that expects an answer",
            expected="sni, or answer: any, which draws from names",
        )
    if target.swap.sni is None:
        yield node.error(found="a swap without sni", expected="sni: the neutral name")
    own = target.sni or (urlsplit(target.url or "").hostname)
    if own is not None and target.swap.sni == own:
        yield node.find("sni").error(found="the target's own name", expected="a neutral name")
    if target.swap.famous is not None and target.swap.famous in (own, target.swap.sni):
        yield node.find("famous").error(
            found="the target's own name, or that of sni", expected="another neutral name"
        )


def _check_any_answer(target: Target, swap: Corner, node: Node) -> Iterator[ConfigError]:
    """Nothing is asked of the server, so nothing can be expected of what it says."""
    plain = Corner(why=swap.why)
    for key in (
        "sni",
        "famous",
        "host",
        "path",
        "certificate_name",
        "verify",
        "compares",
        "expect_status",
    ):
        if getattr(swap, key) != getattr(plain, key):
            yield node.find(key).error(
                found=f"{key} beside answer: any",
                expected="neither name nor answer: names are drawn, and any answer counts",
            )
    own = target.sni or urlsplit(target.url or "").hostname
    for number, name in enumerate(swap.names):
        if name == own:
            yield node.find("names", number).error(
                found="the target's own name", expected="neutral names"
            )


def _check_corner(corner: Corner, target: Target, node: Node) -> Iterator[ConfigError]:
    if corner.compares is not Compares.GOODPUT:
        return
    yield from _large_enough(corner.min_bytes, node)
    if target.compares is not Compares.GOODPUT:
        yield node.find("compares").error(
            found="goodput beside a target that compares the handshake", expected="handshake"
        )


def _large_enough(size: int, node: Node) -> Iterator[ConfigError]:
    if size < MIN_GOODPUT_BYTES:
        place = node.find("min_bytes")
        yield place.error(
            found=f"min_bytes {shown(place)}" if place is not node else "no min_bytes",
            expected=f"at least {MIN_GOODPUT_BYTES} where goodput is compared: less arrives in "
            "one flight and says nothing about a rate",
        )


def _rising(value: Struct, node: Node, *keys: str) -> Iterator[ConfigError]:
    for lower, upper in pairwise(keys):
        least, found = getattr(value, lower), getattr(value, upper)
        if found < least:
            # Whichever of the two was given is the one to show.
            place = node.find(upper) if node.get(upper) is not None else node.find(lower)
            yield place.error(
                found=f"{upper} {found:.12g} below {lower} {least:.12g}",
                expected=f"{upper} of at least {lower}",
            )


CHECKS: Mapping[type[Struct], Check] = {
    ScheduleConfig: check_schedule,
    LegsConfig: check_legs,
    DnsConfig: check_dns,
    ResolverConfig: check_resolver,
    VantageConfig: check_vantage,
    ForwardConfig: check_forward,
    Settings: check_settings,
    TargetsConfig: check_targets,
    Target: check_target,
    Definition: check_definition,
}
