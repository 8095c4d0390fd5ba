"""The manual page and the shells' completions, made from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from probe import __version__

NAME = "throttlewatch"
_WIDTH = 500  # One line each: the reader of the page folds them.
# The names under which the shells look for them.
_SHELLS: dict[str, type[ShellComplete]] = {
    NAME: BashComplete,
    f"_{NAME}": ZshComplete,
    f"{NAME}.fish": FishComplete,
}
_FILES = """.SH FILES
.TP
.I /etc/throttlewatch/throttlewatch.yaml
The configuration of the service. Without one the embedded default is used.
.TP
.I /var/lib/throttlewatch
The history of the service, which nobody else may read.
.SH ENVIRONMENT
.TP
.B THROTTLEWATCH_CONFIG
The configuration file, for every command that takes \\fB\\-\\-config\\fR.
.TP
.BI THROTTLEWATCH_ KEY
A key of the configuration, such as THROTTLEWATCH_LISTEN=127.0.0.1:9881.
.SH EXIT STATUS
0 when all went well, 1 when something could not be done, 2 when the command or the configuration is
wrong. \\fBonce\\fR and \\fBnow\\fR have more: see their help.
"""


def completions(commands: click.Command) -> Iterator[tuple[str, str]]:
    """A file's name, and what a shell reads from it."""
    for name, shell in _SHELLS.items():
        # As ShellComplete.source; that of bash starts a bash to see how old it is.
        told = shell(commands, {}, NAME, f"_{NAME.upper()}_COMPLETE")
        text = told.source_template % told.source_vars()
        yield name, text.strip() + "\n"


def manual_page(commands: click.Command) -> str:
    """The page of section 1 as troff's macros for manual pages, one part for each command."""
    context = click.Context(commands, info_name=NAME, max_content_width=_WIDTH)
    lines = [
        f'.TH {NAME.upper()} 1 "" "{NAME} {__version__}" "User commands"',
        ".SH NAME",
        f"{NAME} \\- is this line's traffic to some platforms being slowed down?",
        ".SH SYNOPSIS",
        f".B {NAME}",
        ".I COMMAND\n.RI [ OPTIONS ]",
        ".SH DESCRIPTION",
        *_paragraphs(commands.help or ""),
        ".SH COMMANDS",
    ]
    assert isinstance(commands, click.Group)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        if command is not None and not command.hidden:
            lines += _command(command, context, name)
    return "\n".join(lines) + "\n" + _FILES


def _command(command: click.Command, above: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, above, name)
    pieces = " ".join(command.collect_usage_pieces(context))
    title = context.command_path.partition(" ")[2]
    yield f'.SS "{_escaped(f"{title} {pieces}")}"'
    yield from _paragraphs(command.help or "")
    for param in command.get_params(context):
        told = param.get_help_record(context)
        if isinstance(param, click.Option) and told is not None and param.name != "help":
            yield f".TP\n.B {_escaped(told[0])}"
            yield _escaped(told[1]) or "\\&"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            below = command.get_command(context, inner)
            if below is not None:
                yield from _command(below, context, inner)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.replace("\b", "").strip()):
        yield ".PP"
        yield _escaped(" ".join(paragraph.split()))


def _escaped(text: str) -> str:
    """So that troff takes it as it is: its own marks, and a point or a quote that begins a line."""
    told = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{told}" if told.startswith((".", "'")) else told
