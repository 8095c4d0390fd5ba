"""The lab of one scenario: its configuration, its world, its box."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

from msgspec import Struct, structs
from ruamel.yaml import YAML

from lab.box.control import BoxControl
from lab.box.line import Line
from lab.box.spec import BoxSpec
from lab.lab import Lab
from lab.net import SECOND_INTERFACE, WORLD_ADDRESS
from lab.scenario.stacks import fingerprints
from lab.scenario.wire import Places, changed_line, line_for, rules_for
from lab.world.build import world_for
from lab.world.spec import ANY, Certificate, Object, Site, WorldSpec
from probe.config import load
from probe.config.schema import Config
from probe.model.identity import Answer
from scenarios import model
from scenarios.model import (
    ABROAD,
    DOMESTIC_HOST,
    HOME,
    NEIGHBOUR,
    Impostor,
    LineKind,
    Scenario,
)

# Two or three each: what one address alone shows may be that address's own trouble.
ADDRESS_COUNTS = (2, 3)
IMPOSTORS = {
    Impostor.OTHER_NAME: ("198.19.255.10", "2001:2:0:ffff::10"),
    Impostor.UNTRUSTED: ("198.19.255.11", "2001:2:0:ffff::11"),
    Impostor.TRUSTED: ("198.19.255.12", "2001:2:0:ffff::12"),
}
BLOCK_PAGE = "<html><title>Not available</title>This site is not available in your country.</html>"
DOMESTIC = {
    "name": "control-domestic",
    "title": "Domestic mirror",
    "kind": "control",
    "operator": "a domestic university",
    "scope": "domestic",
    "why": "Fast when only the international lines are slow.",
    "hosts": [DOMESTIC_HOST],
    "targets": [
        {
            "name": "object",
            "url": f"https://{DOMESTIC_HOST}/debian/dists/bookworm/InRelease",
            "min_bytes": "64KiB",
            "no_swap": "A control is neutral itself.",
            "no_decoy": "A control is neutral itself.",
        }
    ],
}
# Of three operators that speak QUIC, and two that do not; fewer, so that each is known sooner.
QUIC_CONTROLS = (
    "control-jquery",
    "control-cdnjs",
    "control-wordpress",
    "control-kernel",
    "control-debian",
)
LISTEN_PORT = 9880
# Who comes past the box has an address of another network.
CLIENT_NETWORK = "100.64."
# One of the resolvers that the default configuration measures, so there is one in the world.
NAMESERVER = "9.9.9.9"


class Pace(Struct, frozen=True, kw_only=True):
    """Intervals of the daemon's rounds, in seconds: short, so that a scenario takes a minute."""

    light: float = 2.0
    transfer: float = 4.0


PACE = Pace()


def settings(scenario: Scenario, pace: Pace, definitions: Path) -> dict[str, object]:
    """What the daemon's main file says beside its CA file."""
    vantages: list[dict[str, object]] = [{"name": HOME}]
    second = {"interface": SECOND_INTERFACE, "nameservers": [NAMESERVER]}
    if scenario.abroad:
        vantages.append({"name": ABROAD, "role": "reference", "country": "NO", **second})
    if scenario.neighbour:
        vantages.append({"name": NEIGHBOUR, **second})
    over_quic = {"controls": list(QUIC_CONTROLS)} if scenario.quic else {}
    sent = sent_to((*scenario.platforms, *QUIC_CONTROLS)) if scenario.upload else {}
    return {
        **over_quic,
        **sent,
        "quic": scenario.quic,
        "country": "TR",
        "listen": f"127.0.0.1:{LISTEN_PORT}",
        "vantages": vantages,
        "platforms": list(scenario.platforms),
        "definitions": str(definitions),
        # A month of such days is never meant.
        "data_budget": "100000GB/month",
        "dns": {"allow_private": True, "linger": 0.5},
        # A leg that hangs is cut sooner: what is judged is that it was cut, and how far it came.
        "legs": {"light_deadline": 4, "transfer_deadline": 8, "long_deadline": 16},
        "schedule": {
            "light": pace.light,
            "transfer": pace.transfer,
            "long": pace.transfer * 2 if scenario.long_reads else 86_400,
        },
    }


def sent_to(names: Sequence[str]) -> dict[str, object]:
    """What the main file says so that the servers of these definitions are sent bodies: a
    platform's if they answer a neutral name under its own certificate, too."""
    config = load(None, {"THROTTLEWATCH_CONTROLS": ",".join(QUIC_CONTROLS)})
    takes = {
        one.name: [
            target.name
            for target in one.targets
            if one.kind == "control"
            or (target.swap is not None and target.swap.answer is Answer.EXPECTED)
        ]
        for one in (*config.platforms, *config.controls)
    }
    overrides = {
        name: {"targets": [{"name": target, "upload": True} for target in takes[name]]}
        for name in names
        if takes[name]
    }
    return {"upload": True, "controls": list(QUIC_CONTROLS), "overrides": overrides}


