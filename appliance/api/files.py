"""`GET /api/files/{collection}/{record}/{name}`: an uploaded file, if its record's schema and rules give it out.

Threats: a file that a browser would run in our origin (nosniff, a sandboxing policy, a download unless the type is one
that only shows itself), a name that leads elsewhere (only names that stand in the record are looked up), a protected
file behind an auth token in a URL (it takes a file token, which lives for minutes and opens nothing else).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from appliance.api.list_query import FLAGS
from appliance.api.request import Request, Response
from appliance.api.steady import steady_read
from appliance.auth.tokens import FILE, find_token_record, new_file_token
from appliance.core.fields.file import FileField
from appliance.core.record import Record
from appliance.core.records.access import VIEW, can, can_read_field
from appliance.core.records.query import find_record
from appliance.core.records.view_files import find_home
from appliance.core.request_info import CONTEXT_PROTECTED_FILE
from appliance.errors import NotFound, Unauthorized
from appliance.files.storage import StoredFile

NO_COLLECTION: Final = "Missing or invalid collection context."
POLICY: Final = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
CACHING: Final = "max-age=2592000, stale-while-revalidate=86400"  # a name never gets another content

# Shown in the browser; everything else is a download. SVG and HTML can run scripts and stay out.
SHOWN_INLINE: Final = frozenset(
    (
        *("image/png", "image/jpg", "image/jpeg", "image/gif", "image/webp", "image/x-icon", "image/bmp"),
        *("video/webm", "video/mp4", "video/3gpp", "video/quicktime", "video/x-ms-wmv"),
        *("audio/basic", "audio/aiff", "audio/mpeg", "audio/midi", "audio/mp3", "audio/wave", "audio/wav"),
        *("audio/mp4", "audio/aac", "audio/x-m4a", "audio/ogg"),
        "application/pdf",
    )
)


@steady_read
def serve_file(request: Request) -> Response:
    """The file with its headers; the edge streams it, with ranges and 304."""
    collection = request.app.collections.find(request.path["collection"])
    if collection is None:
        raise NotFound(NO_COLLECTION)
    name = request.path["name"]
    record = find_record(request.app, collection, request.path["record"])
    field = _find_field(record, name) if record is not None else None
    if record is None or field is None:
        raise NotFound()
    _require_allowed(request, record, field)
    home = find_home(request.app, collection, name) if collection.is_view else f"{collection.id}/{record.id}"
    stored = request.app.files.find(f"{home}/{name}") if home is not None else None
    if stored is None:
        raise NotFound()
    return Response(stored, headers=_headers(stored, name, FLAGS.get(request.query.get("download", ""), False)))


def create_file_token(request: Request) -> Response:
    """`POST /api/files/token`: a token for protected files, for whoever is signed in."""
    if request.auth is None:
        raise Unauthorized()
    return Response({"token": new_file_token(request.auth)})


def _find_field(record: Record, name: str) -> FileField | None:
    """The file field in which the name stands: no other name is ever looked up."""
    for field in record.collection.fields_of("file"):
        value = record.values[field.name]
        if isinstance(field, FileField) and name and name in (value if isinstance(value, list) else (value,)):
            return field
    return None


def _require_allowed(request: Request, record: Record, field: FileField) -> None:
    """A protected file asks the view rule, as whoever owns the file token; a hidden one is for superusers."""
    if not field.protected and not field.hidden:
        return
    owner = find_token_record(request.app, request.query.get("token", ""), FILE)
    info = replace(request.as_info(), auth=owner, context=CONTEXT_PROTECTED_FILE)
    if not can_read_field(record.collection, field, info.is_superuser) or not can(request.app, record, VIEW, info):
        raise NotFound()


def _headers(stored: StoredFile, name: str, download: bool) -> dict[str, str]:
    kind = stored.content_type.partition(";")[0].strip()
    shown = "inline" if kind in SHOWN_INLINE and not download else "attachment"
    return {
        "Content-Disposition": f'{shown}; filename="{name}"',
        "Content-Type": stored.content_type or "application/octet-stream",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": CACHING,
    }
