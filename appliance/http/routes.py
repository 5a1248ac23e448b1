"""THE table: every endpoint of the wire, who may call it, and what is special about it. Read it aloud.

`who`: "anyone", "auth" (any valid token) or "superuser". What depends on the record is a rule, and core asks it.
`tag` names the rate limit's bucket. `unreadable` is the endpoint's own sentence for a body that can't be read.
`express` marks what the loop may answer by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.api.health import health
from appliance.api.realtime import connect, subscribe
from appliance.api.request import Request, Response

MIB: Final = 1024 * 1024
DEFAULT_BODY_LIMIT: Final = 32 * MIB

ANYONE: Final = "anyone"
AUTH: Final = "auth"
SUPERUSER: Final = "superuser"

NOT_LOADED: Final = "An error occurred while loading the submitted data."

Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """One row. `path` has its values in braces; `body_limit` is in bytes, and grows by the size that a collection's
    file fields allow when `takes_files`."""

    method: str
    path: str
    handler: Handler
    who: str = ANYONE
    body_limit: int = DEFAULT_BODY_LIMIT
    takes_files: bool = False
    tag: str = ""
    express: bool = False
    unreadable: str = ""


ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/api/health", health, express=True),
    Route("GET", "/api/realtime", connect, tag="realtime"),
    Route("POST", "/api/realtime", subscribe, tag="realtime"),
)