def world_of(config: Config) -> WorldSpec:
    """The world of a configuration, and the impostors in it."""
    spec = world_for(config, address_counts=ADDRESS_COUNTS)
    names = [n for d in config.platforms for n in d.hosts]
    shown = {
        Impostor.OTHER_NAME: Certificate(names=("portal.lab.example",), file="portal.pem"),
        Impostor.UNTRUSTED: Certificate(names=tuple(names), file="nobody.pem", trusted=False),
        Impostor.TRUSTED: Certificate(names=tuple(names), file="national.pem"),
    }
    page = Object(text=BLOCK_PAGE, content_type="text/html; charset=utf-8")
    impostors = tuple(
        Site(
            name=f"impostor-{kind.value}",
            addresses=IMPOSTORS[kind],
            certificates=(certificate,),
            objects={ANY: {ANY: page}},
        )
        for kind, certificate in shown.items()
    )
    return structs.replace(spec, sites=(*spec.sites, *impostors))


def places_of(spec: WorldSpec) -> Places:
    """Where things are in a world."""
    others = tuple(address for address, _ in spec.resolvers if address != WORLD_ADDRESS)
    return Places(zone=spec.zone, impostors=IMPOSTORS, fingerprints=fingerprints, resolvers=others)


class Setting(Struct, frozen=True, kw_only=True):
    """A lab with everything that its scenario needs, before anything happens."""

    lab: Lab
    config: Config
    places: Places
    main_file: Path
    line: Line


@contextmanager
def setting(
    scenario: Scenario, kind: LineKind, *, random: Random, pace: Pace = PACE
) -> Iterator[Setting]:
    """The lab of a scenario on a line."""
    with tempfile.TemporaryDirectory(prefix="throttlewatch-lab-") as folder:
        definitions = Path(folder, "platforms")
        definitions.mkdir()
        yaml = YAML(typ="safe")
        if scenario.domestic:
            yaml.dump(DOMESTIC, definitions / "control-domestic.yaml")
        said = settings(scenario, pace, definitions)
        bare = Path(folder, "throttlewatch.yaml")
        yaml.dump(said, bare)
        config = load(bare, {})
        spec = structs.replace(world_of(config), quic=scenario.quic)
        places = places_of(spec)
        line = line_for(kind, random)
        path = BoxSpec(line=line, seed=random.getrandbits(32))
        second = scenario.abroad or scenario.neighbour
        with Lab(spec, path=path, second_uplink=second) as lab:
            yield Setting(
                lab=lab,
                config=config,
                places=places,
                main_file=lab.daemon_config(said),
                line=line,
            )


def changed_world(spec: WorldSpec, happens: tuple[model.Happening, ...]) -> WorldSpec:
    """The world once its servers answer as the scenario says."""
    for each in happens:
        match each:
            case model.Answers():
                made = partial(_object, each)
            case model.Pauses():
                made = partial(_paused, each)
            case _:
                continue
        sites = tuple(_site(site, each.hosts, made) for site in spec.sites)
        spec = structs.replace(spec, sites=sites)
    return spec


def _site(site: Site, hosts: tuple[str, ...], made: Callable[[Object], Object]) -> Site:
    objects = {
        host: {path: made(one) for path, one in paths.items()} if host in hosts else paths
        for host, paths in site.objects.items()
    }
    return structs.replace(site, objects=objects)


def _paused(pauses: model.Pauses, made: Object) -> Object:
    after = pauses.after_bytes
    if after is None:
        return structs.replace(made, mute=True, slow_for=CLIENT_NETWORK)
    return structs.replace(made, pauses_at=round(after.value), slow_for=CLIENT_NETWORK)


def _object(answers: model.Answers, made: Object) -> Object:
    rate = answers.bits_per_second
    made = structs.replace(
        made,
        latency_seconds=answers.latency_seconds.value,
        bytes_per_second=rate.value / 8 if rate is not None else 0.0,
        slow_for=CLIENT_NETWORK if answers.near_here else "",
    )
    if answers.status is None:
        return made
    return structs.replace(
        made,
        status=answers.status,
        location=answers.location,
        text=f"{answers.status}\n",
        content_type="text/plain",
    )


def gone(happens: tuple[model.Happening, ...], places: Places) -> tuple[str, ...]:
    """Addresses at which no server answers anybody."""
    hosts = [host for each in happens if isinstance(each, model.Gone) for host in each.hosts]
    return tuple(dict.fromkeys(a for host in hosts for a in places.zone[host]))


@contextmanager
def changed(scenario: Scenario, made: Setting, box: BoxControl, random: Random) -> Iterator[None]:
    """The box, the servers and the world's addresses as the scenario says, and then as before."""
    happens, lab, before = scenario.happens, made.lab, made.lab.spec
    line = made.line
    addresses = gone(happens, made.places)
    rules = rules_for(happens, made.places)
    after = changed_line(line, happens, random)
    if after != line:
        box.set_line(after)
    if rules:
        box.set_rules(rules)
    spec = changed_world(before, happens)
    if spec != before:
        lab.change_world(spec)
    lab.topology.silence_world(addresses)
    try:
        yield
    finally:
        lab.topology.unsilence_world(addresses)
        if spec != before:
            lab.change_world(before)
        if rules:
            box.set_rules([])
            # As when a line is reconnected: what was remembered is forgotten.
            box.forget()
        if after != line:
            box.set_line(line)
