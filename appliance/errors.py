"""Every error that crosses a room's wall, drawn as one tree.

    HomeportError                  message: safe for the client; hint: what the operator should do
    ├── ConfigError                a setting has no usable value                             exit 3
    ├── StorageError               the database or the disk refused
    │   ├── NewerDataError         the data folder was written by a newer Homeport           exit 4
    │   ├── DataInUseError         another process serves this data folder                   exit 6
    │   ├── UnsafeFolderError      the folder's file system can't hold a WAL database        exit 3
    │   ├── OldSqliteError         the SQLite library has the WAL-reset bug                  exit 3
    │   ├── DiskFullError          507 on the wire
    │   ├── DiskFailedError        an I/O error, or the disk has become read-only; 503
    │   ├── BusyError              too many writes wait; 503 with Retry-After
    │   ├── StatementError         a statement can't be run: too complex, or a value that no function takes
    │   ├── OverBudgetError        a statement used more CPU time than its thread may spend; run it on another one
    │   ├── ConstraintError        a unique index or a NOT NULL said no; carries the columns
    │   ├── SchemaError            a schema change can't be made; nothing has changed
    │   └── SchemaMovedError       the schema changed while a request was on its way; the request starts again
    ├── RuleError                  a rule or filter can't be read; carries the column
    ├── ImportRefused              a foreign data folder is damaged, newer or unreadable     exit 1
    ├── PluginError                a plugin failed to load or to run; carries its name
    └── ApiError                   an answer of the wire: status, message, data
        ├── BadRequest         400
        │   └── ValidationFailed   400, one entry a field
        ├── Unauthorized       401
        ├── Forbidden          403
        ├── NotFound           404
        ├── MethodNotAllowed   405
        ├── PayloadTooLarge    413
        ├── MisdirectedRequest 421, empty body
        ├── TooManyRequests    429
        └── Unavailable        503

Only `ApiError` may reach a client as it stands; the edge turns every other one into a 4xx or 5xx that
gives nothing away, and logs `message` with `hint` for the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class HomeportError(Exception):
    """The root. `message` is one sentence for whoever asked, `hint` one for the operator."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(HomeportError):
    """A setting is missing, of the wrong type, or contradicts another."""

    exit_code = 3


class StorageError(HomeportError):
    """The database or the disk refused; nothing of the failed write is stored."""


class NewerDataError(StorageError):
    """The data folder was written by a newer version."""

    exit_code = 4


class DataInUseError(StorageError):
    """Another process serves this data folder."""

    exit_code = 6


class UnsafeFolderError(StorageError):
    """The folder lies on a file system (NFS, CIFS, 9p, FUSE) on which WAL loses data."""

    exit_code = 3


class OldSqliteError(StorageError):
    """The linked SQLite library is older than 3.51.3 and has the WAL-reset bug."""

    exit_code = 3


class DiskFullError(StorageError):
    """No space left for the write."""


class DiskFailedError(StorageError):
    """The disk can't be read or written right now."""


class BusyError(StorageError):
    """Too many writes wait for the one writer."""


class StatementError(StorageError):
    """The database can't run a statement: it is too complex, or a function refuses a value. Nothing is damaged."""


class OverBudgetError(StorageError):
    """A statement used more CPU time than its thread's own reader allows. Another thread may run it."""


class ConstraintError(StorageError):
    """A constraint refused the row. `kind` is "unique" or "not_null"; `columns` are (table, column) pairs."""

    def __init__(self, message: str, kind: str, columns: tuple[tuple[str, str], ...]) -> None:
        super().__init__(message)
        self.kind = kind
        self.columns = columns


class SchemaError(StorageError):
    """A schema change can't be made; the schema and the rows are as before."""


class SchemaMovedError(StorageError):
    """A collection changed between reading a request and writing its record. Nothing is written; try again."""


class RuleError(HomeportError):
    """A rule, filter or sort can't be read or names something that isn't there.

    `column` counts characters from 1; 0 when the whole expression is meant.
    """

    def __init__(self, message: str, column: int = 0, hint: str = "") -> None:
        super().__init__(message, hint)
        self.column = column


class ImportRefused(HomeportError):
    """A foreign data folder is damaged, newer or not what it says; nothing was written."""


class PluginError(HomeportError):
    """A plugin failed. `plugin` is its name."""

    def __init__(self, plugin: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.plugin = plugin


@dataclass(frozen=True, slots=True)
class FieldError:
    """One entry of an error answer's `data`: `{"code": ..., "message": ..., "params": {...}}`.

    `params` fill the message's placeholders and are left out of the JSON when empty.
    """

    code: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The wire's form of this entry."""
        answer: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.params:
            answer["params"] = dict(self.params)
        return answer


class ApiError(HomeportError):
    """An answer of the wire: `{"status": 404, "message": "...", "data": {...}}`.

    `data` maps a field name to a `FieldError`, or to a nested mapping of the same kind.
    """

    status = 400
    default_message = "Something went wrong while processing your request."

    def __init__(
        self, message: str = "", data: Mapping[str, Any] | None = None, hint: str = "", status: int | None = None
    ) -> None:
        super().__init__(message or self.default_message, hint)
        self.data: Mapping[str, Any] = data or {}
        if status is not None:
            self.status = status

    def as_json(self) -> dict[str, Any]:
        """The wire's form of the whole answer."""
        return {"status": self.status, "message": self.message, "data": errors_as_json(self.data)}


def errors_as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a tree of `FieldError` into plain JSON values."""
    return {
        name: entry.as_json()
        if isinstance(entry, FieldError)
        else errors_as_json(entry)
        if isinstance(entry, Mapping)
        else entry
        for name, entry in data.items()
    }


class BadRequest(ApiError):
    """400: the request can't be carried out as it stands."""

    status = 400


class ValidationFailed(BadRequest):
    """400 with one entry a field. Rooms below api/ raise it with field errors only; api/ puts the sentence."""

    def __init__(self, data: Mapping[str, Any], message: str = "", hint: str = "") -> None:
        super().__init__(message or "An error occurred while validating the submitted data.", data, hint)


class Unauthorized(ApiError):
    """401: a valid token is needed."""

    status = 401
    default_message = "Missing or invalid authentication."


class Forbidden(ApiError):
    """403: the token is valid but does not allow this."""

    status = 403
    default_message = "You are not allowed to perform this request."


class NotFound(ApiError):
    """404: nothing there, or nothing that the caller may see."""

    status = 404
    default_message = "The requested resource wasn't found."


class MethodNotAllowed(ApiError):
    """405: the path exists, this method does not."""

    status = 405
    default_message = "Method Not Allowed."


class PayloadTooLarge(ApiError):
    """413: the body is over the route's limit."""

    status = 413
    default_message = "Request entity too large."


class MisdirectedRequest(ApiError):
    """421: the Host header names another machine (DNS rebinding). Answered with an empty body."""

    status = 421
    default_message = "Unknown host."


class TooManyRequests(ApiError):
    """429: over a rate limit, or the password hashing queue is full."""

    status = 429
    default_message = "Too Many Requests."


class Unavailable(ApiError):
    """503: try again in a moment."""

    status = 503
    default_message = "The server is busy. Try again in a moment."
