"""`run.py import-pocketbase`: bring a PocketBase data folder over, whole or not at all."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import click

from appliance.cli import folder
from appliance.cli.options import Config, examples, json_option, takes
from appliance.cli.terminal import print_json, say
from appliance.errors import ImportRefused


@click.command(
    name="import-pocketbase",
    epilog=examples("run.py import-pocketbase ~/old/pb_data", "run.py import-pocketbase pb_data --dir /srv/box"),
)
@click.argument("source", metavar="PB_DATA", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--encryption-key-env",
    metavar="NAME",
    help="The environment variable that holds the key of a PocketBase run with --encryptionEnv.",
)
@takes("dir")
@json_option
def import_pocketbase(config: Config, source: Path, encryption_key_env: str | None, as_json: bool) -> None:
    """Bring collections, records, files, settings and accounts of PocketBase over.

    Passwords and tokens go on working. The source is only read; stop its server first. A damaged or newer source is
    refused before anything is written, and an interrupted import leaves the target as it was.
    """
    from appliance.imports.pocketbase import import_pocketbase as bring

    folder.prepare_folder(config.dir)
    with folder.held(config.dir):
        report = bring(source, config, encryption_key_in(encryption_key_env), show_progress)
    counts = dataclasses.asdict(report)
    if as_json:
        print_json(counts)
        return
    for name, count in counts.items():
        say(f"{name.replace('_', ' '):<14} {count}")


def encryption_key_in(variable: str | None) -> str:
    """The key in that environment variable, "" when none is named. Raises ImportRefused for one that is empty."""
    key = os.environ.get(variable, "") if variable else ""
    if variable and not key:
        raise ImportRefused(f"The environment variable {variable} is empty.", "Export PocketBase's key in it.")
    return key


def show_progress(what: str, done: int, total: int) -> None:
    """One line that counts up, for people at a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r{what:<10} {done * 100 // max(total, 1):>3} %", err=True, nl=done >= total)
