"""Writes the pages of docs/reference from the tables in the code, so that they can't say anything else.

One function a page. `run.py docs` writes them; a test fails when one is not up to date.
"""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.config import FILE_NAME, OPTIONS

if TYPE_CHECKING:
    from appliance.core.fields import Field

NOTE = "<!-- Written by `run.py docs` from the tables in the code. Change those, not this page. -->"
LOCKS = Path(__file__).resolve().parents[2] / "packaging" / "locks"

EXIT_STATUSES = (
    ("0", "done"),
    ("1", "the command failed; stderr says why"),
    ("2", "wrong usage: an unknown command or option, a missing argument"),
    ("3", "bad configuration: an option's value, the data folder, an SQLite library that is too old"),
    ("4", "the data folder was written by a newer version"),
    ("5", "the port is taken by another program"),
    ("6", "another server holds the data folder"),
    ("130", "stopped by Ctrl+C"),
)


def write_pages(folder: Path, only_check: bool = False) -> list[str]:
    """Write every page that is not up to date; the names of those. With `only_check` nothing is written."""
    stale = []
    for name, page in PAGES.items():
        path = folder / name
        text = page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not only_check:
                path.write_text(text, encoding="utf-8")
    return stale


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join((f"# {title}", NOTE, *(part.strip("\n") for part in parts if part.strip()))) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def code(text: str) -> str:
    """The text as code, nothing when empty."""
    return f"`{text}`" if text else ""


def first_paragraph(text: str | None) -> str:
    """A docstring's first paragraph on one line."""
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


def configuration() -> str:
    """Every option of the program."""
    rows = [
        (code(option.name), code(option.flag), code(option.variable), code(option.default), option.help)
        for option in OPTIONS
    ]
    return page(
        "Configuration",
        f"Each option can be given as a flag, as an environment variable, or as a key of `{FILE_NAME}`; the first of "
        "these that names it wins, else the default holds. Options are read once, at the start. `run.py config` shows "
        "each value and where it came from.",
        table(("Key", "Flag", "Variable", "Default", "Meaning"), rows),
        f"`{FILE_NAME}` lies in the data folder, or where `--config FILE` or `HOMEPORT_CONFIG` says. It is TOML; a "
        "key that is not in the table is refused:",
        '```toml\nhttp = "0.0.0.0:80"\norigins = ["https://app.example.com"]\n```',
        "Lists are separated by commas in flags and variables. `dir` without a value is `data/` beside `run.py`; for "
        "an installed program it is the system's folder for a user's data (`~/.local/share/homeport` on Linux). "
        "`local` replaces the host of `http` by 127.0.0.1. `HOMEPORT_PYTHON_ENV` concerns `run.py` itself: `current` "
        "runs in the interpreter at hand, any other value is the folder that holds the Python environments.",
    )


def command_line() -> str:
    """Every command, from click's own help."""
    from appliance.cli.commands import COMMANDS

    parts = []
    for command in COMMANDS:
        parts.append(f"## {command.name}\n\n{help_of(command, f'run.py {command.name}')}")
        for name, sub in getattr(command, "commands", {}).items():
            parts.append(f"### {command.name} {name}\n\n{help_of(sub, f'run.py {command.name} {name}')}")
    return page(
        "Command line",
        "`python3 run.py COMMAND`; in an installed package the program is called `homeport`. Without a command it "
        "serves. Results go to stdout, errors to stderr as what happened and what to do; with `--json` both are JSON.",
        "## Exit status\n\n" + table(("Status", "Meaning"), EXIT_STATUSES),
        *parts,
    )


def help_of(command: click.Command, path: str) -> str:
    """One command's help as a program that is not a terminal sees it."""
    context = click.Context(command, info_name=path, terminal_width=110, max_content_width=110)
    return f"```\n{command.get_help(context)}\n```"


def routes() -> str:
    """Every route of the wire."""
    from appliance.http.routes import ROUTES

    rows = [
        (code(route.method), code(route.path), route.who, first_paragraph(route.handler.__doc__)) for route in ROUTES
    ]
    return page(
        "HTTP routes",
        "The API speaks the protocol of PocketBase 0.40.6: its client libraries work unchanged. *Who* may call a "
        "route: anyone, `auth` (any valid token) or `superuser`; a collection's rules decide about records on top.",
        table(("Method", "Path", "Who", "What it does"), rows),
    )


def hooks() -> str:
    """Every event that a plugin can hang on."""
    from appliance.core.events import EVENTS

    rows = [(code(name), event_fields(event), first_paragraph(event.__doc__)) for name, event in EVENTS.items()]
    return page(
        "Hooks",
        '`@app.on.EVENT("collection", ...)` binds a function to an event; without collections it hears of all. A '
        "plain function runs before the write, inside its transaction: raising vetoes it. A generator runs up to its "
        "`yield` before, and goes on after the commit. Lower `priority` runs first. `run.py hooks` lists who hangs "
        "where. Every event carries `app`.",
        table(("Event", "Carries", "When"), rows),
    )


def event_fields(event: type) -> str:
    """The names of what an event carries besides the app."""
    names = [name for name in inspect.signature(event).parameters if name != "app"]
    return ", ".join(code(name) for name in names)


def field_types() -> str:
    """Every field type with its own options."""
    from appliance.core.fields import FIELD_TYPES, Field

    common = set(wire_options(Field))
    parts = []
    for name, kind in FIELD_TYPES.items():
        own = [(code(option), code(default)) for option, default in wire_options(kind).items() if option not in common]
        rows = f"\n\n{table(('Option', 'Default'), own)}" if own else ""
        parts.append(f"## {name}\n\n{first_paragraph(kind.__doc__)}{rows}")
    shared = [(code(option), code(default)) for option, default in wire_options(Field).items()]
    intro = "What a field of a collection can be. Names are the wire's. Every type has these options:"
    return page("Field types", intro, table(("Option", "Default"), shared), *parts)


def wire_options(kind: type[Field]) -> dict[str, str]:
    """The options of a type in the wire's form, each with its default as JSON."""
    import dataclasses
    import json

    return {
        str(field.metadata["wire"]): json.dumps(field.default)
        for field in dataclasses.fields(kind)
        if "wire" in field.metadata
    }


def dependencies() -> str:
    """Every package of both locks."""
    known = tomllib.loads((LOCKS / "dependencies.toml").read_text(encoding="utf-8"))
    run, test = pins("run"), pins("test")
    only_test = {name: version for name, version in test.items() if name not in run}
    return page(
        "Dependencies",
        "Both tables come from the lock files in `packaging/locks`, which pin each package by version and by the "
        "SHA-256 of its wheels. *Last release* is the package's newest when the table was checked (November 2026).",
        "## The program\n\n" + package_table(run, known["run"]),
        "## The tests, besides those\n\n" + package_table(only_test, known["test"]),
    )


def pins(lock: str) -> dict[str, str]:
    """Name and version of every package of a lock."""
    text = (LOCKS / f"{lock}.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))


def package_table(found: dict[str, str], known: dict[str, list[str]]) -> str:
    """One row a package; a pin that dependencies.toml does not know is an error."""
    rows = [(name, version, *known[name]) for name, version in found.items()]
    return table(("Package", "Version", "Licence", "Last release", "What for"), rows)


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "command-line.md": command_line,
    "routes.md": routes,
    "hooks.md": hooks,
    "field-types.md": field_types,
    "dependencies.md": dependencies,
}
