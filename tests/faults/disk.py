"""A disk as POSIX promises it, no better: built from the journal, cut at any place.

What is promised   after fsync(file): its bytes and size as they were when the fsync began, not its name
                   after fsync(folder): the names in it
What is not        any part of the rest may be there or not, at a power cut, in any order: `image` draws one such state

    writes    dropped; all there; a prefix with the last one torn; or any subset, torn at sectors or bytes,
              in any order between two truncates. A file may have grown without its bytes: zeros
    names     dropped; all there; or any subset that is in order for each name. A rename is one change, whole or not
              at all, as every journalling file system does it
    a failed fsync    promises nothing, and what it was to flush may be gone for good though reads still show it
                      (Linux marks such pages clean: a later fsync that succeeds does not bring them back)
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.journal import Event, Kind

SECTOR = 512
ALL, SOME, NONE = "all", "some", "none"  # how much of what was not promised is there


@dataclass(eq=False, slots=True)
class File:
    """`safe` is on the disk for sure; `pending` are the changes since, oldest first."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[Event] = field(default_factory=list)

    def settle(self, promised: list[Event]) -> None:
        """An fsync has ended: what was there at its begin is safe."""
        kept = {id(change) for change in promised}
        apply([change for change in self.pending if id(change) in kept], self.safe)
        self.pending = [change for change in self.pending if id(change) not in kept]

    def forget(self, promised: list[Event], rng: random.Random) -> None:
        """An fsync has failed: some of its writes will never reach the disk."""
        lost = {id(change) for change in promised if change.kind is Kind.WRITE and rng.random() < 0.5}
        self.pending = [change for change in self.pending if id(change) not in lost]

    def after_cut(self, rng: random.Random, spared: str) -> bytes:
        """One state that the disk may hold."""
        if not self.pending or spared == NONE:
            return bytes(self.safe)
        content = bytearray(self.safe)
        apply(self.pending if spared == ALL else survivors(self.pending, rng), content)
        longest = max(change.number + len(change.more) for change in self.pending)
        if spared == SOME and longest > len(content) and rng.random() < 0.3:
            content.extend(bytes(longest - len(content)))
        return bytes(content)


def apply(changes: Iterable[Event], content: bytearray) -> None:
    """Carry out writes and truncates. A gap is zeros."""
    for change in changes:
        end = change.number + len(change.more)
        if end > len(content):
            content.extend(bytes(end - len(content)))
        if change.kind is Kind.TRUNCATE:
            del content[change.number :]
        else:
            content[change.number : end] = change.more


def survivors(pending: list[Event], rng: random.Random) -> list[Event]:
    """Which changes of a file have reached the disk, in an order in which they may have."""
    mode = rng.choice((NONE, ALL, "prefix", "subset", "subset"))
    if mode in (NONE, ALL):
        return pending if mode == ALL else []
    if mode == "prefix":
        count = rng.randrange(len(pending))
        return [*pending[:count], *torn(pending[count], rng)]
    kept: list[Event] = []
    segment: list[Event] = []
    for change in pending:
        if change.kind is Kind.TRUNCATE:
            rng.shuffle(segment)
            kept += [*segment, *([change] if rng.random() < 0.5 else [])]
            segment = []
        elif (chance := rng.random()) > 0.4:
            segment += torn(change, rng) if chance < 0.6 else [change]
    rng.shuffle(segment)
    return kept + segment


def torn(change: Event, rng: random.Random) -> list[Event]:
    """Parts of one write: its first bytes, or any of its sectors."""
    if change.kind is Kind.TRUNCATE:
        return []
    if rng.random() < 0.3:
        return [change._replace(more=change.more[: rng.randrange(len(change.more) + 1)])]
    places = range(0, len(change.more), SECTOR)
    parts = [change._replace(number=change.number + at, more=change.more[at : at + SECTOR]) for at in places]
    return [part for part in parts if rng.random() < 0.5]


@dataclass(eq=False, slots=True)
class Folder:
    """`live` is what the program sees, `safe` what is on the disk for sure."""

    live: dict[str, Node] = field(default_factory=dict)
    safe: dict[str, Node] = field(default_factory=dict)


Node = File | Folder
Put = tuple[Folder, str, Node | None]


@dataclass(frozen=True, eq=False, slots=True)
class Edit:
    """A change of names, all or nothing. None takes a name away."""

    puts: tuple[Put, ...]

    @property
    def places(self) -> set[tuple[int, str]]:
        """Which names it is about."""
        return {(id(folder), name) for folder, name, _ in self.puts}


