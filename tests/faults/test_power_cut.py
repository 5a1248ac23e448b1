"""The power goes while clients write: nothing acknowledged is lost, and the box opens again.

The real server runs with a preloaded library that journals what it asks of the disk (shim/disk.c). Each cut rebuilds
the folder as a disk could hold it at that moment (disk.py), and the real program opens it (after_cut.py). A cut is
drawn from the seed that a failure names.

HOMEPORT_TEST_CUTS=1000 makes a long run of it; HOMEPORT_TEST_SEED=7 draws the cuts of an earlier one.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.disk import NONE, Disk
from tests.faults.journal import Kind, read_journal
from tests.faults.power_cut import Cut, Run, cut_again, cuts_in, keep_evidence, record_run, replay, same_as_program_saw
from tests.faults.shim import Shim
from tests.oracle import ROOT

CUTS = int(os.environ.get("HOMEPORT_TEST_CUTS", "300"))
SEED = int(os.environ.get("HOMEPORT_TEST_SEED", random.SystemRandom().randrange(1_000_000)))
REQUESTS = 420
CUTS_SERVED = 60  # of so many cuts one is judged by the whole server, too


def evidence(run: Run, cuts: list[Cut], folder: Path) -> str:
    bad = [cut for cut in cuts if cut.problems]
    told = "\n".join(f"cut at {cut.place} after {cut.acknowledged} answers: {cut.problems[:5]}" for cut in bad[:10])
    return f"{len(bad)} of {len(cuts)} cuts lost something\n{told}\n{keep_evidence(run, folder)}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "options"),
    [
        pytest.param(0.5, {}, id="as it runs"),
        pytest.param(0.3, {"change": "many checkpoints"}, id="with a checkpoint every few commits"),
        pytest.param(0.2, {"fail_sync": 9}, id="while every ninth fsync fails"),
    ],
)
def test_a_power_cut_takes_nothing_acknowledged(
    shim: Shim, ground: Path, tmp_path: Path, share: float, options: dict[str, Any]
) -> None:
    run = record_run(shim, SEED, REQUESTS, **options)
    assert same_as_program_saw(run), "the journal does not make the folder that the server left"
    statuses = [status for visitor in run.visitors for status in visitor.statuses]
    assert len(statuses) > REQUESTS * 0.9
    assert (503 in statuses) == bool(shim.plan.failures)
    assert run.history.acknowledged(shim.position) > REQUESTS / 2
    cuts = list(replay(run, round(CUTS * share), ground, CUTS_SERVED))
    assert not any(cut.problems for cut in cuts), evidence(run, cuts, tmp_path)


@pytest.mark.slow
def test_a_second_power_cut_while_the_box_recovers_takes_nothing_either(
    shim: Shim, ground: Path, tmp_path: Path, library: Path
) -> None:
    run = record_run(shim, SEED, 150, change="many checkpoints")
    late = [place for place in cuts_in(shim.journal, SEED, 100) if place > shim.position / 2]
    for number, place in enumerate(random.Random(SEED).sample(late, max(CUTS // 100, 1))):
        again = ground / f"again {number}"
        again.mkdir()
        cuts = list(cut_again(run, place, Shim(library, again), 12))
        assert not any(cut.problems for cut in cuts), f"after the cut at {place}: {evidence(run, cuts, tmp_path)}"


@pytest.mark.slow
def test_normal_durability_loses_answered_writes_and_damages_nothing(shim: Shim, ground: Path) -> None:
    """What docs/explanation/durability.md says that it risks."""
    run = record_run(shim, SEED, 200, options=("--durability", "normal"))
    problems = [problem for cut in replay(run, 40, ground) for problem in cut.problems]
    assert {problem.split(":")[0] for problem in problems} <= {"lost", "a row names a file that is not there"}
    assert any(problem.startswith("lost") for problem in problems)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["synchronous off", "uploads not flushed", "an fsync that lies"])
def test_control_a_disk_that_is_not_waited_for_loses(shim: Shim, ground: Path, kind: str) -> None:
    shim.plan.sync_lies = kind == "an fsync that lies"
    run = record_run(shim, SEED, 100, change="nothing" if shim.plan.sync_lies else kind)
    assert any(cut.problems for cut in replay(run, 20, ground)), "the harness did not notice that nothing was promised"


PUT = """
import io, sys
from pathlib import Path
from appliance.files.local import LocalStorage
LocalStorage(Path(sys.argv[1])).put("collection/record/page.txt", io.BytesIO(b"a page"))
"""


def test_an_upload_is_on_the_disk_with_every_folder_above_it(shim: Shim) -> None:
    """Without a database whose own flushes would save the names by the way."""
    command = [sys.executable, "-c", PUT, str(shim.folder / "storage")]
    subprocess.run(command, env=shim.journalling, cwd=ROOT, check=True)
    disk = Disk(random.Random(0))
    for event in read_journal(shim.journal):
        disk.follow(event)
    image = disk.image(random.Random(SEED), NONE)
    assert image.get("storage/collection/record/page.txt") == b"a page", sorted(image)


SECRETS = {
    "the dashboard's key": "from dashboard.session import read_key; read_key(path)",
    "the set-up code": "from appliance.auth.first_run import _create; _create(path)",
    "the settings' key": "from appliance.core.settings.sealed import Seal; Seal(path).close('a text')",
}


@pytest.mark.parametrize("program", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_whole_or_not_there(shim: Shim, program: str) -> None:
    """Half of a key would lock out its owner; one of zeros would let anybody in."""
    path = shim.folder / "secret"
    start = "import sys; from pathlib import Path; path = Path(sys.argv[1]); "
    subprocess.run([sys.executable, "-c", start + program, str(path)], env=shim.journalling, cwd=ROOT, check=True)
    secret, disk, found = path.read_bytes(), Disk(random.Random(0)), set()
    for event in read_journal(shim.journal):
        disk.follow(event)
        found |= {disk.image(random.Random(f"{SEED} {number}")).get("secret") for number in range(50)}
    assert found == {None, secret}


def test_the_library_sees_what_sqlite_and_python_do(shim: Shim) -> None:
    """SQLite comes in a wheel of its own, and calls the 64-bit names."""
    program = """
import os, sys
from appliance.storage.lean_peewee import sqlite_driver
os.chdir(sys.argv[1])
database = sqlite_driver.connect("data.db")
database.execute("PRAGMA journal_mode = wal")
database.execute("CREATE TABLE notes (title)")
os.mkdir("a")
with open("a/one", "w") as file:
    file.write("x" * 5000)
    file.flush()
    os.ftruncate(file.fileno(), 100)
    os.fsync(file.fileno())
    os.pwritev(file.fileno(), [b"b", b"c"], 2)
os.rename("a/one", "two")
os.link("two", "three")
folder = os.open(".", os.O_RDONLY)
os.fsync(folder)
os.unlink("three", dir_fd=folder)
os.rmdir("a")
"""
    subprocess.run([sys.executable, "-c", program, str(shim.folder)], env=shim.journalling, cwd=ROOT, check=True)
    events = list(read_journal(shim.journal))
    assert {event.kind for event in events} == set(Kind) - {Kind.SYNC_FAILED}
    assert same_as_program_saw(Run(shim, 0))
    assert any(event.kind is Kind.WRITE and b"CREATE TABLE notes" in event.more for event in events)
