"""How to see the daemon's page, also from another computer: said when it starts."""

from __future__ import annotations

from probe.commands.asking import url_of
from probe.config.schema import Config

_LOOPBACK = ("127.", "[::1]", "localhost")


def how_to_see(config: Config) -> str:
    """One or two sentences, with the address that this configuration gives."""
    url = url_of(config)
    port = url.rpartition(":")[2]
    if port == "0":
        return "The page is at the port that the log says."
    said = f"The page: {url}/"
    if config.settings.listen.startswith(_LOOPBACK):
        return (
            f"{said} on this machine. From another computer: `ssh -L {port}:127.0.0.1:{port} "
            "THIS-MACHINE`, and the same address there; or with a password (docs/install.md)."
        )
    return f"{said}, and at the same port of this machine's addresses."
