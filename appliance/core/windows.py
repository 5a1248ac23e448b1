"""How often something has happened within a fixed window of time, for many keys in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Final

from appliance import clock

MOST_KEYS: Final = 32_768  # some 8 MB when an attack fills it


class Windows:
    """A window opens with a key's first event and is over `seconds` later, whatever comes meanwhile. Any thread.

    The dict is kept in the order in which the windows opened. When it is full the oldest windows go first: whoever
    brings 32,768 addresses wins back a moment of an old one, never memory.
    """

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._open: dict[Hashable, list[float]] = {}  # key -> [when it is over, how many so far]
        self._most_keys = most_keys
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def count(self, key: Hashable, seconds: float) -> int:
        """Count one event; how many that makes in the window."""
        moment = clock.monotonic()
        with self._lock:
            window = self._open.get(key)
            if window is not None and moment < window[0]:
                window[1] += 1
                return int(window[1])
            self._open.pop(key, None)
            self._drop_oldest(moment)
            self._open[key] = [moment + seconds, 1]
            return 1

    def seen(self, key: Hashable) -> int:
        """How many events the key's window holds, without counting one."""
        window = self._open.get(key)
        return int(window[1]) if window is not None and clock.monotonic() < window[0] else 0

    def forget(self, key: Hashable) -> None:
        """Begin anew with this key."""
        with self._lock:
            self._open.pop(key, None)

    def _drop_oldest(self, moment: float) -> None:
        """Two for each that comes: what is over goes as fast as new ones come."""
        for _ in range(2):
            oldest = next(iter(self._open), None)
            if oldest is None or (self._open[oldest][0] > moment and len(self._open) < self._most_keys):
                return
            del self._open[oldest]
