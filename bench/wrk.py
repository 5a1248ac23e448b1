"""Closed-loop HTTP load by wrk: every connection sends its next request when the last one is answered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.calls import Call

SCRIPT = Path(__file__).with_name("replay.lua")


class WrkFailed(RuntimeError):
    """wrk is missing or ended with an error."""


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw. Latencies in ms; `cpu_share` is wrk's own use of one core, 0 to 1."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int
    cpu_share: float


def require_wrk() -> str:
    """The program's path. Raises WrkFailed with what to do when it is missing."""
    program = shutil.which("wrk")
    if program is None:
        raise WrkFailed("wrk is missing. Install it first: apt install wrk (Debian, Ubuntu).")
    return program


def run_wrk(url: str, calls: Iterable[Call], connections: int, seconds: int) -> Load:
    """Load the server with `calls`, in turn, for that long. One thread of wrk: the server needs the other core."""
    with running_wrk(url, calls, connections, seconds) as started:
        before, begin = os.times(), time.perf_counter()
        output, errors = started.communicate()
        used, wall = os.times(), time.perf_counter() - begin
    if started.returncode != 0:
        raise WrkFailed(f"wrk ended with {started.returncode}: {errors or output}")
    spent = used.children_user + used.children_system - before.children_user - before.children_system
    return _read(output, spent / wall)


@contextmanager
def running_wrk(url: str, calls: Iterable[Call], connections: int, seconds: int) -> Iterator[subprocess.Popen[str]]:
    """wrk as a started process; ended on the way out."""
    with tempfile.NamedTemporaryFile(prefix="bench-calls-") as file:
        host = urlsplit(url).netloc
        for call in calls:
            request = call.encode(host)
            file.write(b"%d %b" % (len(request), request))
        file.flush()
        command = [require_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]
        command += ["-s", str(SCRIPT), url, "--", file.name]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            yield started
        finally:
            started.kill()
            started.wait()


def _read(output: str, cpu_share: float) -> Load:
    seen = json.loads(output.strip().splitlines()[-1])
    return Load(
        requests=seen["requests"],
        seconds=seen["microseconds"] / 1e6,
        p50=seen["p50"] / 1e3,
        p99=seen["p99"] / 1e3,
        failed=seen["refused"] + seen["broken"],
        cpu_share=cpu_share,
    )
