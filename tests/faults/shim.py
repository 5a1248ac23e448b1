"""The preloaded library of shim/*.c: built once a run, and the page of memory through which a test steers it."""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines import install_packages, is_ci, may_install_packages
from tests.oracle import own_environment, refuse_or_skip

SOURCES = Path(__file__).parent / "shim"
ROOM_BYTES = 512 * 1024 * 1024


class Plan(ctypes.Structure):
    """shim/plan.h, which says what the fields mean."""

    _fields_ = [
        ("sync_delay_us", ctypes.c_int64),
        ("sync_lies", ctypes.c_int64),
        ("space", ctypes.c_int64),
        ("fail_write", ctypes.c_int64),
        ("fail_read", ctypes.c_int64),
        ("fail_sync", ctypes.c_int64),
        ("fail_name", ctypes.c_int64),
        ("error", ctypes.c_int64),
        ("swallow_writes", ctypes.c_int64),
        ("clock_offset_ns", ctypes.c_int64),
        ("syncs", ctypes.c_int64),
        ("syncs_running", ctypes.c_int64),
        ("failures", ctypes.c_int64),
        ("only", ctypes.c_char * 64),
    ]


def require_shim(folder: Path) -> Path:
    """The library, compiled into `folder`. On Debian as root with CI=true the compiler is installed when missing."""
    if sys.platform != "linux":
        refuse_or_skip("LD_PRELOAD and its journal are made for Linux")
    if shutil.which("gcc") is None and is_ci() and may_install_packages():
        install_packages(["gcc", "libc6-dev"])
    if shutil.which("gcc") is None:
        refuse_or_skip("no C compiler on this machine; apt install gcc libc6-dev")
    library = folder / "faults.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-U_FORTIFY_SOURCE"]
    sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
    command = ["gcc", *flags, "-o", str(library), *sources, "-ldl", "-lpthread"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return library


class Shim:
    """One preloaded library, the folder it watches, the journal and the plan. All lie in `ground`."""

    def __init__(self, library: Path, ground: Path) -> None:
        self.folder = ground / "disk"
        self.folder.mkdir()
        self.journal = ground / "journal"
        self.journal.touch()
        page = ground / "plan"
        page.write_bytes(bytes(ctypes.sizeof(Plan)))
        with page.open("r+b") as file:
            self.plan = Plan.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Plan)))
        self.plan.space = -1
        self.environ = own_environment() | {
            "LD_PRELOAD": str(library),
            "FAULTS_FOLDER": str(self.folder),
            "FAULTS_PLAN": str(page),
        }

    @property
    def journalling(self) -> dict[str, str]:
        """The environment of a program whose every call is noted."""
        return self.environ | {"FAULTS_JOURNAL": str(self.journal)}

    @property
    def position(self) -> int:
        """How long the journal is: what has been answered by now was promised before this place."""
        return self.journal.stat().st_size


@contextmanager
def ground_in_memory() -> Iterator[Path]:
    """A folder whose flushes cost nothing: in memory where there is room, else in the usual place."""
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_BYTES
    with tempfile.TemporaryDirectory(prefix="homeport-faults-", dir=memory if has_room else None) as name:
        yield Path(name).resolve()
