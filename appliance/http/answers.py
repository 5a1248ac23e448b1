"""From a Response value, or an error, to what Flask sends."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import flask
import orjson
from werkzeug.exceptions import HTTPException
from werkzeug.utils import send_file

from appliance import clock
from appliance.api.request import Json, Response
from appliance.core.app import App
from appliance.errors import ApiError, BusyError, DiskFullError, HomeportError, MisdirectedRequest, NotFound
from appliance.files.storage import StoredFile
from appliance.http.channel import STREAM_KEY

log = logging.getLogger("homeport.http")

JSON: Final = "application/json"
RETRY_SECONDS: Final = "1"
NO_FILE: Final = "File not found."
NO_SPACE: Final = "There is no space left on this server's disk."
BUSY: Final = "The server is busy. Try again in a moment."


def as_flask(app: App, response: Response) -> flask.Response:
    """Turn a handler's answer into Flask's."""
    body, answer = response.body, None
    if isinstance(body, StoredFile):
        answer = _answer_file(app, body)
    elif hasattr(body, "take"):
        answer = _answer_stream(body)
    elif isinstance(body, Json):
        answer = flask.Response(bytes(body), content_type=JSON)
    elif body is None or isinstance(body, bytes):
        answer = bare(body or b"")
    else:
        answer = flask.Response(orjson.dumps(body), content_type=JSON)
    if not isinstance(body, StoredFile):  # a file's status may be 206 or 304 by its request's headers
        answer.status_code = response.status
    for name, value in response.headers.items():
        answer.headers[name] = value
    return answer


def bare(body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> flask.Response:
    """An answer without the Content-Type that Flask would make up."""
    answer = flask.Response(body, status=status, headers=headers)
    answer.headers.remove("Content-Type")
    return answer


def _answer_file(app: App, stored: StoredFile) -> flask.Response:
    """The file with Last-Modified, ranges and 304, straight from the disk when it lies there."""
    source: Any = stored.path or app.files.open(stored.key)
    answer = send_file(
        source,
        flask.request.environ,
        mimetype=stored.content_type or "application/octet-stream",
        conditional=True,
        etag=False,
        last_modified=stored.modified,
        max_age=None,
        response_class=flask.Response,
    )
    return cast(flask.Response, answer)


class _NoBody:
    """The body of an answer whose connection is given away: nothing that this server's loop would send."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


def _answer_stream(stream: Any) -> flask.Response:
    """Leave the stream with the connection's task; a HEAD request gets the head only."""
    if flask.request.method != "HEAD":
        flask.request.environ[STREAM_KEY](stream)
    answer = bare(b"")
    answer.response, answer.direct_passthrough = _NoBody(), True
    answer.headers.remove("Content-Length")
    return answer


def answer_error(app: App, error: BaseException) -> flask.Response:
    """What the client may know of an error. Whatever is not an ApiError is logged with its hint and an id."""
    if isinstance(error, MisdirectedRequest):
        return bare(status=error.status)
    if isinstance(error, HTTPException):
        error = error_of_routing(error)
    if isinstance(error, ApiError):
        answer = as_flask(app, Response(error.as_json(), error.status))
    else:
        answer = _answer_failure(app, error)
    if isinstance(error, BusyError):
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def error_of_routing(error: HTTPException) -> ApiError:
    """Flask found no route, or none for this method: both are 404 on this wire."""
    if error.code in (404, 405):
        return NotFound(NO_FILE if flask.request.method in ("GET", "HEAD") else "")
    return ApiError(status=error.code or 500)


def _answer_failure(app: App, error: BaseException) -> flask.Response:
    failure = _failure_of(error)
    number = clock.random_id()
    path = ascii(flask.request.path)
    hint = error.hint if isinstance(error, HomeportError) else ""
    if failure.status == 503:
        log.warning("request %s: %s %s: %s", number, flask.request.method, path, error)
    else:
        log.error("request %s: %s %s failed. %s", number, flask.request.method, path, hint, exc_info=error)
    answer = as_flask(app, Response(failure.as_json(), failure.status))
    answer.headers["X-Request-Id"] = number
    return answer


def _failure_of(error: BaseException) -> ApiError:
    if isinstance(error, DiskFullError):
        return ApiError(NO_SPACE, status=507)
    if isinstance(error, BusyError):
        return ApiError(BUSY, status=503)
    return ApiError(status=500)
