"""A mapping that forgets: the one shape of every cache in the house."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _Place(Generic[Value]):
    __slots__ = ("value", "was_used", "weight")

    def __init__(self, value: Value, weight: int) -> None:
        self.value = value
        self.weight = weight
        self.was_used = False


class Bounded(Generic[Key, Value]):
    """Holds values of at most `limit` weight in all. The oldest go first, but what was read since it came, or since
    its last turn, gets another round ("second chance": nearly as good as least-recently-used, and reading changes no
    order and takes no lock). Weights are the caller's unit, mostly bytes. Safe between threads.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._places: dict[Key, _Place[Value]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._places)

    @property
    def weight(self) -> int:
        """What is held in all."""
        return self._held

    def get(self, key: Key) -> Value | None:
        """The value, or None."""
        place = self._places.get(key)
        if place is None:
            return None
        place.was_used = True
        return place.value

    def put(self, key: Key, value: Value, weight: int = 1) -> None:
        """Keep a value, in place of an older one. One that weighs more than the limit is not kept."""
        with self._lock:
            self._drop(key)
            if weight > self._limit:
                return
            self._places[key] = _Place(value, weight)
            self._held += weight
            while self._held > self._limit:
                self._forget_one()

    def drop(self, key: Key) -> None:
        """Forget one value, if it is there."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._places.clear()
            self._held = 0

    def _drop(self, key: Key) -> None:
        place = self._places.pop(key, None)
        if place is not None:
            self._held -= place.weight

    def _forget_one(self) -> None:
        oldest = next(iter(self._places))
        place = self._places.pop(oldest)
        if place.was_used:
            place.was_used = False
            self._places[oldest] = place
        else:
            self._held -= place.weight
