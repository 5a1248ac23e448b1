"""Makes an environment: a venv, then every pin of one lock file, hash-checked, wheels only.

Standard library only: this runs before there is anything else. pip does the work; this file shows how far it is
and turns its ways of failing into what happened, why, and what to do.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from appliance import environment

LOCAL_WHEELS = os.path.join(environment.PROGRAM, "packaging", "wheels")
LOG = "homeport-setup.log"
MISLEADING = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV")


class SetupProblem(Exception):
    """Setting up failed: what happened, why, and what to do about it."""

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix

    def __str__(self) -> str:
        return f"{self.what}\n  Why      {self.why}\n  Do this  {self.fix}"


def install(folder: str, purpose: str) -> None:
    """Make the environment `folder` with the lock of `purpose`; exit with status 1 and a message when that fails.

    Two starts at once: the second waits and then finds the work done. An interrupted one is begun anew.
    """
    try:
        with only_one_at_a_time(folder):
            if environment.wanted_line(purpose) not in environment.held_lines(folder):
                build(folder, purpose)
    except SetupProblem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        print("\nStopped. The next start begins the set-up anew.", file=sys.stderr)
        sys.exit(130)


def build(folder: str, purpose: str) -> None:
    """Make the venv, fill it, and write the marker last."""
    started = time.monotonic()
    require_venv()
    subject = "Homeport and its tests" if purpose == "test" else "Homeport"
    print(f"Setting up {subject} (first start only): {folder}", file=sys.stderr, flush=True)
    make_venv(folder)
    install_pins(folder, purpose)
    write_marker(folder, purpose)
    print(f"Set up in {time.monotonic() - started:.0f} s.", file=sys.stderr, flush=True)
    mention_older_ones(folder)


def has_own_pip() -> bool:
    """Whether the Python at hand has a pip that can fill another environment (--python: 22.3 and newer).

    Then the environment needs no pip of its own: 6 s and 25 MB saved, and Debian's python3-pip alone is enough.
    """
    try:
        major, minor = importlib.metadata.version("pip").split(".")[:2]
        return importlib.util.find_spec("pip") is not None and (int(major), int(minor)) >= (22, 3)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False


def require_venv() -> None:
    """Refuse early when this Python comes without venv or any pip, as Debian's does."""
    needed = ["venv"] if has_own_pip() else ["venv", "ensurepip"]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupProblem(
            "Homeport could not make its Python environment.",
            f"this Python ({sys.executable}) comes without its module {missing[0]}.",
            f"Debian, Ubuntu: apt install python{version}-venv    Elsewhere: install Python from python.org",
        )


def make_venv(folder: str) -> None:
    """A fresh venv at `folder`, whatever was left there before."""
    command = [sys.executable, "-m", "venv", "--clear", *(["--without-pip"] if has_own_pip() else []), folder]
    try:
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, exist_ok=True)
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=clean_environ(),
        )  # fmt: skip
    except OSError as error:
        raise folder_problem(folder, error) from error
    if run.returncode != 0:
        raise venv_problem(folder, run.stdout)


def pip_of(folder: str) -> list[str]:
    """The command that runs pip on the environment `folder`."""
    python = environment.python_in(folder)
    return [sys.executable, "-m", "pip", "--python", python] if has_own_pip() else [python, "-m", "pip"]


def folder_problem(folder: str, error: OSError) -> SetupProblem:
    """The disk is full, or the folder may not be written."""
    return SetupProblem(
        "Homeport could not make its Python environment.",
        f"{folder}: {error.strerror or error}.",
        "make the folder writable, free some space (about 200 MB), or set HOMEPORT_PYTHON_ENV to a folder of your own",
    )


def venv_problem(folder: str, output: str) -> SetupProblem:
    """Python's own venv module failed. Debian says so when ensurepip lies in a package of its own."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    fix = f"read the lines above; on Debian and Ubuntu: apt install python{version}-venv"
    return SetupProblem(
        f"{output.strip()}\nHomeport could not make its Python environment.", f"venv failed: {folder}", fix
    )


def install_pins(folder: str, purpose: str) -> None:
    """Let pip install the lock, showing how far it is."""
    pip = [*pip_of(folder), "install", "--no-input", "--disable-pip-version-check"]
    checked = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--find-links", LOCAL_WHEELS]
    command = [*pip, *checked, "--progress-bar", "off", "--retries", "2", "-r", environment.lock_path(purpose)]
    log_path = os.path.join(folder, LOG)
    progress = Progress(total=count_pins(purpose))
    try:
        with open(log_path, "w", encoding="utf-8") as log:
            code = run_with_progress(command, log, progress)
    except OSError as error:
        raise folder_problem(folder, error) from error
    if code != 0:
        with open(log_path, encoding="utf-8") as log:
            raise pip_problem(log.read(), log_path)


def run_with_progress(command: list[str], log: IO[str], progress: Progress) -> int:
    """Run pip, copy what it says to `log`, and count what it collects. Returns its exit code."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace", env=clean_environ(),
    ) as pip:  # fmt: skip
        try:
            for line in pip.stdout or ():
                log.write(line)
                progress.read(line)
        except BaseException:
            pip.kill()
            raise
        finally:
            progress.end()
    return pip.returncode


