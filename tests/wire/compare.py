"""Runs cases against two servers and tells where their answers differ."""

from __future__ import annotations

import difflib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

from tests.oracle import Server
from tests.wire.exchange import Answer, Exchange
from tests.wire.scenarios import Case, as_text
from tests.wire.world import World


@dataclass(frozen=True)
class Outcome:
    """The answers of both servers to one case."""

    case: Case
    expected: list[Answer]
    got: list[Answer]

    @property
    def is_same(self) -> bool:
        """True when all normalised answers are equal, as JSON: for Python 1 equals True."""
        return as_text([one.normal for one in self.expected]) == as_text([one.normal for one in self.got])

    def report(self) -> str:
        """Readable differences: the case, each differing request, a unified diff of the normalised answers."""
        pairs = zip(self.expected, self.got, strict=True)
        parts = [_differ(one, other) for one, other in pairs if as_text(one.normal) != as_text(other.normal)]
        return "\n".join([f"case: {self.case.id}", *parts])


def _differ(expected: Answer, got: Answer) -> str:
    lines = difflib.unified_diff(
        as_text(expected.normal).splitlines(), as_text(got.normal).splitlines(), "oracle", "target", lineterm="", n=4
    )
    return "\n".join([f"request: {got.request}", *lines])


class Arena:
    """Two servers with the same world. A changed world is made anew when the next file of cases begins."""

    def __init__(self, oracle: Server, target: Server) -> None:
        self.worlds = (World(oracle), World(target))
        self._threads = ThreadPoolExecutor(2)
        self._file = ""
        self._is_dirty = True

    def __enter__(self) -> Arena:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._threads.shutdown()
        for world in self.worlds:
            world.close()

    def play(self, case: Case) -> Outcome:
        """Put one case to both servers at once."""
        self.prepare(case)
        self._is_dirty = self._is_dirty or not case.is_read_only
        expected, got = self._threads.map(lambda world: Exchange(world, case).run(), self.worlds)
        return Outcome(case, expected, got)

    def prepare(self, case: Case) -> None:
        """Seed both servers anew when the case needs it."""
        if self._is_dirty and (case.file != self._file or case.fresh):
            list(self._threads.map(World.reset, self.worlds))
            self._is_dirty = False
        self._file = case.file
