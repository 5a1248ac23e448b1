"""The data folder: made private, refused where SQLite can't be safe, held by one server at a time.

SQLite's write-ahead log needs shared memory between processes and honest locks; network and user-space file systems
have neither, and a database there breaks sooner or later (https://sqlite.org/wal.html, "Disadvantages").
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from appliance.errors import ConfigError, DataInUseError, UnsafeFolderError
from appliance.storage.folder_swap import flush_folder

LOCK_FILE = "homeport.lock"
RUNNING_FILE = "homeport.running"
PORT_FILE = "last-port"
UNSAFE_SYSTEMS = frozenset(
    {"9p", "afpfs", "afs", "ceph", "cifs", "davfs", "ncpfs", "nfs", "nfs4", "prl_fs", "smb2", "smb3", "smbfs", "sshfs",
     "vboxsf", "vmhgfs", "webdav"}
)  # fmt: skip


def prepare_folder(folder: Path) -> None:
    """Make the folder for its owner only, if it is missing. Raises ConfigError, UnsafeFolderError."""
    require_safe_system(folder)
    made = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flush_names(folder, made)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"The data folder {folder} can't be made: {reason}.", "Name another with --dir.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"The data folder {folder} can't be written.", "Give this user the right, or use --dir.")


def flush_names(folder: Path, made: Sequence[Path]) -> None:
    """Put the folder's own name on the disk: without it, a power cut takes the folder with all that is flushed in it.
    Always, for the last start may have been killed between making the folder and this."""
    for parent in folder.parents[: len(made) + 1]:
        with contextlib.suppress(PermissionError):  # a parent that we may not read: another user made the folder
            flush_folder(parent)


def require_safe_system(folder: Path) -> None:
    """Raise UnsafeFolderError when the folder lies, or would lie, on a network or user-space file system."""
    system = file_system_of(folder)
    if system in UNSAFE_SYSTEMS or system.startswith(("fuse", "macfuse", "osxfuse")):
        message = f"The data folder {folder} lies on a {system} file system, where a database loses data."
        raise UnsafeFolderError(message, "Put it on a local disk with --dir, and copy backups to the network instead.")


def file_system_of(folder: Path) -> str:
    """The type of the file system that holds the folder: ext4, nfs4, ...; "" when the system does not tell."""
    import psutil

    target = nearest_existing(folder)
    mounts = [part for part in psutil.disk_partitions(all=True) if target.is_relative_to(part.mountpoint)]
    if not mounts:
        return ""
    longest = max(len(part.mountpoint) for part in mounts)
    return str([part for part in mounts if len(part.mountpoint) == longest][-1].fstype).lower()


def nearest_existing(folder: Path) -> Path:
    """The folder itself or the closest parent that is there, links followed."""
    return next(path for path in (folder, *folder.parents) if path.exists()).resolve()


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder for this process. The system frees it when the process dies. Raises DataInUseError."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise in_use(folder) from error
    try:
        yield
    finally:
        (folder / RUNNING_FILE).unlink(missing_ok=True)
        lock.release()


def in_use(folder: Path) -> DataInUseError:
    """Who holds the folder, as far as it has said."""
    running = read_running(folder)
    where = f" at {running['url']} (process {running['pid']})" if running else ""
    message = f"Homeport already serves the data folder {folder}{where}."
    return DataInUseError(message, "Use that one, stop it first, or name another folder with --dir.")


def read_running(folder: Path) -> dict[str, Any]:
    """What the server that holds the folder wrote about itself: url and pid. Empty when it has not."""
    try:
        found = json.loads((folder / RUNNING_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and {"url", "pid"} <= found.keys() else {}


def write_running(folder: Path, url: str) -> None:
    """Tell a second start where this server is."""
    beside = folder / f"{RUNNING_FILE}.new"
    beside.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    beside.replace(folder / RUNNING_FILE)


def remembered_port(folder: Path, default: int) -> int:
    """The port that this folder's server gave way to last time: phones know it. Else the default."""
    try:
        return int((folder / PORT_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return default


def remember_port(folder: Path, port: int) -> None:
    """Keep the port for the next start."""
    (folder / PORT_FILE).write_text(f"{port}\n", encoding="ascii")
