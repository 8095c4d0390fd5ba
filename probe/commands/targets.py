"""``throttlewatch targets``: definitions that are updated without a release (docs/lists.md)."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import click

from probe import __version__
from probe.commands.bundling import bundle, handover, key, sign
from probe.commands.line_paces import paces
from probe.commands.options import config_option, load_config
from probe.config import ConfigErrors, load
from probe.config.bundle import (
    MOST_BYTES,
    Bundle,
    BundleRefusedError,
    Signers,
    judged,
    opened,
    shown_date,
)
from probe.config.bundle_places import beside, read_bundle, signers_of_settings
from probe.config.embedded import folder
from probe.config.evidence import older as old_evidence
from probe.config.handful import with_whole_pool
from probe.config.readable import Unreadable, read_text
from probe.config.schema import Config
from probe.config.shipped import all_shipped
from probe.store import files
from probe.store.bundle_install import HostChange, Installed, host_change, install

_FILE = click.argument("file", type=click.Path(path_type=Path))
_YES = click.option("--yes", is_flag=True, help="Do not ask, whatever hosts it changes.")
_RELOAD = "A daemon that runs uses it after a reload (systemctl reload throttlewatch)."


@click.group()
def targets() -> None:
    """Definitions that are updated without a release of the program: signed bundles.

    Whose bundles are used is written in the configuration (`targets.keys`); by default nobody's
    are, and no host is asked for any. docs/lists.md says how a group keeps its own list.
    """


for _command in (bundle, handover, key, paces, sign):
    targets.add_command(_command)


@targets.command()
@config_option
@click.option(
    "--older",
    type=click.IntRange(0, 1_200),
    metavar="MONTHS",
    help="List only what was last looked up more than so many months ago, or nobody knows when.",
)
def show(path: Path | None, older: int | None) -> None:
    """Say which definitions are used, and where each comes from. Sends nothing.

    With --older: which targets, of those that are configured and of all that ship, should be looked
    up again, as the evidence for them is old.
    """
    config = load_config(path)
    if older is not None:
        _show_older(config, older)
        return
    signers = signers_of_settings(config.settings)
    if signers is None:
        click.echo("no keys are trusted (targets.keys): the shipped definitions are used")
    elif config.bundle_trouble:
        click.echo(
            "the bundle that is installed is not used, the shipped definitions are: "
            f"{config.bundle_trouble}"
        )
    elif config.bundle is None:
        click.echo("no bundle is installed: the shipped definitions are used")
    else:
        for line in _about(config.bundle, time.time()):
            click.echo(line)
    if config.settings.targets.url is not None:
        click.echo(f"newer ones are looked for at {config.settings.targets.url}")
    for definition in (*config.platforms, *with_whole_pool(config).controls):
        click.echo(f"{definition.name}: {', '.join(definition.hosts)}")


def _show_older(config: Config, months: int) -> None:
    own = (*config.platforms, *with_whole_pool(config).controls)
    known = {definition.name for definition in own}
    others = (one for one in all_shipped(folder()) if one.name not in known)
    now = time.strftime("%Y-%m", time.gmtime())
    found = old_evidence((*own, *others), months, now)
    for one in found:
        when = one.month or "no month"
        click.echo(f"{when}  {one.definition}/{one.target}  {one.where}")
    if not found:
        click.echo(f"nothing was last looked up more than {months} month(s) ago")


@targets.command()
@_FILE
@config_option
def check(file: Path, path: Path | None) -> None:
    """Say whether the bundle in FILE would be used here, and what it would change. Sends nothing
    and installs nothing.

    The exit status is 1 if it would not be used.
    """
    config, signers = _trusting(path)
    history = files.readable_path(config.settings.store.path, os.environ)
    before = config.bundle
    if before is None and history is not None:
        before = read_bundle(beside(history), signers).bundle
    try:
        body = _body(file)
        found = opened(body, signers, known=() if before is None else before.handovers)
        for line in _about(found, time.time()):
            click.echo(line)
        new = judged(found, instead_of=before, now=time.time(), program=__version__)
        after = load(path, os.environ, bundle=found)
    except BundleRefusedError as error:
        raise click.ClickException(f"{file} is not used: {error}") from error
    except ConfigErrors as errors:
        raise click.ClickException(f"{file} is not used: it has mistakes\n{errors}") from errors
    _tell_change(host_change(config, after))
    click.echo("it would be used" if new else "it is in use")


@targets.command(name="install")
@_FILE
@config_option
@_YES
def install_file(file: Path, path: Path | None, yes: bool) -> None:
    """Use the bundle in FILE from now on.

    It must be signed by keys that the configuration names (`targets.keys`) and newer than the one
    in use. With `targets.confirm_hosts` the hosts that it changes are shown, and you are asked.
    The exit status is 1 if it is not used; then the one before is used on.
    """
    config, signers = _trusting(path)
    _take(_body(file), str(file), config, signers, path, yes)


@targets.command()
@config_option
@_YES
def update(path: Path | None, yes: bool) -> None:
    """Look for a newer bundle at `targets.url` now, and use it.

    It is asked for by the way of the vantage `targets.vantage`, as the daemon does. The exit status
    is 1 if none can be had, or it is not used.
    """
    from probe.measure.http.fetch import FetchTrouble, fetch, way_of

    config, signers = _trusting(path)
    of = config.settings.targets
    if of.url is None:
        raise click.ClickException("the configuration names no place to look at (targets.url)")
    got = asyncio.run(
        fetch(
            of.url,
            way_of(config, of.vantage),
            ca_file=of.ca_file or config.settings.ca_file,
            etag="",
            most_bytes=MOST_BYTES,
        )
    )
    if isinstance(got, FetchTrouble) or got.body is None:
        raise click.ClickException(f"no bundle can be had at targets.url: {got}")
    _take(got.body, "the bundle at targets.url", config, signers, path, yes)


def _take(
    body: bytes, what: str, config: Config, signers: Signers, path: Path | None, yes: bool
) -> None:
    history = files.writable_path(config.settings.store.path, os.environ)
    if history is None:
        raise click.ClickException("there is no history beside which it could be kept (store.path)")

    def agreed(bundle: Bundle, change: HostChange) -> bool:
        for line in _about(bundle, time.time()):
            click.echo(line)
        _tell_change(change)
        if yes or not change.any or not config.settings.targets.confirm_hosts:
            return True
        return click.confirm("Use it?")

    try:
        done: Installed = install(
            body,
            history,
            signers,
            tried=lambda found: load(path, os.environ, bundle=found),
            used=config,
            agreed=agreed,
            now=time.time(),
        )
    except BundleRefusedError as error:
        raise click.ClickException(f"{what} is not used: {error}") from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise click.ClickException(f"{history.parent}: it cannot be kept there: {why}") from error
    if done.waits:
        raise click.ClickException(f"{what} is not used: you did not agree to it")
    if not done.new:
        click.echo(f"version {done.bundle.version} is in use already")
        return
    click.echo(f"version {done.bundle.version} is installed. {_RELOAD}")


def _trusting(path: Path | None) -> tuple[Config, Signers]:
    config = load_config(path)
    signers = signers_of_settings(config.settings)
    if signers is None:
        raise click.ClickException(
            "the configuration trusts no keys: name those of whoever keeps the list (targets.keys)"
        )
    return config, signers


def _body(file: Path) -> bytes:
    try:
        return read_text(file).encode()
    except Unreadable as error:
        raise click.ClickException(f"{file}: {error}") from error


def _about(found: Bundle, now: float) -> list[str]:
    passed = " (it has passed)" if found.expired(now) else ""
    return [
        f"bundle {found.version}, {len(found.files)} file(s), for throttlewatch "
        f"{found.least_program} and later",
        f"expires: {shown_date(found.expires)}{passed}",
        f"signed by {len(found.signed_by)} of {len(found.signers.keys)} key(s), "
        f"{found.signers.threshold} needed:",
        *(f"  {key}" for key in found.signed_by),
    ]


def _tell_change(change: HostChange) -> None:
    if not change.any:
        click.echo("it changes no host that is contacted")
    for host in change.added:
        click.echo(f"  + {host}  would be contacted")
    for host in change.gone:
        click.echo(f"  - {host}  would no longer be contacted")
