"""THE list of commands, in the order of `--help`."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from appliance import __version__
from appliance.cli import development, imports, look, serve, superuser
from appliance.cli.options import examples
from appliance.cli.terminal import CommandFailed, UnknownCommand, print_error
from appliance.errors import HomeportError

COMMANDS: tuple[click.Command, ...] = (
    serve.serve,
    superuser.superuser,
    imports.import_pocketbase,
    look.config,
    look.routes,
    look.hooks,
    look.version,
    *((development.test, development.lock, development.docs) if development.is_checkout() else ()),
)


class InOrder(click.Group):
    """Lists the commands as COMMANDS does, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which they were added."""
        return list(self.commands)


@click.group(
    cls=InOrder,
    epilog=examples(
        "run.py                                          serve on port 8090, data in data/",
        "run.py superuser upsert me@example.com SECRET   make an administrator",
        "run.py serve --help                             one command's options",
    ),
)
@click.version_option(__version__, prog_name="homeport", message="%(prog)s %(version)s")
def program() -> None:
    """Homeport: a mobile backend on your own box. Without a command it serves."""


for each in COMMANDS:
    program.add_command(each)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line; every way of failing becomes a message on stderr and an exit status."""
    as_json = "--json" in arguments
    try:
        status = program.main(list(arguments), prog_name=program_name(), standalone_mode=False)
        return status if isinstance(status, int) else 0
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        return 130
    except click.ClickException as error:
        return report(usage_error(error), as_json)
    except HomeportError as error:
        return report(error, as_json)
    except BrokenPipeError:
        return quiet_broken_pipe()


def report(error: HomeportError, as_json: bool) -> int:
    """Print the error; its exit status."""
    print_error(error, as_json)
    return error.exit_code


def program_name() -> str:
    """How this program was started, for usage lines."""
    return "run.py" if development.is_checkout() else "homeport"


def usage_error(error: click.ClickException) -> HomeportError:
    """Click's error as ours: what is wrong, and the nearest command or the command's help."""
    if not isinstance(error, click.UsageError):
        return CommandFailed(error.format_message())
    path = error.ctx.command_path if error.ctx else program_name()
    if isinstance(error, click.NoSuchCommand) and error.ctx and isinstance(error.ctx.command, click.Group):
        return unknown_command(error, error.ctx.command, path)
    return UnknownCommand(error.format_message(), f"See {path} --help.")


def unknown_command(error: click.NoSuchCommand, group: click.Group, path: str) -> UnknownCommand:
    """An error that offers the nearest command."""
    import difflib

    name = error.command_name
    near = difflib.get_close_matches(name, group.commands, n=1, cutoff=0.5)
    hint = f"Did you mean {path} {near[0]}?" if near else f"Commands: {', '.join(group.commands)}."
    return UnknownCommand(f"There is no command {name!r}.", hint)


def quiet_broken_pipe() -> int:
    """The reader has gone (`run.py config | head -1`): end without a stack trace at the interpreter's exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0
