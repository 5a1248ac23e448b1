"""The caches are exact: a simulated database and its readers, stepped in every order that chance finds.

Rows hold counters that only grow. Whoever reads may never see less than was acknowledged, or than somebody had seen,
before he began. Caches with a step left out must fail, else the simulation would prove nothing.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from appliance.core.collection import Collection
from appliance.core.record import Record
from appliance.core.records.cache import RecordCache
from appliance.core.records.page import ListQuery
from appliance.core.records.query import find_record
from appliance.core.records.save import create_record, update_record
from appliance.core.records.text import page_text, record_text
from appliance.core.request_info import RequestInfo
from appliance.storage.database import Touched
from tests.boxes import open_box
from tests.core.bare_app import add_collection

TABLE = "posts"
OTHER = "pages"
ROWS = ("a", "b")
POSTS: Any = SimpleNamespace(name=TABLE, revision=1)  # all that the cache asks of a collection


@dataclass
class Simulation:
    """One table, one writer, and what everybody has seen so far."""

    cache: RecordCache
    chance: random.Random
    stored: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROWS, 0))
    least: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROWS, 0))
    hits: int = 0

    def run(self, steps: int) -> None:
        """Step the writer and three readers in a random order."""
        actors = [self.writer(), self.row_reader(), self.row_reader(), self.page_reader()]
        for _ in range(steps):
            next(self.chance.choice(actors))

    def writer(self) -> Iterator[None]:
        """Commits, some of which fail, and some of which say of nothing what they touch."""
        while True:
            rows = self.chance.sample(ROWS, self.chance.randint(1, len(ROWS)))
            everything = self.chance.random() < 0.2
            touched = Touched(set() if everything else {(TABLE, row) for row in rows}, everything)
            self.cache.committing(touched)
            yield
            if self.chance.random() < 0.8:
                for row in rows:
                    self.stored[row] += 1
            acknowledged = dict(self.stored)
            yield
            self.cache.settled(touched)
            self.saw(acknowledged)
            yield

    def row_reader(self) -> Iterator[None]:
        """Takes a row from the cache, else reads and keeps it."""
        while True:
            row, least = self.chance.choice(ROWS), dict(self.least)
            known = self.cache.find_row(POSTS, row)
            if known is not None:
                self.hits += 1
                seen = known.row[0]
            else:
                version = self.cache.version(TABLE)
                yield
                seen = self.stored[row]
                yield
                self.cache.keep_row(POSTS, row, (seen,), version)
            assert seen >= least[row], "older than what was seen before"
            self.saw({row: seen})
            yield

    def page_reader(self) -> Iterator[None]:
        """The same with an answer about the whole table."""
        while True:
            least = dict(self.least)
            seen = self.cache.find_answer(TABLE, "page")
            if seen is not None:
                self.hits += 1
            else:
                version = self.cache.version(TABLE)
                yield
                seen = dict(self.stored)
                yield
                self.cache.keep_answer(TABLE, "page", seen, 100, version)
            assert all(seen[row] >= least[row] for row in ROWS), "older than what was seen before"
            self.saw(seen)
            yield

    def saw(self, values: dict[str, int]) -> None:
        """Nobody who begins from now on may see less."""
        for row, value in values.items():
            self.least[row] = max(self.least[row], value)


def simulate(make: Callable[[], RecordCache], runs: int) -> int:
    hits = 0
    for seed in range(runs):
        simulation = Simulation(make(), random.Random(seed))
        simulation.run(120)
        hits += simulation.hits
    return hits


def test_nobody_sees_less_than_what_was_acknowledged_or_seen_before() -> None:
    assert simulate(RecordCache, 300) > 1000


class _DropsNothingBefore(RecordCache):
    def committing(self, touched: Touched) -> None:
        """Control: rows are dropped after the commit only."""
        self.dropped_late = touched

    def settled(self, touched: Touched) -> None:
        """Control."""
        super().committing(touched)
        super().settled(touched)


class _ForgetsVersions(RecordCache):
    def version(self, table: str) -> int:
        """Control: what was read before a commit may be kept after it."""
        return 1


class _KeepsWhileCommitting(RecordCache):
    def committing(self, touched: Touched) -> None:
        """Control: what is read during a commit is kept and served."""
        super().committing(touched)
        self._all_moves = False
        self._moving_rows = self._moving_tables = frozenset()


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(_DropsNothingBefore, id="rows are dropped too late"),
        pytest.param(_ForgetsVersions, id="versions never change"),
        pytest.param(_KeepsWhileCommitting, id="rows are kept during a commit"),
    ],
)
def test_a_cache_with_a_step_left_out_is_found_out(broken: Callable[[], RecordCache]) -> None:
    with pytest.raises(AssertionError, match="older than"):
        simulate(broken, 300)


class TestCache:
    """The rules one by one."""

    cache: RecordCache

    def setup_method(self) -> None:
        self.cache = RecordCache()

    def keep(self, row: str = "a") -> None:
        self.cache.keep_row(POSTS, row, (row,), self.cache.version(TABLE))

    def commit(self, *rows: tuple[str, str], everything: bool = False) -> None:
        touched = Touched(set(rows), everything)
        self.cache.committing(touched)
        self.cache.settled(touched)

    def test_a_commit_drops_its_rows_and_no_others(self) -> None:
        self.keep("a")
        self.keep("b")
        self.commit((TABLE, "a"))
        assert self.cache.find_row(POSTS, "a") is None
        assert self.cache.find_row(POSTS, "b") is not None

    def test_a_commit_outdates_the_answers_of_its_tables_and_no_others(self) -> None:
        for table in (TABLE, OTHER):
            self.cache.keep_answer(table, table, 1, 10, self.cache.version(table))
        self.commit((TABLE, "a"))
        assert self.cache.find_answer(TABLE, TABLE) is None
        assert self.cache.find_answer(OTHER, OTHER) == 1

    def test_a_commit_of_unknown_reach_drops_everything(self) -> None:
        self.keep()
        self.cache.keep_answer(OTHER, "total", 1, 10, self.cache.version(OTHER))
        self.commit(everything=True)
        assert self.cache.find_row(POSTS, "a") is None
        assert self.cache.find_answer(OTHER, "total") is None

    def test_a_row_is_not_served_in_the_columns_of_another_schema(self) -> None:
        self.keep()
        assert self.cache.find_row(SimpleNamespace(name=TABLE, revision=2), "a") is None  # type: ignore[arg-type]

    def test_a_verdict_ends_with_the_state_of_the_row_that_it_was_about(self) -> None:
        first = self.cache.keep_row(POSTS, "a", (1,), self.cache.version(TABLE), verdict="may ann?")
        assert self.cache.find_verdict("may ann?") is first
        self.commit((TABLE, "a"))
        second = self.cache.keep_row(POSTS, "a", (2,), self.cache.version(TABLE))
        assert self.cache.find_verdict("may ann?") is not second

    def test_two_readers_of_one_state_share_its_row(self) -> None:
        version = self.cache.version(TABLE)
        first = self.cache.keep_row(POSTS, "a", (1,), version, verdict="one")
        assert self.cache.keep_row(POSTS, "a", (1,), version, verdict="two") is first


def counting_box(app: Any) -> tuple[Collection, str]:
    """A collection with one record whose number counts its changes."""
    collection = add_collection(
        app, "counters", {"type": "number", "name": "n"}, listRule="", viewRule="n >= 0", updateRule=""
    )
    return collection, create_record(app, Record(collection)).id


def test_readers_beside_a_real_writer_never_go_back(tmp_path: Path) -> None:
    """The same promise with threads, SQLite and group commit: 60 changes, three readers, both kinds of answer."""
    with open_box(tmp_path) as app:
        collection, record_id = counting_box(app)
        seen, went_back, ends = [0], [], threading.Event()

        def view() -> int:
            return int(orjson.loads(record_text(app, collection, record_id, RequestInfo()))["n"])

        def page() -> int:
            return int(orjson.loads(page_text(app, collection, ListQuery(), RequestInfo()))["items"][0]["n"])

        def read(ask: Callable[[], int]) -> None:
            while not ends.is_set():
                least = seen[0]
                found = ask()
                if found < least:
                    went_back.append((found, least))
                seen[0] = max(seen[0], found)

        def change() -> None:
            record = find_record(app, collection, record_id)
            assert record is not None
            record["n"] += 1
            update_record(app, record)

        readers = [threading.Thread(target=read, args=(ask,)) for ask in (view, page, view)]
        for reader in readers:
            reader.start()
        for number in range(1, 61):
            app.database.write(change)
            seen[0] = max(seen[0], number)
        ends.set()
        for reader in readers:
            reader.join()
        assert not went_back
        assert view() == page() == 60
