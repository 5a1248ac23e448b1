"""Uploads on the local disk, laid out as the wire's original lays them out:

    <data>/storage/<collectionId>/<recordId>/<name>          the bytes
    <data>/storage/<collectionId>/<recordId>/<name>.attrs    JSON: content type, the client's file name, MD5
    <data>/storage/.incoming/                                what is being written right now; leftovers go at start

A file appears under its name only when it is whole and on the disk: written beside, flushed, renamed, the folders
flushed. The .attrs file is not flushed by itself: when a power cut tears it, the type is found in the content again.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from appliance import clock
from appliance.errors import DiskFailedError, DiskFullError
from appliance.files.content_type import sniff_stream
from appliance.files.storage import StoredFile

INCOMING = ".incoming"
SIDECAR = ".attrs"
BLOCK_BYTES = 1024 * 1024
LONGEST_PART_BYTES = 255
RENAME_TRIES = 5
SWEEP_SECONDS = 3600  # nothing is written into a temporary file for so long
FORBIDDEN = '\\:*?"<>|' if os.name == "nt" else "\\"


class LocalStorage:
    """Implements `FileStorage` in one folder: `<data>/storage`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = self.root / INCOMING
        with _disk_errors():
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            _flush_folder(self.root.parent)  # the name of `root`; what lies in it is flushed by each upload
            self._sweep()

    def put(self, key: str, source: BinaryIO, content_type: str = "", original_name: str = "") -> int:
        """Store all that is left of `source` durably; its size in bytes. Raises DiskFullError, DiskFailedError.

        Without a `content_type` it is found in the content, for which `source` must be able to seek.
        """
        target = self._path(key)
        content_type = content_type or sniff_stream(source).name
        beside = self._incoming / clock.random_id()
        try:
            with _disk_errors():
                size, digest = _write_flushed(beside, source)
                self._write_sidecar(target, _attributes(content_type, original_name, digest))
                self._move(beside, target)
        finally:
            with suppress(OSError):  # where it can't be deleted, what went wrong before is what counts
                beside.unlink(missing_ok=True)
        return size

    def open(self, key: str) -> BinaryIO:
        """Open for reading. Raises FileNotFoundError."""
        return self._path(key).open("rb")

    def find(self, key: str) -> StoredFile | None:
        """What is known of a file, or None."""
        path = self._path(key)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not path.is_file():
            return None
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        return StoredFile(key, status.st_size, modified, _content_type(path), path)

    def delete(self, key: str) -> None:
        """Delete if it is there, and its folder when it was the last in it."""
        path = self._path(key)
        with _disk_errors():
            path.unlink(missing_ok=True)
            _sidecar(path).unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()

    def delete_prefix(self, prefix: str) -> None:
        """Delete everything under `collectionId/` or `collectionId/recordId/`."""
        if not prefix.endswith("/"):
            raise ValueError(f"A prefix to delete must end in a slash: {prefix!r}")
        shutil.rmtree(self._path(prefix[:-1]), ignore_errors=True)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys that begin with `prefix`, in no order."""
        folder, _, _ = prefix.rpartition("/")
        for parent, folders, names in os.walk(self._path(folder) if folder else self.root):
            folders[:] = [name for name in folders if name != INCOMING]
            inside = Path(parent).relative_to(self.root).as_posix()
            found = (f"{inside}/{name}" for name in names if not name.endswith(SIDECAR))
            yield from (key for key in found if key.startswith(prefix))

    def _path(self, key: str) -> Path:
        """Where a key lies. Raises ValueError for one that could lead out of the folder or into ours."""
        parts = key.split("/")
        if not all(_is_safe(part) for part in parts):
            raise ValueError(f"Not a key of a stored file: {key!r}")
        return self.root.joinpath(*parts)

    def _sweep(self) -> None:
        """Delete what a killed process left half-written. What is young may belong to a server that runs right now
        beside this command."""
        oldest = clock.now().timestamp() - SWEEP_SECONDS
        for left in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if left.stat().st_mtime < oldest:
                    left.unlink()

    def _write_sidecar(self, target: Path, attributes: dict[str, Any]) -> None:
        beside = self._incoming / (clock.random_id() + SIDECAR)
        beside.write_text(json.dumps(attributes, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        try:
            self._rename(beside, _sidecar(target))
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)

    def _move(self, beside: Path, target: Path) -> None:
        """Rename into place and flush every folder whose entries changed."""
        self._rename(beside, target)
        for folder in (target.parent, *target.parent.parents):
            _flush_folder(folder)
            if folder == self.root:
                break

    def _rename(self, beside: Path, target: Path) -> None:
        """Another thread may delete the folder, just emptied, between making it and renaming into it."""
        for tries_left in reversed(range(RENAME_TRIES)):
            try:
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                beside.replace(target)
                return
            except (FileNotFoundError, FileExistsError):
                if not tries_left or not beside.exists():
                    raise


def _is_safe(part: str) -> bool:
    """One part of a key: no way up, no drive, no stream, no control character, nothing hidden, no sidecar."""
    return (
        bool(part)
        and not part.startswith(".")
        and not part.endswith(SIDECAR)
        and not any(character in FORBIDDEN or character < " " for character in part)
        and len(os.fsencode(part)) <= LONGEST_PART_BYTES - len(SIDECAR)
    )


def _write_flushed(path: Path, source: BinaryIO) -> tuple[int, bytes]:
    """Copy `source` into a new file and flush it to the disk; its size and MD5."""
    digest = hashlib.md5(usedforsecurity=False)  # the original's sidecar holds it
    size = 0
    with path.open("xb") as file:
        while block := source.read(BLOCK_BYTES):
            file.write(block)
            digest.update(block)
            size += len(block)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.digest()


def _flush_folder(folder: Path) -> None:
    """Make a rename in the folder durable. Windows has no such call and needs none (NTFS journals names)."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _attributes(content_type: str, original_name: str, digest: bytes) -> dict[str, Any]:
    """The sidecar's content, key by key as the original writes it."""
    return {
        "user.cache_control": "",
        "user.content_disposition": "",
        "user.content_encoding": "",
        "user.content_language": "",
        "user.content_type": content_type,
        "user.metadata": {"original-filename": original_name} if original_name else None,
        "md5": base64.b64encode(digest).decode("ascii"),
    }


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + SIDECAR)


def _content_type(path: Path) -> str:
    """The type noted when the file was stored, else what its content looks like."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        noted = json.loads(_sidecar(path).read_text(encoding="utf-8"))["user.content_type"]
        if isinstance(noted, str) and noted:
            return noted
    with path.open("rb") as file:
        return sniff_stream(file).name


class _disk_errors:  # noqa: N801 - used as a statement
    """Turn an OSError into the StorageError that says what it means. A network error is the source's, and passes."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, OSError) or isinstance(error, ConnectionError | TimeoutError):
            return
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError("The disk is full: the file was not stored.", "Make space on the data folder's disk.")
        raise DiskFailedError(f"The file storage failed: {error.strerror or error}.", f"Look at {error.filename}.")
