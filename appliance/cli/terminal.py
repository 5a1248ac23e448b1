"""What the commands print: text for people, JSON for programs, errors as what, why, do this."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from appliance.config import unknown_variables
from appliance.errors import ApiError, HomeportError


class PortTakenError(HomeportError):
    """Another program listens on the port that was asked for."""

    exit_code = 5


class CommandFailed(HomeportError):
    """The command could not do what it was asked for."""


class UnknownCommand(HomeportError):
    """There is no such command, option or argument."""

    exit_code = 2


def say(text: str = "") -> None:
    """One line for whoever started the command."""
    click.echo(text)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(rows: Sequence[Mapping[str, str]], columns: Iterable[str]) -> None:
    """Columns as wide as their widest cell; the last one runs free."""
    names = list(columns)
    table = [[name.upper() for name in names], *([row[name] for name in names] for row in rows)]
    widths = [max(len(line[index]) for line in table) for index in range(len(names))]
    for line in table:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        say("  ".join(cells).rstrip())


def print_error(error: HomeportError, as_json: bool) -> None:
    """The error on stderr."""
    if as_json:
        answer = {"error": error.message, "hint": error.hint, "exit": error.exit_code, **field_errors(error)}
        click.echo(json.dumps(answer, ensure_ascii=False), err=True)
        return
    click.secho("Error: ", fg="red", bold=True, err=True, nl=False)
    click.echo(error.message, err=True)
    for name, text in field_errors(error).get("fields", {}).items():
        click.echo(f"  {name:<8} {text}", err=True)
    if error.hint:
        click.echo(f"  Do this  {error.hint}", err=True)


def warn_of_unknown_variables() -> None:
    """Name HOMEPORT_* variables that nothing reads."""
    for name in unknown_variables(os.environ):
        click.echo(f"Warning: nothing reads the environment variable {name}. See run.py config.", err=True)


def field_errors(error: HomeportError) -> dict[str, dict[str, str]]:
    """`{"fields": {"password": "Must be ..."}}` of a refused record; empty for every other error."""
    if not isinstance(error, ApiError) or not error.data:
        return {}
    return {"fields": {name: getattr(entry, "message", str(entry)) for name, entry in error.data.items()}}
