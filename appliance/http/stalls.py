"""A watchdog on the loop: how often, and for how long, one turn kept every connection waiting."""

from __future__ import annotations

import logging
from typing import Final

log = logging.getLogger("homeport.http")

STALL_SECONDS: Final = 0.25
QUIET_SECONDS: Final = 60.0  # between two words about it


class Stalls:
    """What one loop has noticed. `count` and `longest` (seconds) may be read by any thread."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        self._told_at = -QUIET_SECONDS
        self._told_count = 0

    def note(self, seconds: float, moment: float) -> None:
        """One turn took so long; it ended at this monotonic moment."""
        if seconds < STALL_SECONDS:
            return
        self.count += 1
        self.longest = max(self.longest, seconds)
        if moment - self._told_at >= QUIET_SECONDS:
            more = self.count - self._told_count
            log.warning("the loop kept everybody waiting for %.0f ms (%d times since last told)", seconds * 1000, more)
            self._told_at, self._told_count = moment, self.count
