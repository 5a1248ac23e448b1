"""From a Response value, or an error, to bytes: the part of an answer that both lanes share."""

from __future__ import annotations

import logging
from typing import Any, Final, TypeGuard

import orjson

from appliance import clock
from appliance.api.request import Json, Response, Stream
from appliance.errors import (
    ApiError,
    BusyError,
    DiskFailedError,
    DiskFullError,
    HomeportError,
    MisdirectedRequest,
)

log = logging.getLogger("homeport.http")

JSON: Final = "application/json"
RETRY_SECONDS: Final = "1"
NO_SPACE: Final = "There is no space left on this server's disk."
DISK_FAILED: Final = "This server's disk does not work right now."
BUSY: Final = "The server is busy. Try again in a moment."


def is_stream(body: Any) -> TypeGuard[Stream]:
    """Whether a Response's body is an answer without an end, which takes the connection over."""
    return hasattr(body, "take")


def encode(body: Any) -> tuple[bytes, str]:
    """The bytes of a Response's body (no file, no stream) and their Content-Type, "" for none."""
    if isinstance(body, Json):
        return body, JSON
    if body is None or isinstance(body, bytes):
        return body or b"", ""
    return orjson.dumps(body), JSON


def response_to_error(error: BaseException, method: str, path: str) -> Response:
    """What the client may know of an error. Whatever is not an ApiError is logged with its hint and an id."""
    if isinstance(error, MisdirectedRequest):
        return Response(status=error.status)
    if isinstance(error, ApiError):
        return Response(error.as_json(), error.status)
    return _response_to_failure(error, method, path)


def _response_to_failure(error: BaseException, method: str, path: str) -> Response:
    failure = _failure_of(error)
    headers = {"X-Request-Id": clock.random_id()}
    hint = error.hint if isinstance(error, HomeportError) else ""
    told = (headers["X-Request-Id"], method, ascii(path))
    if isinstance(error, BusyError):
        log.warning("request %s: %s %s: %s", *told, error)
    else:
        log.error("request %s: %s %s failed. %s", *told, hint, exc_info=error)
    if isinstance(error, BusyError):
        headers["Retry-After"] = RETRY_SECONDS
    return Response(failure.as_json(), failure.status, headers)


def _failure_of(error: BaseException) -> ApiError:
    if isinstance(error, DiskFullError):
        return ApiError(NO_SPACE, status=507)
    if isinstance(error, DiskFailedError):
        return ApiError(DISK_FAILED, status=503)
    if isinstance(error, BusyError):
        return ApiError(BUSY, status=503)
    return ApiError(status=500)
