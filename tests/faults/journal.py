"""What the shim wrote down: every change of the folder, in order, with its data (struct record in shim/disk.c)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

HEAD = struct.Struct("<IIQQQ")


class Kind(IntEnum):
    """shim/disk.c's enum."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC_BEGIN = 4
    SYNC_END = 5
    SYNC_FAILED = 6
    RENAME = 7
    UNLINK = 8
    MKDIR = 9
    RMDIR = 10
    LINK = 11


class Event(NamedTuple):
    """One record. `inode` of the file, `number`: offset, size or the sync's number; `end`: where the record ends."""

    kind: Kind
    inode: int
    number: int
    path: str
    more: bytes
    end: int


def read_journal(file: Path) -> Iterator[Event]:
    """Every whole record; a kill may have cut the last one short."""
    with file.open("rb") as journal:
        while len(head := journal.read(HEAD.size)) == HEAD.size:
            kind, path_length, inode, number, length = HEAD.unpack(head)
            path, more = journal.read(path_length), journal.read(length)
            if len(path) + len(more) < path_length + length:
                return
            yield Event(Kind(kind), inode, number, path.decode(), more, journal.tell())
