"""The group of all commands: where they are, and what any of them may meet."""

from __future__ import annotations

import sys
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from probe.commands.output import refused_by_machine, write_any_letter, write_whole
from probe.measure.tls.trust import TrustError
from probe.model.foreign import printable

# Commands that have a module of their own. The daemon lives with what it imports for months, so
# what only they need (tables, pages, the demo) is imported when one of them is asked for.
ELSEWHERE = {
    "backup": "backup",
    "beacon": "beacon",
    "check": "check",
    "demo": "demo",
    "drill": "drill",
    "explain": "explain",
    "export": "export",
    "files": "files",
    "history": "history",
    "hub": "hub",
    "incidents": "history",
    "init": "init",
    "join": "join",
    "nation": "nation",
    "notify": "notify",
    "now": "now",
    "once": "once",
    "outside": "outside",
    "password": "password",
    "plan": "plan",
    "platforms": "platforms",
    "report": "report",
    "rules": "rules",
    "targets": "targets",
    "verify": "verify",
    "wipe": "wipe",
}


class Commands(click.Group):
    """Finds the commands that are elsewhere; says in one sentence why no certificate can be
    believed, whatever the command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*super().list_commands(ctx), *ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported if need be."""
        if cmd_name in ELSEWHERE and cmd_name not in self.commands:
            module = import_module(f"probe.commands.{ELSEWHERE[cmd_name]}")
            self.add_command(getattr(module, cmd_name))
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named first; a misspelt one is answered with that which is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            meant = get_close_matches(args[0].lower(), self.list_commands(ctx), n=1)
            if not meant:
                raise
            ctx.fail(f"{error.message.rstrip('.')}; did you mean {meant[0]}?")

    def main(self, *args: Any, **more: Any) -> Any:
        """Run it. What the machine refuses (a full disk under standard output, no descriptors) is
        told in one sentence."""
        write_any_letter()
        write_whole()
        try:
            try:
                return super().main(*args, **more)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except OSError as error:
            with suppress(OSError):
                refused_by_machine(error).show()
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. What a mistake quotes of files and answers commands no terminal."""
        try:
            return super().invoke(ctx)
        except TrustError as error:
            raise click.ClickException(str(error)) from error
        except click.ClickException as error:
            if (said := printable(error.message)) == error.message:
                raise
            if isinstance(error, click.UsageError):
                raise click.UsageError(said, error.ctx) from error
            raise click.ClickException(said) from error
