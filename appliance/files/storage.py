"""Where uploads live. local.py is the disk; S3 comes behind the same interface; tests/contracts judge each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What is known of a stored file. `size` in bytes; `path` when it lies on this machine's disk."""

    key: str
    size: int
    modified: datetime
    content_type: str
    path: Path | None = None


class FileStorage(Protocol):
    """Keys are `collectionId/recordId/name`. A key that points out of the folder, to something hidden or to a sidecar
    (`.attrs`) is refused with ValueError, when reading too."""

    def put(self, key: str, source: BinaryIO, content_type: str = "", original_name: str = "") -> int:
        """Store what is left of `source` durably (written beside, flushed, renamed, folder flushed) and return its
        size. A key that exists is replaced at once. `original_name` is what the client called the file."""

    def open(self, key: str) -> BinaryIO:
        """Open for reading. Raises FileNotFoundError."""

    def find(self, key: str) -> StoredFile | None:
        """What is known of a file, or None."""

    def delete(self, key: str) -> None:
        """Delete if it is there."""

    def delete_prefix(self, prefix: str) -> None:
        """Delete everything under `collectionId/` or `collectionId/recordId/`."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys under a prefix."""
