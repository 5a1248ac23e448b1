"""The disk of the power cuts: which states it may be in after a few calls, and in which it never is."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.faults.disk import Disk
from tests.faults.journal import Event, Kind

FILE, OTHER, FOLDER, ROOT = 11, 12, 21, 1
HALF = b"a" * 512 + bytes(512)

Call = tuple[Kind, int, int, str, bytes]


def create(path: str, inode: int = FILE) -> Call:
    return Kind.CREATE, inode, 0, path, b""


def write(data: bytes, offset: int = 0, inode: int = FILE) -> Call:
    return Kind.WRITE, inode, offset, "", data


def flush(inode: int = FILE, end: Kind = Kind.SYNC_END) -> list[Call]:
    return [(Kind.SYNC_BEGIN, inode, inode, "", b""), (end, inode, inode, "", b"")]


def states(calls: Sequence[Call]) -> set[tuple[tuple[str, bytes | None], ...]]:
    """Every state that is drawn after these calls."""
    found = set()
    for seed in range(400):
        rng = random.Random(seed)
        disk = Disk(rng)
        for place, call in enumerate(calls):
            disk.follow(Event(*call, end=place))
        found.add(tuple(sorted(disk.image(rng).items())))
    return found


def contents(calls: Sequence[Call]) -> set[bytes | None]:
    """What may be found under the name `a`; None when nothing."""
    return {dict(state).get("a") for state in states(calls)}


NAMED = [create("a"), *flush(ROOT)]
OLD = [create("a"), write(b"old"), *flush()]
NEW = [create("b", OTHER), write(b"new", inode=OTHER), *flush(OTHER)]
RENAMED = [*OLD, *NEW, *flush(ROOT)]
RENAME = (Kind.RENAME, 0, 0, "b", b"a")


@pytest.mark.parametrize(
    ("calls", "possible"),
    [
        pytest.param([create("a")], {None, b""}, id="a name that was not flushed may be missing"),
        pytest.param([create("a"), *flush()], {None, b""}, id="flushing the file does not flush its name"),
        pytest.param([*NAMED, write(b"x"), *flush()], {b"x"}, id="what was flushed is there"),
        pytest.param([*NAMED, write(b"x")], {b"", b"x", b"\0"}, id="a write may be missing, and the file grown"),
        pytest.param([*NAMED, write(b"x"), *flush(end=Kind.SYNC_FAILED), *flush()], {b"", b"x"},
                     id="what a failed flush has lost no later one brings back"),
        pytest.param([*NAMED, flush()[0], write(b"x"), flush()[1]], {b"", b"x", b"\0"},
                     id="a write during the flush is not promised"),
        pytest.param([*NAMED, write(b"ab"), *flush(), (Kind.TRUNCATE, FILE, 1, "", b"")], {b"ab", b"a"},
                     id="a truncate may be missing"),
        pytest.param([*RENAMED, RENAME], {b"old", b"new"}, id="a rename is whole or not there"),
        pytest.param([*RENAMED, RENAME, *flush(ROOT)], {b"new"}, id="a flushed rename is there"),
        pytest.param([*NAMED, (Kind.UNLINK, 0, 0, "a", b"")], {b"", None}, id="a deleted file may come back"),
    ],
)  # fmt: skip
def test_what_may_be_found(calls: list[Call], possible: set[bytes | None]) -> None:
    assert contents(calls) == possible


def test_a_long_write_may_be_torn_at_its_sectors() -> None:
    calls = [*NAMED, write(bytes(1024)), *flush(), write(b"a" * 1024)]
    assert {bytes(1024), b"a" * 1024, HALF, HALF[::-1]} <= contents(calls)


def test_two_writes_may_arrive_in_any_order() -> None:
    calls = [*NAMED, write(b"--"), *flush(), write(b"ab"), write(b"cd")]
    assert {b"--", b"ab", b"cd"} <= contents(calls)


def test_a_file_in_a_folder_that_was_not_flushed_is_lost_with_it() -> None:
    inside = [(Kind.MKDIR, FOLDER, 0, "f", b""), create("f/a"), *flush(), *flush(FOLDER)]
    assert states(inside) == {(), (("f", None), ("f/a", b""))}
    assert states([*inside, *flush(ROOT)]) == {(("f", None), ("f/a", b""))}
