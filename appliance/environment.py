"""The program's own Python environment: entered at every start, made at the first.

    python3 run.py
      running in an environment that holds every pin of the lock?     yes -> go on
      .venv-3.11-run-1a2b3c4d/ beside run.py complete?                no  -> installer.install()
      replace this process by that environment's python, same arguments

The folder's name carries the Python version and the lock file's checksum, so that a changed lock makes a new
environment and the old one stays whole until nobody uses it. `homeport-locks.txt` inside it names the locks it
holds; it is written last, so an environment without it is unfinished and is made again.

Every start pays for this file: it imports nothing that the interpreter has not already loaded, except zlib.
A package (wheel, .deb) never comes here: its command calls appliance.cli directly.

`HOMEPORT_PYTHON_ENV=current` runs in the interpreter at hand as it is; any other value is the folder in which
the environments are kept (for a program folder that may not be written).
"""

import os
import sys
import zlib

PROGRAM = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOCKS = os.path.join(PROGRAM, "packaging", "locks")
MARKER = "homeport-locks.txt"
HELD_BY = {"run": ("run",), "test": ("run", "test")}


def enter(purpose: str) -> None:
    """Return when this process runs in an environment fit for `purpose` ("run" or "test"); else replace the process.

    Makes the environment first when it is missing; exits with status 1 and a message when that fails.
    """
    choice = os.environ.get("HOMEPORT_PYTHON_ENV", "")
    if choice == "current" or wanted_line(purpose) in held_lines(sys.prefix):
        return
    folder = folder_for(purpose, choice or PROGRAM)
    if wanted_line(purpose) not in held_lines(folder) or not os.path.exists(python_in(folder)):
        from appliance import installer

        installer.install(folder, purpose)
    become(python_in(folder), folder)


def lock_path(purpose: str) -> str:
    """The lock file with every pin that `purpose` needs."""
    return os.path.join(LOCKS, f"{purpose}.lock")


def wanted_line(purpose: str) -> str:
    """One line that names a lock and its contents: `run 1a2b3c4d`.

    A checksum, not a signature: it only has to change with the lock. The packages are checked by SHA-256.
    """
    with open(lock_path(purpose), "rb") as lock:
        return f"{purpose} {zlib.crc32(lock.read()):08x}"


def held_lines(folder: str) -> list[str]:
    """The locks whose packages are all in the environment `folder`; empty when it is missing or unfinished."""
    try:
        with open(os.path.join(folder, MARKER), encoding="ascii") as marker:
            return marker.read().splitlines()
    except OSError:
        return []


def folder_for(purpose: str, parent: str) -> str:
    """Where the environment for `purpose`, this Python version and today's lock belongs."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return os.path.join(os.path.abspath(parent), f".venv-{version}-{wanted_line(purpose).replace(' ', '-')}")


def python_in(folder: str) -> str:
    """The interpreter of the environment `folder`."""
    return os.path.join(folder, "Scripts", "python.exe") if os.name == "nt" else os.path.join(folder, "bin", "python")


def become(python: str, folder: str) -> None:
    """Run the same command line in `python`, under the same process id where the system can."""
    if os.environ.get("HOMEPORT_ENTERED") == folder:
        sys.exit(f"Homeport did not start: {python} does not run inside {folder}. Delete that folder and start again.")
    os.environ["HOMEPORT_ENTERED"] = folder
    command = [python, *sys.orig_argv[1:]]
    if os.name != "nt":
        os.execv(python, command)  # noqa: S606 - no shell wanted
    sys.exit(run_and_wait(command))


def run_and_wait(command: list[str]) -> int:
    """Windows has no exec: start a child, leave Ctrl+C to it, and end with its exit code."""
    import subprocess

    with subprocess.Popen(command) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue
