"""What curl sees of a platform: the scenario without us."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from lab.lab import Lab
from lab.world.content import PAGES
from probe.config.candidates import candidates_of
from probe.config.definition import Target
from probe.config.schema import Config
from probe.model.identity import Compares

READ_BYTES = 65_536
MOST_SECONDS = 8
# The probe says hello as curl does by itself: so curl is made to be another stack here.
OTHER_HELLO = ("--curves", "X25519:P-256")
FORMAT = (
    '{"code": "%{http_code}", "bytes": %{size_download}, "seconds": %{time_total}, '
    '"tls": %{time_appconnect}, "exit": %{exitcode}}'
)


class Seen(Struct, frozen=True, kw_only=True):
    """One download of at most 64 KiB: status (``000``: none), body bytes, seconds until its end and
    until the end of its TLS handshake, curl's exit status."""

    code: str
    bytes: int
    seconds: float
    tls: float
    exit: int

    def text(self) -> str:
        """In a few words."""
        error = f", curl error {self.exit}" if self.exit else ""
        if not self.bytes:
            code = "nothing" if self.code == "000" else self.code
            return f"{code} in {self.seconds:.1f} s{error}"
        rate = self.bytes * 8 / max(self.seconds - self.tls, 1e-3) / 1_000
        return f"{self.code}, {self.bytes >> 10} KiB at {rate:.0f} kbit/s{error}"


def reads(config: Config, platform: str) -> Target:
    """The target of a platform that is read."""
    definition = next(p for p in config.platforms if p.name == platform)
    found = next(t for t in definition.targets if t.compares is Compares.GOODPUT)
    return candidates_of(found)[0]


def command(target: Target, ca_file: str) -> list[str]:
    """The command line that fetches what a target fetches, under its name."""
    url = target.url or (PAGES[target.discover.page].link if target.discover else "")
    parts = urlsplit(url)
    host = parts.hostname or ""
    name, place = target.sni or host, target.connect_to or host
    made = [
        "curl",
        *OTHER_HELLO,
        "-sS",
        "--max-time",
        str(MOST_SECONDS),
        "-o",
        "/dev/null",
        "-w",
        FORMAT,
    ]
    made += ["-r", f"0-{READ_BYTES - 1}", "-H", f"Host: {target.host or host}"]
    made += ["--connect-to", f"{name}:443:{place}:443", "--cacert", ca_file]
    return [*made, parts._replace(netloc=name).geturl()]


def look(lab: Lab, target: Target) -> Seen:
    """Fetch it once, as the client."""
    done = lab.exec(command(target, str(lab.ca_file)))
    return msgspec.json.decode(done.stdout, type=Seen)
