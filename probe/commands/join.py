"""``throttlewatch join``: take part in a fleet with a line from its hub."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from probe.commands.hub import at_hub
from probe.commands.new_files import checked, tell_hosts, what_keeps_watching, written
from probe.commands.output import tell
from probe.commands.risk import RISK
from probe.config.errors import redact
from probe.config.readable import home_of, must_be_file
from probe.config.schema import Config, VantageConfig
from probe.hub.welcome import JOIN_PATH, Welcome
from probe.measure.http.fetch import FetchTrouble, hand_in
from probe.model.foreign import read_json
from probe.publish.terminal.console import console

SECONDS = 30.0
# A welcome has some hundred bytes.
MOST_BYTES = 16_384
CREDENTIAL = "hub-credential"
# What is told beside the rest, where it is asked for.
ROUNDS = (
    " It would also get each round as an export has it: times, sizes, addresses of servers and the "
    "sites that yours is compared with, by which whoever runs your network could find your line."
)


@click.command()
@click.argument("line")
@click.argument("file", type=click.Path(path_type=Path), default="throttlewatch.yaml")
@click.option("--ca-file", type=click.Path(path_type=Path), help="Whose certificates are believed.")
@click.option(
    "--send-rounds", is_flag=True, help="Send the hub each round, too, as an export has it."
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: the risks are known.")
def join(line: str, file: Path, ca_file: Path | None, send_rounds: bool, yes: bool) -> None:
    """Take part in a fleet: LINE is the invitation of its hub, FILE the new configuration.

    The hub says what this vantage is called and where it is; nothing is told to it but the
    invitation. Before anything is sent you see what that means, and afterwards every host that
    would be contacted. An invitation works once.
    """
    url, secret = invitation_parts(line)
    file = home_of(str(file))
    credential = file.parent / CREDENTIAL
    for path in (file, credential):
        if path.exists():
            raise click.ClickException(f"{path} is there already: give another name or folder")
    if not os.access(file.parent if file.parent.exists() else file.parent.parent, os.W_OK):
        raise click.ClickException(f"cannot write into {file.parent}: nothing was sent")
    tell(
        f"{RISK}\n\nThis line would send what it measures to {urlsplit(url).netloc}, which then "
        "knows that it measures, and by its address where it is. That hub may change how often is "
        "measured, leave platforms out and ask for a few rounds now, as far as the file that is "
        "written lets it; it can name no host." + (ROUNDS if send_rounds else "")
    )
    if not yes:
        if not sys.stdin.isatty():
            raise click.ClickException("nobody can be asked; with --yes the risks are known")
        click.confirm("Go on?", abort=True, err=True)
    welcome = _welcomed(url, secret, ca_file)
    # First of all: the invitation is used, and this is shown once.
    _keep(credential, welcome.credential)
    text = _configuration(url, welcome, credential, ca_file, send_rounds)
    config = checked(file, {file: text})
    written({file: text})
    _say_what_follows(config, file, welcome)


def invitation_parts(line: str) -> tuple[str, str]:
    """The hub's URL and the invitation. Raises ``click.ClickException``."""
    url, mark, secret = line.strip().rpartition("#")
    if not mark or not secret:
        raise click.ClickException(
            f"{line!r} is no invitation; expected one such as https://hub.example.org/#…"
        )
    if any(map(str.isspace, url + secret)):
        raise click.ClickException(
            f"there is a blank in {redact(url)!r} or behind its #: an invitation has none; paste "
            "all of it as one line"
        )
    return at_hub(url), secret


