"""`run.py import-pocketbase`: bring a PocketBase data folder over, whole or not at all."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from appliance.cli import folder
from appliance.cli.options import Config, examples, json_option, takes
from appliance.cli.terminal import print_json, say


@click.command(
    name="import-pocketbase",
    epilog=examples("run.py import-pocketbase ~/old/pb_data", "run.py import-pocketbase pb_data --dir /srv/box"),
)
@click.argument("source", metavar="PB_DATA", type=click.Path(exists=True, file_okay=False, path_type=Path))
@takes("dir")
@json_option
def import_pocketbase(config: Config, source: Path, as_json: bool) -> None:
    """Bring collections, records, files, settings and accounts of PocketBase over.

    Passwords and tokens go on working. The source is only read; stop its server first. A damaged or newer source is
    refused before anything is written, and an interrupted import leaves the target as it was.
    """
    from appliance.imports.pocketbase import import_pocketbase as bring

    folder.prepare_folder(config.dir)
    with folder.held(config.dir):
        report = bring(source, config)
    counts = dataclasses.asdict(report)
    if as_json:
        print_json(counts)
        return
    for name, count in counts.items():
        say(f"{name.replace('_', ' '):<14} {count}")
