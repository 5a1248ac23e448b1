"""Load that wrk can't make, each in a process of its own: it shares the cores, but not this program's time.

A generator is `python -m bench.<name>`. It speaks in lines: its options as JSON in, JSON out, a word in, JSON out; it
ends when its input closes. subscribers: server-sent events. crowd: idle and slow connections. writer: paced updates.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from tests.oracle import ROOT, own_environment


class GeneratorFailed(RuntimeError):
    """A generator ended before it answered."""


@dataclass
class Generator:
    """A running generator, seen from the program that started it."""

    started: subprocess.Popen[str]
    ready: dict[str, Any] = field(default_factory=dict)

    def answer(self) -> dict[str, Any]:
        """Its next line. Raises GeneratorFailed when it has ended instead."""
        line = _stream(self.started.stdout).readline()
        if not line:
            raise GeneratorFailed(f"{self.started.args!r:.300} ended with {self.started.wait()}")
        return dict(json.loads(line))

    def tell(self, line: str) -> dict[str, Any]:
        """Send a line and wait for the one that answers it."""
        _stream(self.started.stdin).write(line + "\n")
        _stream(self.started.stdin).flush()
        return self.answer()

    def end(self) -> None:
        """Close its input and wait for its end."""
        _stream(self.started.stdin).close()
        try:
            self.started.wait(20)
        except subprocess.TimeoutExpired:
            self.started.kill()
            self.started.wait()


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextmanager
def generating(name: str, **options: Any) -> Iterator[Generator]:
    """The generator `bench.<name>`, ready, its first answer in `ready`; ended on the way out."""
    command = [sys.executable, "-m", f"bench.{name}"]
    started = subprocess.Popen(
        command, cwd=ROOT, env=own_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    generator = Generator(started)
    try:
        generator.ready = generator.tell(json.dumps(options))
        yield generator
    finally:
        generator.end()
    if started.returncode != 0:
        raise GeneratorFailed(f"bench.{name} ended with {started.returncode}; its own words are above")