class Disk:
    """Follows a journal that begins with an empty folder, or with what `load` finds. `image` at any place."""

    def __init__(self, rng: random.Random) -> None:
        self._root = Folder()
        self._nodes: dict[int, Node] = {}
        self._edits: list[Edit] = []
        self._promised: dict[int, list[Event] | list[Edit]] = {}
        self._rng = rng
        self._follow = {
            Kind.CREATE: self._create,
            Kind.MKDIR: self._create,
            Kind.WRITE: self._change,
            Kind.TRUNCATE: self._change,
            Kind.RENAME: self._move,
            Kind.LINK: self._link,
            Kind.UNLINK: self._remove,
            Kind.RMDIR: self._remove,
            Kind.SYNC_BEGIN: self._begin_sync,
            Kind.SYNC_END: self._end_sync,
            Kind.SYNC_FAILED: self._fail_sync,
        }

    def load(self, folder: Path) -> None:
        """Begin with all that lies in `folder`, safe on the disk."""
        for path in sorted(folder.rglob("*")):
            node = Folder() if path.is_dir() else File(bytearray(path.read_bytes()))
            inside, name = self._place(path.relative_to(folder).as_posix())
            inside.live[name] = inside.safe[name] = self._nodes[path.stat().st_ino] = node

    def follow(self, event: Event) -> None:
        """Take in the next record."""
        self._follow[event.kind](event)

    def image(self, rng: random.Random, spared: str = SOME) -> dict[str, bytes | None]:
        """What may lie on the disk now: contents by path, None for a folder. `spared` of what was not promised:
        some, drawn from `rng`; all, which is what the program sees; or none."""
        folders: dict[int, dict[str, Node]] = {}
        for edit in kept_edits(self._edits, rng, spared):
            for folder, name, node in edit.puts:
                put(folders.setdefault(id(folder), dict(folder.safe)), name, node)
        image: dict[str, bytes | None] = {}

        def add(folder: Folder, prefix: str) -> None:
            for name, node in sorted(folders.get(id(folder), folder.safe).items()):
                if isinstance(node, Folder):
                    image[prefix + name] = None
                    add(node, f"{prefix}{name}/")
                else:
                    image[prefix + name] = node.after_cut(rng, spared)

        add(self._root, "")
        return image

    # ---- one method a kind of record

    def _create(self, event: Event) -> None:
        node = self._nodes[event.inode] = Folder() if event.kind is Kind.MKDIR else File()
        self._edit((*self._place(event.path), node))

    def _change(self, event: Event) -> None:
        self._file(event).pending.append(event)

    def _move(self, event: Event) -> None:
        old, new = self._place(event.path), self._place(event.more.decode())
        self._edit((*new, old[0].live[old[1]]), (*old, None))

    def _link(self, event: Event) -> None:
        folder, name = self._place(event.path)
        self._edit((*self._place(event.more.decode()), folder.live[name]))

    def _remove(self, event: Event) -> None:
        self._edit((*self._place(event.path), None))

    def _begin_sync(self, event: Event) -> None:
        node = self._synced(event)
        if isinstance(node, File):
            self._promised[event.number] = list(node.pending)
        else:
            self._promised[event.number] = [edit for edit in self._edits if any(put[0] is node for put in edit.puts)]

    def _end_sync(self, event: Event) -> None:
        node, promised = self._synced(event), self._promised.pop(event.number)
        if isinstance(node, File):
            node.settle(promised)  # type: ignore[arg-type]
        else:
            self._settle(promised)  # type: ignore[arg-type]

    def _fail_sync(self, event: Event) -> None:
        node, promised = self._synced(event), self._promised.pop(event.number)
        if isinstance(node, File):
            node.forget(promised, self._rng)  # type: ignore[arg-type]

    # ---- names

    def _synced(self, event: Event) -> Node:
        """Every inode but the first folder's was in the journal when it was made."""
        return self._nodes.get(event.inode, self._root)

    def _file(self, event: Event) -> File:
        node = self._nodes[event.inode]
        assert isinstance(node, File), event
        return node

    def _place(self, path: str) -> tuple[Folder, str]:
        """The folder, as the program sees it, and the name in it."""
        folder, parts = self._root, path.split("/")
        for part in parts[:-1]:
            inside = folder.live[part]
            assert isinstance(inside, Folder), path
            folder = inside
        return folder, parts[-1]

    def _edit(self, *puts: Put) -> None:
        for folder, name, node in puts:
            put(folder.live, name, node)
        self._edits.append(Edit(puts))

    def _settle(self, promised: list[Edit]) -> None:
        """These are safe, and so is every earlier change of the same names."""
        wanted: set[tuple[int, str]] = set()
        settled: list[Edit] = []
        for edit in reversed(self._edits):
            if edit in promised or edit.places & wanted:
                wanted |= edit.places
                settled.append(edit)
        for edit in reversed(settled):
            self._edits.remove(edit)
            for folder, name, node in edit.puts:
                put(folder.safe, name, node)


def put(names: dict[str, Node], name: str, node: Node | None) -> None:
    """Set or take away a name."""
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def kept_edits(edits: list[Edit], rng: random.Random, spared: str) -> list[Edit]:
    """Which changes of names have reached the disk: for each name, none after one that has not."""
    chance = {ALL: 1.0, NONE: 0.0, SOME: rng.choice((0.0, 1.0, 0.5, 0.9))}[spared]
    lost: set[tuple[int, str]] = set()
    kept: list[Edit] = []
    for edit in edits:
        if rng.random() < chance and not edit.places & lost:
            kept.append(edit)
        else:
            lost |= edit.places
    return kept
