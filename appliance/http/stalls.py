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

    def note(self, seconds: float, moment: float) -> None:
        """One turn took so long; it ended at this monotonic moment."""
        if seconds < STALL_SECONDS:
            return
        self.count += 1
        self.longest = max(self.longest, seconds)
        if moment - self._told_at >= QUIET_SECONDS:
            self._told_at = moment
            sentence = "the loop kept everybody waiting for %.0f ms; that was number %d, the longest took %.0f ms"
            log.warning(sentence, seconds * 1000, self.count, self.longest * 1000)
