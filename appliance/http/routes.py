"""THE table: every endpoint of the wire, who may call it, and what is special about it. Read it aloud.

`who`: "anyone", "auth" (any valid token) or "superuser". What depends on the record is a rule, and core asks it.
`tag` names the rate limit's bucket. `unreadable` is the endpoint's own sentence for a body that can't be read.
`express` marks what the loop may answer by itself, and how.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.api import collections, records, settings
from appliance.api.auth_methods import auth_methods
from appliance.api.auth_refresh import auth_refresh
from appliance.api.auth_with_otp import auth_with_otp
from appliance.api.auth_with_password import auth_with_password
from appliance.api.files import create_file_token, serve_file
from appliance.api.health import health
from appliance.api.readiness import ready
from appliance.api.realtime import connect, subscribe
from appliance.api.request import Request, Response, Write
from appliance.core.events import RealtimeSubscribe, RecordCreate, RecordsList, RecordUpdate, RecordView

MIB: Final = 1024 * 1024
DEFAULT_BODY_LIMIT: Final = 32 * MIB

ANYONE: Final = "anyone"
AUTH: Final = "auth"
SUPERUSER: Final = "superuser"

NOT_LOADED: Final = "An error occurred while loading the submitted data."

COLLECTION: Final = "/api/collections/{collection}"
RECORDS: Final = f"{COLLECTION}/records"
RECORD: Final = f"{RECORDS}/{{id}}"

NOT_READ: Final = "Failed to load the submitted data due to invalid formatting."
NO_COLLECTION_READ: Final = "Failed to load the collection type data due to invalid formatting."

Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Begin:
    """A write's other form, which doesn't wait, for requests of which `is_quick` holds."""

    write: Callable[[Request], Write]
    is_quick: Callable[[Request], bool]


@dataclass(frozen=True, slots=True)
class Express:
    """How the express lane runs a row. Plugins that listen to `event` may take their time: then it doesn't.
    `most_body`: bytes of JSON that the loop itself may read for it. `streams`: the answer takes the connection over."""

    event: str = ""
    begin: Begin | None = None
    most_body: int = 0
    streams: bool = False


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
    express: Express | None = None
    unreadable: str = ""


CREATE: Final = Express(RecordCreate.name, Begin(records.begin_create, records.creates_quickly))
UPDATE: Final = Express(RecordUpdate.name, Begin(records.begin_update, records.updates_quickly))

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/api/health", health, express=Express()),
    Route("GET", "/readyz", ready),
    Route("GET", "/api/collections", collections.list_collections, SUPERUSER),
    Route("POST", "/api/collections", collections.create_collection, SUPERUSER, unreadable=NO_COLLECTION_READ),
    Route("PUT", "/api/collections/import", collections.import_collections, SUPERUSER, unreadable=NOT_LOADED),
    Route("GET", "/api/collections/meta/scaffolds", collections.view_scaffolds, SUPERUSER),
    Route("GET", COLLECTION, collections.view_collection, SUPERUSER),
    Route("PATCH", COLLECTION, collections.update_collection, SUPERUSER, unreadable=NOT_READ),
    Route("DELETE", COLLECTION, collections.delete_collection, SUPERUSER),
    Route("DELETE", f"{COLLECTION}/truncate", collections.truncate_collection, SUPERUSER),
    Route("GET", "/api/settings", settings.view_settings, SUPERUSER),
    Route("PATCH", "/api/settings", settings.change_settings, SUPERUSER, unreadable=NOT_LOADED),
    Route("GET", RECORDS, records.list_records, tag="list", express=Express(RecordsList.name)),
    Route("POST", RECORDS, records.create_record, takes_files=True, tag="create", express=CREATE),
    Route("GET", RECORD, records.view_record, tag="view", express=Express(RecordView.name)),
    Route("PATCH", RECORD, records.update_record, takes_files=True, tag="update", express=UPDATE),
    Route("DELETE", RECORD, records.delete_record, tag="delete"),
    Route("GET", f"{COLLECTION}/auth-methods", auth_methods, tag="listAuthMethods"),
    Route("POST", f"{COLLECTION}/auth-refresh", auth_refresh, tag="authRefresh"),
    Route(
        "POST",
        f"{COLLECTION}/auth-with-password",
        auth_with_password,
        tag="authWithPassword",
        unreadable=NOT_LOADED,
    ),
    Route("POST", f"{COLLECTION}/auth-with-otp", auth_with_otp, tag="authWithOTP", unreadable=NOT_LOADED),
    Route("POST", "/api/files/token", create_file_token, AUTH, tag="fileToken"),
    Route("GET", "/api/files/{collection}/{record}/{name}", serve_file, tag="file"),
    Route("GET", "/api/realtime", connect, tag="realtime", express=Express(streams=True)),
    Route("POST", "/api/realtime", subscribe, tag="realtime", express=Express(RealtimeSubscribe.name, most_body=4096)),
)
