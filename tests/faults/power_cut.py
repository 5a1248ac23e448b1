"""One run of the real server on a journalled folder, and the replay of power cuts at many places of the journal."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.after_cut import Image, Plate, problems_after_cut, problems_when_served
from tests.faults.disk import ALL, Disk
from tests.faults.history import History
from tests.faults.journal import Kind, read_journal
from tests.faults.killed import Box
from tests.faults.program import changed
from tests.faults.shim import Shim
from tests.faults.workload import Administrator, Visitor, work_together

DATA = "data"
SYNC_US = 2000  # what an fsync takes, so that writes meet in groups


@dataclass
class Run:
    """A journal and what was acknowledged while it was written. `seed` draws the cuts and what each of them spares."""

    shim: Shim
    seed: int
    history: History = field(default_factory=History)
    visitors: list[Visitor] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.shim.folder / DATA


def record_run(
    shim: Shim, seed: int, requests: int, change: str = "nothing", options: Sequence[str] = (), fail_sync: int = 0
) -> Run:
    """Make a box from nothing, let clients work on it, kill it. All of it is journalled. `change`: program.py's;
    every `fail_sync`-th fsync fails while the clients work."""
    run = Run(shim, seed)
    box = Box(shim.folder, changed(change), options, shim.journalling, log=shim.folder.parent / "log")
    run.history.add(("setting", "appName"), "Acme", 0).answered = 0  # every box is called so until somebody renames it
    step = run.history.add(("superuser", "first"), True, 0)
    box.make_superuser()
    step.answered = shim.position
    try:
        box.start()
        Administrator(box.url, run.history, lambda: shim.position).make_collection()
        shim.plan.sync_delay_us, shim.plan.fail_sync = SYNC_US, fail_sync
        run.visitors = work_together(box.url, run.history, lambda: shim.position, requests)
    finally:
        box.kill()
    return run


def cuts_in(journal: Path, seed: int, count: int) -> list[int]:
    """Where the power goes: anywhere, but every other time right at an fsync's end, where a promise begins."""
    rng = random.Random(seed)
    events = list(read_journal(journal))
    ends = [place for place, event in enumerate(events) if event.kind is Kind.SYNC_END]
    places: set[int] = set()
    while len(places) < min(count, len(events)):
        near_end = ends and rng.random() < 0.5
        place = rng.choice(ends) + rng.choice((-1, 0, 1, 2)) if near_end else rng.randrange(len(events))
        places.add(min(max(place, 0), len(events) - 1))
    return [events[place].end for place in sorted(places)]


@dataclass(frozen=True)
class Cut:
    """One power cut: where, how many acknowledged requests it had to spare, and what is wrong afterwards."""

    place: int
    acknowledged: int
    problems: list[str]


def replay(run: Run, count: int, folder: Path, served_every: int = 0) -> Iterator[Cut]:
    """Cut the power `count` times. Every `served_every`-th time the whole server judges, too."""
    ends = {end: number for number, end in enumerate(cuts_in(run.shim.journal, run.seed, count), 1)}
    disk = Disk(random.Random(run.seed))
    plate = Plate(folder / "plate")
    for event in read_journal(run.shim.journal):
        disk.follow(event)
        if event.end not in ends:
            continue
        plate.lay(disk.image(random.Random(f"{run.seed} {event.end}")))
        data = plate.folder / DATA
        problems: list[str] = []
        data.mkdir(exist_ok=True)  # as the program does
        if served_every and ends[event.end] % served_every == 0:
            problems += problems_when_served(folder, data, run.history, event.end)
        problems += problems_after_cut(data, run.history, event.end)
        yield Cut(event.end, run.history.acknowledged(event.end), problems)


def same_as_program_saw(run: Run) -> bool:
    """Whether all of the journal makes the folder that the program left behind: then nothing went unseen."""
    disk = Disk(random.Random(run.seed))
    for event in read_journal(run.shim.journal):
        disk.follow(event)
    found = {
        path.relative_to(run.shim.folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in run.shim.folder.rglob("*")
        if not path.name.endswith("-shm")
    }
    return disk.image(random.Random(0), ALL) == found


def keep_evidence(run: Run, folder: Path) -> str:
    """How to lay out a failed cut again."""
    shutil.copy(run.shim.journal, folder / "journal")
    return f"again: python -m tests.faults.power_cut {folder / 'journal'} {run.seed} PLACE FOLDER"


def image_at(journal: Path, seed: int, place: int) -> Image:
    """What the cut at `place` left."""
    disk = Disk(random.Random(seed))
    for event in read_journal(journal):
        if event.end > place:
            break
        disk.follow(event)
    return disk.image(random.Random(f"{seed} {place}"))


def cut_again(run: Run, place: int, shim: Shim, count: int) -> Iterator[Cut]:
    """After the cut at `place` the program opens the folder, writes to it and closes it, on a journal of its own; and
    the power goes a second time, `count` times over. `shim` brings the folder and that journal."""
    Plate(shim.folder).lay(image_at(run.shim.journal, run.seed, place))
    disk = Disk(random.Random(run.seed))
    disk.load(shim.folder)
    Box(shim.folder, changed("nothing"), environ=shim.journalling).make_superuser()
    ends = set(cuts_in(shim.journal, run.seed, count))
    plate = Plate(shim.folder.parent / "plate")
    for event in read_journal(shim.journal):
        disk.follow(event)
        if event.end in ends:
            plate.lay(disk.image(random.Random(f"{run.seed} {event.end}")))
            problems = list(problems_after_cut(plate.folder / DATA, run.history, place))
            yield Cut(event.end, run.history.acknowledged(place), problems)


if __name__ == "__main__":
    Plate(Path(sys.argv[4])).lay(image_at(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
