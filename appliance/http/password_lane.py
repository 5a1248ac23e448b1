"""Workers of their own for requests that hash passwords.

A hash takes some 60 ms of a core by design, and as many run at once as there are cores. Were they waited for on the
ordinary workers, a handful of people who sign in at the same moment would keep everybody else waiting.
"""

from __future__ import annotations

import re
from typing import Final

from waitress.task import ThreadedTaskDispatcher

from appliance.core.app import App
from appliance.core.passwords import PLACES

SIGN_IN: Final = re.compile(r"/api/collections/[^/]+/auth-with-(?:password|otp)|/_/(?:login|setup)")
RECORDS: Final = re.compile(r"/api/collections/([^/]+)/records(?:/[^/]+)?")
MOST_THREADS: Final = PLACES + 2  # the password pool must be what says 429, not a queue before it


class PasswordLane(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Starts a thread for each request that finds none idle, up to a limit; most boxes never have more than a few."""

    def add_task(self, task: object) -> None:
        """Queue a channel's next request."""
        with self.lock:
            wanted = self.active_count + len(self.queue) + 1
            has_enough = wanted <= len(self.threads) or len(self.threads) >= MOST_THREADS
        if not has_enough:
            self.set_thread_count(min(wanted, MOST_THREADS))
        super().add_task(task)


def may_hash(app: App, method: str, path: str) -> bool:
    """Whether a request may have a password to hash: a sign-in, or a written account."""
    if method not in ("POST", "PATCH"):
        return False
    if SIGN_IN.fullmatch(path):
        return True
    found = RECORDS.fullmatch(path)
    collection = app.collections.find(found[1]) if found else None
    return collection is not None and collection.is_auth
