"""Exact caches of what reads bring: rows by id, and whole answers (totals, pages, verdicts of a rule) by statement.

    a read          version = cache.version(table)  ->  SELECT  ->  cache.keep_...(..., version)
    a commit        committing(touched)  ->  COMMIT  ->  settled(touched)  ->  the writer is answered

Exact means: nobody ever reads what is older than what somebody has read before, and nothing that was acknowledged is
missing. Three rules make it so:

- What a commit touches is dropped right before COMMIT, and nothing about it is served or kept until after it.
- A value is kept only if the table's version is the one from before its SELECT; settling makes a new version.
- Only answers that depend on one table and their parameters alone are kept (`Plan.is_local`): of one table we know
  when it changes. Rows of views and statements with joins are read each time.

A write that doesn't say which row it touches, and a commit of another program on the same file, drop everything.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from sys import getsizeof
from typing import TYPE_CHECKING, Any, Final

import orjson

from appliance.core.bounded import Bounded
from appliance.core.record import Record
from appliance.storage.database import Touched

if TYPE_CHECKING:
    from appliance.core.collection import Collection
    from appliance.core.records.shape import Shape

ROW_BYTES: Final = 24 * 1024 * 1024
ANSWER_BYTES: Final = 16 * 1024 * 1024
ROW_OVERHEAD: Final = 300  # bytes that an entry takes besides its values: tuple, dict places, keys
ANSWER_OVERHEAD: Final = 400
VERDICT_BYTES: Final = 500

RowKey = tuple[str, str]  # table, record id


class StoredRow:
    """One row as it is stored, in the columns of one state of the schema, and its JSON texts once they were asked
    for. Never changed: a new state of the row is a new StoredRow."""

    __slots__ = ("_record", "_texts", "revision", "row")

    def __init__(self, collection: Collection, row: Sequence[Any]) -> None:
        self.revision = collection.revision
        self.row = row
        self._texts: dict[Shape, bytes] = {}
        self._record: Record | None = None

    def record(self, collection: Collection) -> Record:
        """The record, as the caller's own. Accounts are asked for with every request: a copy costs a tenth."""
        if self._record is None:
            self._record = Record.from_row(collection, self.row)
        return self._record.copy()

    def text(self, shape: Shape) -> bytes:
        """The record as JSON text. There are two shapes at most: a superuser's and everybody else's."""
        text = self._texts.get(shape)
        if text is None:
            text = self._texts[shape] = orjson.dumps(shape.as_json(self.row))
        return text

    @property
    def weight(self) -> int:
        """About how many bytes it takes, one JSON text included."""
        return ROW_OVERHEAD + 2 * sum(map(getsizeof, self.row))


class RecordCache:
    """The caches of one database. Reading takes no lock; `committing` and `settled` run on the writer's thread."""

    def __init__(self, row_bytes: int = ROW_BYTES, answer_bytes: int = ANSWER_BYTES) -> None:
        self._rows: Bounded[RowKey, StoredRow] = Bounded(row_bytes)
        self._verdicts: Bounded[Hashable, StoredRow] = Bounded(answer_bytes // 4)
        self._answers: Bounded[Hashable, tuple[int, Any]] = Bounded(answer_bytes)
        self._lock = threading.Lock()
        self._clock = 1
        self._versions: dict[str, int] = {}
        self._oldest = 1  # the version of every table that was not touched since everything was
        self._moving_rows: frozenset[RowKey] = frozenset()
        self._moving_tables: frozenset[str] = frozenset()
        self._all_moves = False

    def version(self, table: str) -> int:
        """The version of a table's rows: ask before a SELECT, and give it when keeping what that brought."""
        return max(self._versions.get(table, 0), self._oldest)

    def find_row(self, collection: Collection, record_id: str) -> StoredRow | None:
        """The row, if it is known in the columns of this collection. A view's rows never are."""
        known = None if self._all_moves else self._rows.get((collection.name, record_id))
        return known if known is not None and known.revision == collection.revision else None

    def row_of(self, collection: Collection, row: Sequence[Any], version: int) -> StoredRow:
        """What is known of a row that was read since `version`, be it nothing more than the row."""
        record_id = row[collection.id_place]
        known = self.find_row(collection, record_id)
        return known if known is not None and known.row == row else self.keep_row(collection, record_id, row, version)

    def find_verdict(self, key: Hashable) -> StoredRow | None:
        """The row about which a rule said yes under this key: its state of then, which need not be that of now."""
        return self._verdicts.get(key)

    def keep_row(
        self, collection: Collection, record_id: str, row: Sequence[Any], version: int, verdict: Hashable | None = None
    ) -> StoredRow:
        """Keep a row that was read since `version`, unless it may have changed, and under `verdict` that a rule let
        it pass. Returns what is known of the row by now."""
        key = (collection.name, record_id)
        with self._lock:
            if version != self.version(collection.name) or self._all_moves or key in self._moving_rows:
                return StoredRow(collection, row)
            stored = self.find_row(collection, record_id)
            if stored is None:
                stored = StoredRow(collection, row)
                self._rows.put(key, stored, stored.weight)
            if verdict is not None:
                self._verdicts.put(verdict, stored, VERDICT_BYTES)
            return stored

    def find_answer(self, table: str, key: Hashable) -> Any:
        """What was kept under this key for the table's present version, or None."""
        kept = self._answers.get(key)
        is_current = kept is not None and kept[0] == self.version(table) and not self._moves(table)
        return kept[1] if kept is not None and is_current else None

    def keep_answer(self, table: str, key: Hashable, answer: Any, size: int, version: int) -> None:
        """Keep what was read since `version`, unless the table may have changed. `size` in bytes."""
        with self._lock:
            if version == self.version(table) and not self._moves(table):
                self._answers.put(key, (version, answer), size + ANSWER_OVERHEAD)

    def committing(self, touched: Touched) -> None:
        """Right before COMMIT: forget what it changes."""
        with self._lock:
            self._all_moves = touched.everything
            self._moving_rows = frozenset(touched.rows)
            self._moving_tables = frozenset(table for table, _ in touched.rows)
            if touched.everything:
                self._rows.clear()
                self._verdicts.clear()
                self._answers.clear()
            else:
                for key in touched.rows:
                    self._rows.drop(key)

    def settled(self, touched: Touched) -> None:
        """Right after COMMIT, or after it has failed: what is read from now on may be kept again."""
        with self._lock:
            self._clock += 1
            if touched.everything:
                self._oldest = self._clock
            for table, _ in touched.rows:
                self._versions[table] = self._clock
            self._all_moves = False
            self._moving_rows, self._moving_tables = frozenset(), frozenset()

    def forget(self) -> None:
        """Drop everything."""
        everything = Touched(everything=True)
        self.committing(everything)
        self.settled(everything)

    def _moves(self, table: str) -> bool:
        return self._all_moves or table in self._moving_tables
