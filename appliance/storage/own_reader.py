"""Reading connections that belong to one thread each, with a budget of CPU time for each statement.

The network loop reads on such a connection: taking it costs one look at the thread's own storage, and no statement can
hold the loop for longer than its budget. The budget is CPU time, because beside busy threads a quick statement may
take long by the clock. SQLite calls the progress handler every STEPS_BETWEEN_LOOKS steps of its machine; statements
that end before the first call, nearly all, pay nothing for it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.clock import thread_seconds
from appliance.errors import OverBudgetError, StatementError, StorageError
from appliance.storage.database import Row
from appliance.storage.sqlite_connection import driver_connection, fetch, open_own_reader

STEPS_BETWEEN_LOOKS = 2_000  # about 50 us: the clock's price, 0.3 us, does not show


class BudgetReader:
    """One thread's connection."""

    def __init__(self, path: Path, budget_seconds: float, threads: threading.local) -> None:
        self._database = open_own_reader(path)
        self._connection: Any = driver_connection(self._database)
        self._budget = budget_seconds
        self._limit = budget_seconds
        self._started = 0.0
        self._is_over = False
        self._closed = False
        self._threads = threads
        self.is_resting = False
        self._connection.set_progress_handler(self._look, STEPS_BETWEEN_LOOKS)

    def query(self, sql: str, parameters: Sequence[Any], seconds: float) -> list[Row]:
        """All rows of one SELECT on the committed state."""
        if self._closed:
            raise StorageError("The database is closed.")
        if self.is_resting:
            raise OverBudgetError("Nothing may be read now: only what memory knows is wanted.")
        self._limit = min(seconds, self._budget) if seconds else self._budget
        self._started = 0.0
        try:
            return fetch(self._connection, sql, parameters)
        except StatementError as error:
            if self._is_over and self._limit == self._budget:
                raise OverBudgetError("The statement used up its thread's budget of CPU time.") from error
            raise
        finally:
            self._is_over = False

    def _look(self) -> bool:
        """Called by SQLite: True stops the statement. Its clock starts with the first call."""
        now = thread_seconds()
        if not self._started:
            self._started = now
        self._is_over = now - self._started > self._limit
        return self._is_over

    def close(self) -> None:
        """Close the connection."""
        if getattr(self._threads, "reader", None) is self:
            del self._threads.reader
        self._closed = True
        if not self._database.is_closed():
            self._database.close()


class OwnReaders:
    """The threads that have a connection of their own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.local()
        self._opened: list[BudgetReader] = []

    def mine(self) -> BudgetReader | None:
        """The calling thread's reader, if it has one."""
        return getattr(self._threads, "reader", None)

    def open(self, budget_seconds: float) -> BudgetReader:
        """Make the calling thread's reader. Raises StorageError when it has one."""
        if self.mine() is not None:
            raise StorageError("This thread has a reader of its own already.")
        reader = BudgetReader(self._path, budget_seconds, self._threads)
        self._threads.reader = reader
        self._opened.append(reader)
        return reader

    def close(self) -> None:
        """Close every connection. A read that runs right now fails."""
        for reader in self._opened:
            reader.close()
