"""How long one-time passwords and half-finished sign-ins live."""

from __future__ import annotations

from datetime import datetime, timedelta

from appliance import clock
from appliance.core.record import Record


def is_older_than(record: Record, seconds: float) -> bool:
    """Whether the record was created more than `seconds` ago."""
    created = datetime.fromisoformat(str(record["created"]))
    return clock.now() - created > timedelta(seconds=float(seconds))
