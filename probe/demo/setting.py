"""What the daemon is told: an ordinary configuration, in an ordinary folder, and a private CA.

The authority is made anew at each start, is trusted by this one configuration only, and goes with
the folder.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path

import msgspec

from probe.config.folders import HISTORY
from probe.demo.cast import COUNTRY, LINES, NEUTRAL_NAME, SITES, Site

READ_BYTES = 16_384
CA_FILE = "authority.pem"
LEAF_FILE = "leaf.pem"
MAIN_FILE = "throttlewatch.yaml"
_VALID = datetime.timedelta(days=2)


class AuthorityError(Exception):
    """The library that makes certificates is not installed; the text says how to get it."""


def make_certificates(folder: Path) -> Path:
    """Write a new authority and a certificate for every name; the latter's file.

    Raises ``AuthorityError``.
    """
    try:
        # Only the demo makes certificates; the daemon on a small machine does without the library.
        import trustme
    except ImportError:
        raise AuthorityError(
            "the demo makes its own certificates, for which the library trustme is missing: "
            "install the extra `demo`, or use `sh tools/run demo`"
        ) from None
    until = datetime.datetime.now(datetime.UTC) + _VALID
    authority = trustme.CA()
    leaf = authority.issue_cert(*_names(SITES), not_after=until)
    authority.cert_pem.write_to_path(str(folder / CA_FILE))
    file = folder / LEAF_FILE
    file.touch(mode=0o600)
    leaf.private_key_and_cert_chain_pem.write_to_path(str(file))
    return file


def _names(sites: Iterable[Site]) -> list[str]:
    return [*(site.host for site in sites), NEUTRAL_NAME]


def write_configuration(
    folder: Path, *, port: int, listen: str, speed: float, keep: bool = False
) -> Path:
    """Write the main file and the definitions of platforms and controls; the main file's path.

    ``port`` is the relay's. With ``keep`` a history is kept beside them. JSON is YAML, so the files
    are written as JSON.
    """
    definitions = folder / "platforms"
    definitions.mkdir()
    for site in SITES:
        _write(definitions / f"{site.name}.yaml", _definition(site, port, keep=keep))
    main = folder / MAIN_FILE
    _write(main, _main(listen, speed, HISTORY if keep else None))
    return main


def _main(listen: str, speed: float, history: str | None) -> dict[str, object]:
    # Rounds that convict take a vantage several seconds each, and there are four platforms: with
    # much shorter intervals the first verdict would be stale before the last one is there. With
    # longer ones the calm has too few rounds for what is normal to be known well.
    interval = max(1.0, 8.0 / speed)
    return {
        "country": COUNTRY,
        "listen": listen,
        "acknowledge_risks": True,
        "ca_file": CA_FILE,
        "vantages": [
            {
                "name": line.name,
                "country": line.country,
                "asn": line.asn,
                "access": line.access,
                "role": line.role,
                "source_address": line.source,
            }
            for line in LINES
        ],
        "platforms": [site.name for site in SITES if not site.is_control],
        "controls": [site.name for site in SITES if site.is_control],
        "schedule": {"light": interval, "transfer": interval},
        "data_budget": "1000GB/month",
        # Its servers speak it as little as its relay, whatever is installed.
        "quic": False,
        "store": {"path": history},
        # Ten minutes in earnest; a demo of two cannot wait so long. (Half a minute is the least.)
        "nation": {"hold": 0},
        "legs": {
            "light_bytes": 1_024,
            "transfer_bytes": READ_BYTES,
            "light_deadline": 5,
            "transfer_deadline": 10,
        },
        "dns": {"system": False, "resolvers": [], "allow_private": True},
        "resolve": {site.host: site.addresses for site in SITES},
    }


def _definition(site: Site, port: int, *, keep: bool) -> dict[str, object]:
    target: dict[str, object] = {
        "name": "object",
        "url": f"https://{site.host}:{port}/object",
        "min_bytes": READ_BYTES,
    }
    if site.is_control:
        target |= {"no_swap": "A control is neutral itself.", "no_decoy": "The same."}
    else:
        swap = {
            "why": "The same server under a name that nobody slows.",
            "sni": NEUTRAL_NAME,
            "compares": "goodput",
            "min_bytes": READ_BYTES,
        }
        target |= {"swap": swap, "no_decoy": "The demo has no beacon."}
    return {
        "name": site.name,
        # What is kept can be quoted: each sentence says what it is about.
        "title": f"Demo of {site.title}" if keep else site.title,
        "kind": "control" if site.is_control else "platform",
        "operator": site.operator,
        "scope": site.scope,
        "why": "Plays in the demo, at an address of this machine.",
        "hosts": [site.host, NEUTRAL_NAME],
        "targets": [target],
    }


def _write(file: Path, content: dict[str, object]) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2))
