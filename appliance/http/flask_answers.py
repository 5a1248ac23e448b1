"""From a Response value, or an error, to what Flask sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import flask
from waitress.buffers import ReadOnlyFileBasedBuffer
from werkzeug.exceptions import HTTPException
from werkzeug.utils import send_file

from appliance.api.request import Response
from appliance.core.app import App
from appliance.errors import ApiError, NotFound
from appliance.files.storage import StoredFile
from appliance.http.answers import encode, is_stream, response_to_error
from appliance.http.channel import STREAM_KEY

NO_FILE = "File not found."
PARTIAL = 206


def as_flask(app: App, response: Response) -> flask.Response:
    """Turn a handler's answer into Flask's."""
    if isinstance(response.body, StoredFile):  # its status may be 206 or 304 by the request's headers
        answer = _answer_file(app, response.body)
    elif is_stream(response.body):
        answer = _answer_stream(response.body)
    else:
        answer = _answer_bytes(response)
    for name, value in response.headers.items():
        answer.headers[name] = value
    return answer


def bare(body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> flask.Response:
    """An answer without the Content-Type that Flask would make up."""
    answer = flask.Response(body, status=status, headers=headers)
    answer.headers.remove("Content-Type")
    return answer


def _answer_bytes(response: Response) -> flask.Response:
    body, content_type = encode(response.body)
    if not content_type:
        return bare(body, response.status)
    return flask.Response(body, response.status, content_type=content_type)


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
    if answer.status_code == PARTIAL:
        _send_part(cast(flask.Response, answer))
    return cast(flask.Response, answer)


def _send_part(answer: flask.Response) -> None:
    """Let the loop send a part of a file from the disk, as it does whole ones: werkzeug's iterator would hold a
    worker until the client has taken everything, and a few slow viewers of a video would hold all workers."""
    whole = getattr(answer.response, "iterable", None)
    if isinstance(whole, ReadOnlyFileBasedBuffer) and answer.content_range.start is not None:
        whole.file.seek(answer.content_range.start)
        answer.response = whole


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
    """What the client may know of an error."""
    asked = flask.request
    if isinstance(error, HTTPException):
        error = error_of_routing(error)
    return as_flask(app, response_to_error(error, asked.method, asked.path))


def error_of_routing(error: HTTPException) -> ApiError:
    """Flask found no route, or none for this method: both are 404 on this wire."""
    if error.code in (404, 405):
        return NotFound(NO_FILE if flask.request.method in ("GET", "HEAD") else "")
    return ApiError(status=error.code or 500)
