"""Uploads on the local disk: the contract, and how they lie there."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from appliance.errors import DiskFullError, StorageError
from appliance.files.local import LocalStorage
from tests.contracts.file_storage import KEY, PNG, FileStorageContract


@pytest.fixture
def files(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "storage")


class TestLocalStorage(FileStorageContract):
    """The local disk is a file storage."""


def test_the_sidecar_is_the_originals(files: LocalStorage) -> None:
    files.put(KEY, io.BytesIO(b"hello"), "text/plain; charset=utf-8", original_name="Ünï.txt")
    # Noted from PocketBase 0.40.6 for the same upload.
    assert (files.root / f"{KEY}.attrs").read_text(encoding="utf-8") == (
        '{"user.cache_control":"","user.content_disposition":"","user.content_encoding":"",'
        '"user.content_language":"","user.content_type":"text/plain; charset=utf-8",'
        '"user.metadata":{"original-filename":"Ünï.txt"},"md5":"XUFAKrxLKna5cZ2REBfFkg=="}'
    )


@pytest.mark.parametrize(
    "sidecar",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(b'{"user.content_ty', id="torn"),
        pytest.param(b"[]", id="another JSON value"),
        pytest.param(b'{"user.content_type": 5}', id="a type that is no text"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
    ],
)
def test_with_a_broken_sidecar_the_type_is_found_in_the_content(files: LocalStorage, sidecar: bytes | None) -> None:
    files.put(KEY, io.BytesIO(PNG), "image/x-noted")
    path = files.root / f"{KEY}.attrs"
    path.unlink() if sidecar is None else path.write_bytes(sidecar)
    found = files.find(KEY)
    assert found is not None
    assert found.content_type == "image/png"


def test_deleting_the_last_file_leaves_no_folder_and_no_sidecar(files: LocalStorage) -> None:
    files.put(KEY, io.BytesIO(b"x"))
    files.delete(KEY)
    assert not (files.root / "pbc_1" / "rec_1").exists()


def test_a_start_sweeps_what_a_killed_process_left(files: LocalStorage, tmp_path: Path) -> None:
    left = files.root / ".incoming" / "half"
    left.write_bytes(b"half a fi")
    hours_ago = left.stat().st_mtime - 7200
    os.utime(left, (hours_ago, hours_ago))
    young = files.root / ".incoming" / "young"
    young.write_bytes(b"of a server that runs beside")
    again = LocalStorage(tmp_path / "storage")
    assert not left.exists()
    assert young.exists()
    assert list(again.keys()) == []


def test_the_bytes_and_the_folders_are_flushed_before_put_returns(files: LocalStorage) -> None:
    flushed: list[str] = []
    flush = os.fsync

    def note(number: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{number}"))
        flush(number)

    with patch("os.fsync", note):
        files.put(KEY, io.BytesIO(b"x"))
    root = str(files.root)
    assert flushed[0].startswith(f"{root}/.incoming/")
    assert flushed[1:] == [f"{root}/pbc_1/rec_1", f"{root}/pbc_1", root]


@pytest.fixture
def full_disk(files: LocalStorage) -> Iterator[None]:
    """A flush that finds no space, once `files` is open; a quota can't be had in a test run without root."""
    with patch("os.fsync", side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))):
        yield


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_said_and_leaves_nothing(files: LocalStorage) -> None:
    with pytest.raises(DiskFullError):
        files.put(KEY, io.BytesIO(b"x"))
    assert list(files.keys()) == []
    assert list((files.root / ".incoming").iterdir()) == []


def test_another_disk_error_is_a_storage_error(files: LocalStorage) -> None:
    with patch("os.fsync", side_effect=OSError(errno.EIO, "I/O error")), pytest.raises(StorageError) as caught:
        files.put(KEY, io.BytesIO(b"x"))
    assert not isinstance(caught.value, DiskFullError)


def test_the_modified_date_is_utc(files: LocalStorage) -> None:
    files.put(KEY, io.BytesIO(b"x"))
    os.utime(files.root / KEY, (0, 0))
    found = files.find(KEY)
    assert found is not None
    assert found.modified.isoformat() == "1970-01-01T00:00:00+00:00"
    assert found.path == files.root / KEY
    assert json.loads((files.root / f"{KEY}.attrs").read_text())["user.metadata"] is None
