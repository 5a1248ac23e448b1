"""`GET /readyz`: whether this server should be given work. For load balancers and supervisors; says nothing secret."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from typing import Final

from appliance.api.request import Request, Response
from appliance.core.app import App
from appliance.errors import StorageError
from appliance.storage.database import Outcome

STUCK_SECONDS: Final = 2.0  # an empty write waits for the writes before it; so many seconds of them are too many
LEAST_FREE_BYTES: Final = 16 * 1024 * 1024


def ready(request: Request) -> Response:
    """200 `{"ready": true, "reasons": []}`, or 503 with the reasons why not."""
    reasons = [reason for find in CHECKS if (reason := find(request.app))]
    return Response({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200, {"Cache-Control": "no-store"})


def _is_stopping(app: App) -> str:
    return "The server is stopping." if app.is_stopping else ""


def _cannot_write(app: App) -> str:
    """An empty write: through the queue, the writer and SQLite's lock, without touching the disk."""
    settled = threading.Event()
    outcomes: list[Outcome[None]] = []

    def done(outcome: Outcome[None]) -> None:
        outcomes.append(outcome)
        settled.set()

    try:
        app.database.submit(lambda: None, done)
        if not settled.wait(STUCK_SECONDS):
            return "Writes are waiting."
        outcomes[0].result()
    except StorageError:
        return "The database does not take writes."
    return ""


def _has_no_space(app: App) -> str:
    return "The disk is full." if shutil.disk_usage(app.config.dir).free < LEAST_FREE_BYTES else ""


CHECKS: Final[tuple[Callable[[App], str], ...]] = (_is_stopping, _cannot_write, _has_no_space)