def _welcomed(url: str, secret: str, ca_file: Path | None) -> Welcome:
    """Asks the hub, once. No proxy or certificates of the environment."""
    try:
        if ca_file is not None:
            must_be_file(ca_file)
        ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise click.ClickException(f"{ca_file}: {error.strerror or error}") from error
    answer = asyncio.run(
        hand_in(
            url + JOIN_PATH,
            VantageConfig(name="default"),
            msgspec.json.encode({"invitation": secret}),
            headers={"Content-Type": "application/json"},
            ca_file=None if ca_file is None else str(ca_file),
            most_bytes=MOST_BYTES,
            seconds=SECONDS,
        )
    )
    if isinstance(answer, FetchTrouble) and answer is not FetchTrouble.TOO_LARGE:
        raise click.ClickException(
            f"{url} cannot be reached ({answer.value}); the invitation may still be used"
        )
    status = 200 if isinstance(answer, FetchTrouble) else answer.status
    if status == 403:
        raise click.ClickException(
            "the hub does not know this invitation, or it was used, or it is out of date: ask for "
            "another"
        )
    try:
        if status != 200 or isinstance(answer, FetchTrouble):
            raise ValueError(status)
        return read_json(answer.body, Welcome)
    except ValueError as error:
        raise click.ClickException(
            f"{url} does not answer as a hub (status {status}): is the line whole?"
        ) from error


def _keep(path: Path, secret: str) -> None:
    """Readable for the owner alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(secret + "\n")
    except OSError as error:
        raise click.ClickException(
            f"cannot write {path}: {error.strerror}; the invitation is used, ask for another"
        ) from error


def _configuration(
    url: str, welcome: Welcome, credential: Path, ca_file: Path | None, send_rounds: bool
) -> str:
    """The main file. JSON's texts are YAML's."""
    lines = [
        "# Made by `throttlewatch join`. A key that is not here has its default;",
        "# docs/configuration.md has all of them. The hub says where this vantage is, whatever",
        "# is written here.",
        f"country: {json.dumps(welcome.country)}",
        "vantages:",
        f"  - name: {json.dumps(welcome.vantage)}",
        f"    access: {json.dumps(welcome.access)}",
        f"    role: {json.dumps(welcome.role)}",
        f"    asn: {json.dumps(welcome.asn)}",
        f"    upstream: {json.dumps(welcome.upstream)}",
        "forward:",
        f"  url: {json.dumps(url + welcome.write_path)}",
        f"  bearer_token_file: {json.dumps(str(credential.resolve()))}",
        f"  external_labels: {json.dumps({'instance': welcome.vantage})}",
        *([] if ca_file is None else [f"  ca_file: {json.dumps(str(ca_file.resolve()))}"]),
        *_hub(url, welcome, credential, ca_file, send_rounds),
        "# Somebody said yes to the risks when this was made.",
        "acknowledge_risks: true",
    ]
    return "\n".join(lines) + "\n"


def _hub(
    url: str, welcome: Welcome, credential: Path, ca_file: Path | None, send_rounds: bool
) -> list[str]:
    may = ["schedule", "platforms", "rounds", *(["targets"] if welcome.target_keys else [])]
    lines = [
        "# What the hub may set here: how often is measured, which of the own platforms, a few",
        "# rounds now, and definitions that `targets.keys` have signed. It can name no host. Take",
        "# out what it shall not set; [] is nothing.",
        "hub:",
        f"  url: {json.dumps(url)}",
        f"  credential_file: {json.dumps(str(credential.resolve()))}",
        f"  may_set: [{', '.join(may)}]",
        *(["  send_rounds: true"] if send_rounds else []),
        *([] if ca_file is None else [f"  ca_file: {json.dumps(str(ca_file.resolve()))}"]),
    ]
    if welcome.target_keys:
        lines += [
            "targets:",
            f"  keys: {json.dumps(welcome.target_keys)}",
            f"  threshold: {welcome.target_threshold}",
            "  # A bundle that changes which hosts are contacted waits until you have seen which.",
            "  confirm_hosts: true",
        ]
    return lines


def _say_what_follows(config: Config, file: Path, welcome: Welcome) -> None:
    out = console()
    out.print(f"This vantage is called {welcome.vantage}. Written: {file}.\n", soft_wrap=True)
    tell_hosts(config, out)
    out.print("\nNext:")
    out.print(f"  1. throttlewatch check --online -c {file}   asks each of these hosts once")
    out.print(f"  2. {what_keeps_watching(file)}              keeps watching, and tells the hub")
