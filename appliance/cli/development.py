"""Commands for those who change Homeport; only a checkout has them: test, lock, docs.

Every start imports this file to know the commands, so what only a command needs is imported in its function.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from appliance.cli.options import examples
from appliance.cli.terminal import CommandFailed, say

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "packaging" / "locks"


def is_checkout() -> bool:
    """Whether this is a source tree and not an installed package."""
    return (ROOT / "run.py").is_file()


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    epilog=examples("run.py test", "run.py test tests/rules -k filter", "run.py test -n 0 --pdb"),
)
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]")
def test(pytest_arguments: tuple[str, ...]) -> int:
    """Run the tests, the linters and the type checker on both cores."""
    import subprocess

    command = [sys.executable, "-m", "pytest", *workers(pytest_arguments), *pytest_arguments]
    return subprocess.run(command, cwd=ROOT).returncode


def workers(arguments: tuple[str, ...]) -> list[str]:
    """pytest-xdist's flags, unless the caller has chosen or wants a debugger.

    A file's tests stay on one worker, in order: many share a server that takes a second to start. (xdist's groups,
    which would say that test by test, do nothing under pytest 9.2.)
    """
    chosen = any(argument.startswith(("-n", "--numprocesses", "--pdb", "--trace")) for argument in arguments)
    return [] if chosen else ["-n", str(max(2, os.cpu_count() or 2)), "--dist", "loadfile", "--no-loadscope-reorder"]


@click.command(epilog=examples("run.py lock", "run.py lock --upgrade-package flask"))
@click.argument("uv_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[UV ARGUMENTS]")
def lock(uv_arguments: tuple[str, ...]) -> None:
    """Write the lock files anew from setup.cfg (needs uv: pip install uv)."""
    import shutil

    if shutil.which("uv") is None:
        raise CommandFailed("The lock files are made by uv, which is not installed.", "pip install uv")
    pins, test_pins = direct_pins()
    compile_lock("run", pins, uv_arguments)
    compile_lock("test", pins + test_pins, uv_arguments)
    say("Locks written. Now: run.py docs, run.py test")


def direct_pins() -> tuple[list[str], list[str]]:
    """The direct dependencies in setup.cfg: of the program, and of its tests."""
    import configparser

    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    return lines_of(settings["options"]["install_requires"]), lines_of(settings["options.extras_require"]["test"])


def lines_of(value: str) -> list[str]:
    """The lines of a setting without its comments."""
    return [line for line in value.splitlines() if line and not line.startswith("#")]


def compile_lock(name: str, pins: list[str], uv_arguments: tuple[str, ...]) -> None:
    """Resolve for every system and Python at once; write each pin with the hashes of all its files."""
    import subprocess

    command = [
        "uv", "pip", "compile", "-", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
        "--only-binary", ":all:", "--find-links", str(ROOT / "packaging" / "wheels"), "--no-header", "--no-annotate",
        "--constraint", str(LOCKS / "constraints.txt"), "--output-file", str(LOCKS / f"{name}.lock"), *uv_arguments,
    ]  # fmt: skip
    finished = subprocess.run(command, input="\n".join(pins), text=True, cwd=ROOT)
    if finished.returncode != 0:
        raise CommandFailed(f"uv could not resolve {name}.lock.", "Correct the pins in setup.cfg.")


@click.command(epilog=examples("run.py docs", "run.py docs --check"))
@click.option("--check", is_flag=True, help="Change nothing; fail when a page is not up to date.")
def docs(check: bool) -> None:
    """Write the pages of docs/reference that come from the tables in the code."""
    from appliance.cli.reference import write_pages

    stale = write_pages(ROOT / "docs" / "reference", only_check=check)
    if check and stale:
        raise CommandFailed(f"Not up to date: {', '.join(stale)}.", "run.py docs")
    say(f"Written: {', '.join(stale)}" if stale else "All pages are up to date.")
