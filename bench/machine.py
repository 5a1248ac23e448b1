"""What it ran on: a figure without its machine says nothing."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from appliance.storage.lean_peewee import sqlite_driver
from bench.servers import ORACLE, OURS
from tests.oracle import ORACLE_VERSION, ROOT


def describe(folder: Path) -> dict[str, str]:
    """The machine, the versions, the load that was there before, and how long a flush takes in `folder`."""
    one_minute, _, _ = os.getloadavg()
    memory = psutil.virtual_memory().total
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores of {_cpu_name()}, {memory / 2**30:.0f} GiB of memory",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "flush to disk": f"{fsync_milliseconds(folder):.2f} ms (median fsync of 4 KiB)",
        "load before": f"{one_minute:.1f} processes",
        OURS: f"commit {_commit()}, Python {platform.python_version()}, SQLite {sqlite_driver.sqlite_version}",
        ORACLE: ORACLE_VERSION,
    }


def fsync_milliseconds(folder: Path, times: int = 50) -> float:
    """The median time of writing 4 KiB and flushing it to the disk."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            begin = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e3


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "an unknown kind"


def _commit() -> str:
    run = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or "unknown"
