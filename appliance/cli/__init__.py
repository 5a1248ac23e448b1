"""The command line: `run.py COMMAND`, or `homeport COMMAND` once installed. Without a command it serves.

Exit status: 0 ok, 1 failed, 2 usage, 3 bad configuration, 4 data newer than the program, 5 port taken,
6 already running, 130 Ctrl+C. Every error goes to stderr as what happened, why, and what to do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

OWN_FLAGS = ("--help", "--version")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    arguments = with_default_command(list(sys.argv[1:] if argv is None else argv))
    if wants_colour(arguments):
        use_rich_help()
    from appliance.cli.commands import run_command

    return run_command(arguments)


def with_default_command(arguments: list[str]) -> list[str]:
    """`run.py` and `run.py --http ...` mean `run.py serve ...`."""
    names_command = arguments and (not arguments[0].startswith("-") or arguments[0] in OWN_FLAGS)
    return arguments if names_command else ["serve", *arguments]


def wants_colour(arguments: Sequence[str]) -> bool:
    """Whether a person at a terminal asks for help: nobody else pays the 100 ms that rich takes to load."""
    return "--help" in arguments and sys.stdout.isatty() and "NO_COLOR" not in os.environ


def use_rich_help() -> None:
    """Let click's commands be rich-click's. Must come before the commands are defined."""
    from rich_click import rich_click
    from rich_click.patch import patch

    patch()
    rich_click.THEME = "green1-slim"
