"""The web configuration: TLS and passwords of the server, in the format of exporter-toolkit.

One file serves throttlewatch and the exporters beside it. What this server cannot do (cipher lists,
curves, other client certificates than required ones) is a mistake and not ignored: a setting for
safety that does nothing is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from probe.config.document import Node, parse
from probe.config.errors import ConfigError
from probe.config.readable import Unreadable, read_text
from probe.config.schema import HttpServer, TlsServer, WebConfig
from probe.config.walk import Check, Walker

# RFC 9110, 5.1 and 5.5; a value beyond ASCII means another text to every reader.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]{0,4000}[!-~])?)?")
# They say how an answer is sent and what is in it; a second one makes it unreadable.
_OURS = frozenset(
    {
        *("connection", "date", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("content-encoding", "content-length", "content-type", "www-authenticate"),
    }
)
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")


def load_web(file: Path) -> tuple[WebConfig | None, list[ConfigError]]:
    """The web configuration in ``file``, and what is wrong with it. Hashes are never shown."""
    try:
        text = read_text(file)
    except Unreadable as error:
        return None, [
            ConfigError(file=str(file), line=0, key="", found=str(error), expected="a YAML file")
        ]
    node, mistakes = parse(text, str(file))
    if node is None or mistakes:
        return None, list(mistakes)
    walker = Walker(_CHECKS)
    made = walker.build(node, WebConfig)
    if walker.errors:
        return None, walker.errors
    web: WebConfig = made
    if web.tls_server_config is not None:
        tls = web.tls_server_config
        web = replace(
            web,
            tls_server_config=replace(
                tls,
                cert_file=str(file.parent / tls.cert_file),
                key_file=str(file.parent / tls.key_file),
                client_ca_file=str(file.parent / tls.client_ca_file) if tls.client_ca_file else "",
            ),
        )
    return web, []


def _check_web(web: WebConfig, node: Node) -> Iterator[ConfigError]:
    for user, digest in web.basic_auth_users.items():
        place = node.find("basic_auth_users", user)
        if not _BCRYPT.fullmatch(digest):
            yield place.error(
                found="another text (not shown: it may be a password)",
                expected="a bcrypt hash, as `throttlewatch password NAME` prints it",
            )
        if ":" in user or not user:
            yield place.error(found="a name with a colon, or none", expected="a user's name")


def _check_tls(tls: TlsServer, node: Node) -> Iterator[ConfigError]:
    required = tls.client_auth_type == "RequireAndVerifyClientCert"
    if required != bool(tls.client_ca_file):
        yield node.find("client_ca_file").error(
            found="client_ca_file without RequireAndVerifyClientCert, or the reverse",
            expected="both or neither",
        )


def _check_http(http: HttpServer, node: Node) -> Iterator[ConfigError]:
    """What the server could not send would leave it mute."""
    for name, value in http.headers.items():
        place = node.find("headers", name)
        if not _NAME.fullmatch(name):
            yield place.error(
                found="a header's name with other characters",
                expected="letters, digits and -, such as X-Frame-Options",
            )
        elif name.lower() in _OURS:
            yield place.error(
                found=f"the header {name}, which the server sets itself",
                expected="another header, such as X-Frame-Options",
            )
        if not _VALUE.fullmatch(value):
            yield place.error(
                found="a value with a line's end, other control characters, spaces around it, or "
                "letters beyond ASCII",
                expected="one line of ASCII, of at most 4,000 characters",
            )


_CHECKS: Mapping[type[Struct], Check] = {
    WebConfig: _check_web,
    TlsServer: _check_tls,
    HttpServer: _check_http,
}
