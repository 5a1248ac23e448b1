"""Commands that only look: config, routes, hooks, version."""

from __future__ import annotations

import platform
import sys
from typing import Any

import click

from appliance import __version__
from appliance.cli.options import Config, examples, json_option, takes
from appliance.cli.terminal import print_json, print_rows, say, warn_of_unknown_variables
from appliance.config import OPTIONS, shown

ALL_OPTIONS = tuple(option.name for option in OPTIONS)


@click.command(name="config", epilog=examples("run.py config", "HOMEPORT_HTTP=:80 run.py config --json"))
@takes(*ALL_OPTIONS)
@json_option
def config(config: Config, as_json: bool) -> None:
    """Show every option: its value and where it came from."""
    rows = shown(config)
    if as_json:
        print_json(rows)
        return
    print_rows(rows, ("option", "value", "source", "help"))
    warn_of_unknown_variables()


@click.command(epilog=examples("run.py version", "run.py version --json"))
@json_option
def version(as_json: bool) -> None:
    """Show the versions of Homeport, Python and SQLite."""
    from appliance.storage.sqlite_library import sqlite_version

    versions = {
        "homeport": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "interpreter": sys.executable,
    }
    if as_json:
        print_json(versions)
        return
    for name, value in versions.items():
        say(f"{name:<12} {value}")


@click.command(epilog=examples("run.py routes", "run.py routes --json"))
@json_option
def routes(as_json: bool) -> None:
    """List every route of the wire: method, path, who may, handler."""
    from appliance.http.routes import ROUTES

    rows = [
        {"method": route.method, "path": route.path, "who": str(route.who), "handler": handler_name(route.handler)}
        for route in ROUTES
    ]
    if as_json:
        print_json(rows)
        return
    print_rows(rows, ("method", "path", "who", "handler"))


def handler_name(function: Any) -> str:
    """`api.records.list_records`: where to read on."""
    return f"{function.__module__}.{function.__qualname__}".removeprefix("appliance.")


@click.command(epilog=examples("run.py hooks", "run.py hooks --json"))
@takes("dir")
@json_option
def hooks(config: Config, as_json: bool) -> None:
    """List who hangs on which event, in running order."""
    from appliance.cli.superuser import opened

    with opened(config) as app:
        rows = [
            {
                "event": binding.event,
                "priority": str(binding.priority),
                "owner": binding.owner,
                "function": handler_name(binding.function),
                "collections": ", ".join(sorted(binding.collections)) or "all",
            }
            for binding in app.hooks.bindings()
        ]
    if as_json:
        print_json(rows)
        return
    print_rows(rows, ("event", "priority", "owner", "function", "collections"))
