"""All collections in memory: one immutable snapshot, swapped when a schema change commits.

While a change runs, its own write sees a pending snapshot; everybody else goes on with the committed one. The
pending snapshot is dropped with the write that made it, so memory never knows a schema that the disk doesn't.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from appliance.core.collection import ROW_COLUMNS, Collection, collection_from_row
from appliance.core.collections.options import complete_options
from appliance.core.shapes import WrongShape
from appliance.errors import BusyError, NotFound, SchemaMovedError, StorageError, ValidationFailed

if TYPE_CHECKING:
    from appliance.storage.database import Database, Row

Result = TypeVar("Result")
TABLE: Final = "_collections"
_SELECT: Final = f"SELECT {', '.join(f'`{name}`' for name in ROW_COLUMNS)} FROM `{TABLE}` ORDER BY rowid"  # noqa: S608 - constants

TRIES: Final = 10
SETTLING_SECONDS: Final = 5.0

_revisions = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Every collection by id, in order of creation, and the id of each lower-case name."""

    by_id: Mapping[str, Collection] = field(default_factory=dict)
    id_by_name: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, collections: Iterable[Collection]) -> _Snapshot:
        """A snapshot in which all share one new revision: a plan compiled for one may read from another."""
        revision = next(_revisions)
        by_id = {each.id: replace(each, revision=revision) for each in collections}
        return cls(by_id, {each.name.lower(): each.id for each in by_id.values()})

    def find(self, name_or_id: str) -> Collection | None:
        """By id as written, else by name in any case."""
        found = self.by_id.get(name_or_id)
        return found or self.by_id.get(self.id_by_name.get(name_or_id.lower(), ""))


class CollectionStore:
    """The collections of one database. Reading costs a dict lookup and takes no lock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._committed = _Snapshot()
        self._pending: _Snapshot | None = None
        self._at_rest = threading.Event()  # cleared from right before a schema change's COMMIT until it counts
        self._at_rest.set()

    def find(self, name_or_id: str) -> Collection | None:
        """The collection of that id, or of that name in any letter case, or None."""
        return self._current().find(name_or_id)

    def get(self, name_or_id: str) -> Collection:
        """The collection of that name or id. Raises NotFound."""
        found = self.find(name_or_id)
        if found is None:
            raise NotFound()
        return found

    def all(self) -> list[Collection]:
        """Every collection, oldest first."""
        return list(self._current().by_id.values())

    def reload(self) -> None:
        """Read every row again. Inside a write the result counts for that write, and for all once it commits."""
        if self._database.is_writing:
            self._stage(self._load())
        else:
            self._committed = self._load()

    def change(self, work: Callable[[], Result]) -> Result:
        """Run `work` as `Database.write` does; whatever it put or dropped is forgotten again when it raises.

        A pending snapshot found at the start is of an earlier write in the same transaction, or of one whose COMMIT
        has just failed: the rows tell.
        """

        def guarded() -> Result:
            if self._pending is not None:
                self._pending = self._load()
            before = self._pending
            try:
                return work()
            except BaseException:
                self._pending = before
                raise

        return self._database.write(guarded)

    def steady(self, read: Callable[[], Result]) -> Result:
        """Run `read`, which has no effects, against one schema: again when a schema change commits meanwhile.

        A plan made for one schema and run on the next could read a column under its neighbour's name. The price of
        knowing is two comparisons. Raises what `read` raises, and BusyError when the schema never rests.
        """
        if self._database.is_writing:
            return read()
        for _ in range(TRIES):
            seen = self._settled()
            try:
                result = read()
            except Exception:
                if self._is_still(seen):
                    raise
            else:
                if self._is_still(seen):
                    return result
        raise BusyError("The schema keeps changing.", "Something changes collections in a loop. Stop it.")

    def require_current(self, collection: Collection) -> None:
        """Inside a write: raise SchemaMovedError when the collection is no longer as the request read it."""
        now = self.find(collection.id)
        if now is None or now.revision != collection.revision:
            raise SchemaMovedError(f"The collection {collection.name} has just changed.", "Send the request again.")

    def put(self, collection: Collection) -> Collection:
        """Inside `change`: add or replace one collection, and return it with its new revision."""
        self._stage(_Snapshot.of({**self._current().by_id, collection.id: collection}.values()))
        return self._current().by_id[collection.id]

    def drop(self, collection: Collection) -> None:
        """Inside `change`: forget one collection."""
        self._stage(_Snapshot.of(each for each in self.all() if each.id != collection.id))

    def _current(self) -> _Snapshot:
        if self._pending is not None and self._database.is_writing:
            return self._pending
        return self._committed

    def _load(self) -> _Snapshot:
        return _Snapshot.of(_read_row(row) for row in self._database.query(_SELECT))

    def _stage(self, snapshot: _Snapshot) -> None:
        def forget() -> None:
            if self._pending is snapshot:
                self._pending = None
            self._at_rest.set()

        self._pending = snapshot
        self._database.before_commit(self._at_rest.clear)
        self._database.on_commit(self._publish)
        self._database.after_commit(_nothing, on_rollback=forget)

    def _publish(self) -> None:
        if self._pending is not None:
            self._committed, self._pending = self._pending, None
        self._at_rest.set()

    def _settled(self) -> _Snapshot:
        """The committed snapshot, once no schema change is between its COMMIT and its snapshot's turn."""
        if not self._at_rest.is_set():
            self._at_rest.wait(SETTLING_SECONDS)
        return self._committed

    def _is_still(self, seen: _Snapshot) -> bool:
        return self._at_rest.is_set() and self._committed is seen


def _read_row(row: Row) -> Collection:
    """The collection of a row, with empty values for options that the version which wrote it did not know."""
    try:
        collection = collection_from_row(row)
        return replace(collection, options=complete_options(collection.type, collection.options))
    except (ValidationFailed, WrongShape, ValueError) as error:
        name = row[ROW_COLUMNS.index("name")]
        hint = "It may come from a newer version. Start that version, or restore the latest backup."
        raise StorageError(f"The stored collection {name} can't be read: {error}", hint) from error


def _nothing() -> None:
    """The after-commit half of a callback that only cares about a rollback."""