@dataclass
class Progress:
    """Counts pip's lines: one rewritten line at a terminal, else one line per ten per cent."""

    total: int
    done: int = 0
    shown_tenth: int = 0
    at_terminal: bool = field(default_factory=lambda: sys.stderr.isatty())

    def read(self, line: str) -> None:
        """Take one line of pip's output."""
        if line.startswith("Ignoring "):
            self.total -= 1
        elif line.startswith(("Collecting ", "Processing ")):
            self.done += 1
            self.show(os.path.basename(line.split()[1]))
        elif line.startswith("Installing collected packages"):
            self.write("unpacking")

    def show(self, package: str) -> None:
        """Say that `package` is being fetched."""
        tenth = self.done * 10 // max(self.total, 1)
        if self.at_terminal or tenth > self.shown_tenth:
            self.shown_tenth = tenth
            self.write(package.replace("==", " "))

    def write(self, what: str) -> None:
        """One state of the count."""
        text = f"  [{self.done:3d}/{self.total}] {what}"
        print(
            f"\r\033[K{text}" if self.at_terminal else text,
            end="" if self.at_terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        """Leave the rewritten line."""
        if self.at_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def count_pins(purpose: str) -> int:
    """How many packages the lock names, those for other systems included."""
    with open(environment.lock_path(purpose), encoding="utf-8") as lock:
        return sum(1 for line in lock if line[:1].isalnum())


NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Temporary failure in name resolution|NameResolutionError|"
    r"Network is unreachable|Connection refused|Failed to establish a new connection|ProxyError|"
    r"getaddrinfo failed|nodename nor servname|Could not fetch URL|connection broken",
)
CERTIFICATE = re.compile(r"SSLError|CERTIFICATE_VERIFY_FAILED|TLSV1_ALERT")
NO_WHEEL = re.compile(r"No matching distribution found for (\S+)")
WRONG_HASH = re.compile(r"DO NOT MATCH THE HASHES")
NO_SPACE = re.compile(r"No space left on device|not enough space on the disk")


def pip_problem(output: str, log_path: str) -> SetupProblem:
    """Turn what pip said into one of five known problems, or show its last lines."""
    what = "Homeport could not install the packages it needs."
    read_log = f"(pip's own words: {log_path})"
    if NO_SPACE.search(output):
        return SetupProblem(what, "the disk is full.", f"free about 200 MB and start again {read_log}")
    if WRONG_HASH.search(output):
        why = "a downloaded file is not the one this version of Homeport was made with: damaged, or tampered with."
        return SetupProblem(
            what, why, f"start again; if it stays, ask whoever runs your package index or proxy {read_log}"
        )
    if CERTIFICATE.search(output):
        why = "the package index's certificate could not be verified."
        return SetupProblem(what, why, f"behind a company proxy: set PIP_CERT to its CA file {read_log}")
    if NO_NETWORK.search(output):
        why = "the package index could not be reached."
        fix = f"connect this machine to the internet (or set HTTPS_PROXY or PIP_INDEX_URL) and start again {read_log}"
        return SetupProblem(what, why, fix)
    wheel = NO_WHEEL.search(output)
    if wheel:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        why = f"there is no ready-made {wheel[1]} for Python {version} on {sys.platform} ({machine()})."
        fix = f"use Python 3.12 to 3.14, of 64 bits; docs/reference/platforms.md lists what is known to work {read_log}"
        return SetupProblem(what, why, fix)
    last_lines = "\n".join(output.strip().splitlines()[-8:])
    return SetupProblem(
        f"{last_lines}\n{what}", "pip failed with the lines above.", f"mend that and start again {read_log}"
    )


def machine() -> str:
    """The processor's name."""
    import platform

    return platform.machine()


def write_marker(folder: str, purpose: str) -> None:
    """Declare the environment complete: on disk, under a temporary name first."""
    path = os.path.join(folder, environment.MARKER)
    lines = [environment.wanted_line(name) for name in environment.HELD_BY[purpose]]
    with open(f"{path}.new", "w", encoding="ascii") as marker:
        marker.write("\n".join(lines) + "\n")
        marker.flush()
        os.fsync(marker.fileno())
    os.replace(f"{path}.new", path)


def mention_older_ones(folder: str) -> None:
    """Name environments of earlier locks. They are not deleted: a server that still runs may live in one."""
    parent, name = os.path.split(folder)
    kind = name.rsplit("-", 1)[0] + "-"
    older = sorted(
        other for other in os.listdir(parent) if other.startswith(kind) and other not in (name, f"{name}.lock")
    )
    folders = [other for other in older if os.path.isdir(os.path.join(parent, other))]
    if folders:
        print(f"No longer used, may be deleted: {', '.join(folders)}", file=sys.stderr, flush=True)


def clean_environ() -> dict[str, str]:
    """This process's environment without the settings that would send pip's work elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in MISLEADING}


@contextlib.contextmanager
def only_one_at_a_time(folder: str) -> Iterator[None]:
    """Hold an exclusive lock on `<folder>.lock`. The system frees it if this process dies."""
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        handle = open(f"{folder}.lock", "a+b")  # noqa: SIM115 - closed below, after the lock
    except OSError as error:
        raise folder_problem(os.path.dirname(folder), error) from error
    with handle:
        wait_for_lock(handle)
        yield


def wait_for_lock(handle: IO[Any]) -> None:
    """Block until the lock is ours; say so when another start holds it."""
    said = False
    while not try_lock(handle):
        if not said:
            print("Another start is setting up the environment; waiting for it.", file=sys.stderr, flush=True)
            said = True
        time.sleep(0.2)


def try_lock(handle: IO[Any]) -> bool:
    """Take the file lock if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
