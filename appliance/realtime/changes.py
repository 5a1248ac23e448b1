"""What waits to be told: a bounded queue, and the thread that takes from it in order. Who puts never waits."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from appliance.realtime.hub import Delivery

log = logging.getLogger("homeport.realtime")

MAX_COUNT: Final = 10_000
MAX_BYTES: Final = 32 * 1024 * 1024
BATCH: Final = 64  # taken at once: what concerns one client goes out with one send
STOP_SECONDS: Final = 0.5

Task = Callable[[], list[Delivery]]


class Changes:
    """The queue and its thread, which starts with the first change that anybody watches. `deliver` gets what a batch
    has made, and returns when it is sent: meanwhile the next batch gathers."""

    def __init__(
        self, deliver: Callable[[list[Delivery]], None], max_count: int = MAX_COUNT, max_bytes: int = MAX_BYTES
    ) -> None:
        self._deliver = deliver
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._waiting: deque[tuple[Task, int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_stopped = False

    def put(self, task: Task, size: int) -> bool:
        """Queue what is to be told, of about `size` bytes. False when too much waits, or after the end."""
        with self._changed:
            is_full = len(self._waiting) >= self._max_count or self._bytes + size > self._max_bytes
            if self._is_stopped or (is_full and self._waiting):
                return False
            self._waiting.append((task, size))
            self._bytes += size
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="homeport-realtime", daemon=True)
                self._thread.start()
        return True

    def stop(self) -> None:
        """Tell what waits, as far as there is time, and end the thread."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        with self._changed:
            self._waiting.clear()

    def _run(self) -> None:
        while tasks := self._take():
            deliveries = [each for task in tasks for each in _run(task)]
            if deliveries:
                self._deliver(deliveries)

    def _take(self) -> list[Task]:
        """What has waited longest; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopped)
            taken = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._bytes -= sum(size for _, size in taken)
        return [task for task, _ in taken]


def _run(task: Task) -> list[Delivery]:
    try:
        return task()
    except Exception:
        log.exception("a change could not be told to realtime clients")
        return []
