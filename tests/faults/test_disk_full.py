"""The disk is full: writes are refused with 507, reads go on, and once there is space again all is as before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.faults.killed import Box
from tests.faults.served import NOTES, require_json_error, served
from tests.faults.shim import Shim

SIZE = "12m"  # of the small disk: SQLite keeps up to 4 MiB in its log
ROOM_BYTES = 300_000
MANY = 60

Fill = Callable[[], None]
SmallDisk = Callable[[Shim], AbstractContextManager[tuple[Box, Fill, Fill]]]


def mount(*options: str) -> None:
    run = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        pytest.skip(f"root must be allowed to mount: {run.stderr.strip()}")


@contextmanager
def by_the_library(shim: Shim) -> Iterator[tuple[Box, Fill, Fill]]:
    """A disk on which files can't grow any more."""

    def fill() -> None:
        shim.plan.space = ROOM_BYTES

    def free() -> None:
        shim.plan.space = -1

    yield Box(shim.folder, environ=shim.environ), fill, free


@contextmanager
def by_the_kernel(shim: Shim) -> Iterator[tuple[Box, Fill, Fill]]:
    """A file system in memory of a few MiB, and a file that takes what is left of it."""
    folder = shim.folder
    mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder))

    def fill() -> None:
        left = os.statvfs(folder)
        size = max(left.f_bavail * left.f_frsize - ROOM_BYTES, 1)
        with (folder / "ballast").open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, size)

    try:
        yield Box(folder), fill, (folder / "ballast").unlink
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "small_disk",
    [pytest.param(by_the_library, id="files can't grow"), pytest.param(by_the_kernel, id="a small file system")],
)
def test_a_full_disk_refuses_writes_and_nothing_else(shim: Shim, small_disk: SmallDisk) -> None:
    with small_disk(shim) as (box, fill, free), served(box) as here:
        assert set(here.write("before", MANY)) == {200, 204}
        fill()
        refused = here.write("meanwhile", MANY * 3)
        assert set(refused) <= {200, 204, 507}, refused
        assert refused[507] > MANY, refused
        require_json_error(here.http.post(NOTES, json={"title": "no room", "text": "long" * 1000}), 507)
        upload = {"data": {"title": "no room"}, "files": {"page": ("page.bin", bytes(ROOM_BYTES + 1))}}
        require_json_error(here.http.post(NOTES, **upload), 507)
        here.administrator.run(1)
        assert set(here.administrator.statuses[-2:]) == {507}, "a new field and a new name need space, too"
        assert set(here.reads()) == {200}
        free()
        assert set(here.write("afterwards", MANY)) == {200, 204}
        assert list((box.data / "storage" / ".incoming").iterdir()) == []
        assert here.problems() == []


def test_a_folder_that_may_only_be_read_is_refused_at_the_start(shim: Shim) -> None:
    box = Box(shim.folder)
    box.make_superuser()
    mount("--bind", "-o", "ro", str(box.data), str(box.data))
    try:
        command = [*box.program, "serve", "--dir", str(box.data), "--http", "127.0.0.1:0", "--headless"]
        run = subprocess.run(command, env=box.environ, capture_output=True, text=True, timeout=30, check=False)
    finally:
        subprocess.run(["umount", "--lazy", str(box.data)], check=True)
    assert run.returncode == 3
    assert "can't be written" in run.stderr
    assert "Traceback" not in run.stderr
