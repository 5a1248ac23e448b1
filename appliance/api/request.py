"""The two values between the network edge and the handlers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from appliance.core.request_info import HeadersOfRules, RequestInfo
from appliance.errors import ApiError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.record import Record
    from appliance.core.upload import Upload


class FormBody(dict[str, str]):
    """A form (multipart or urlencoded): the first value of each name; `lists` has all of them, in order, as sent.

    Nothing is inferred or merged here: api/body.py turns a form into record values.
    """

    def __init__(self, lists: Mapping[str, list[str]]) -> None:
        super().__init__({name: values[0] for name, values in lists.items() if values})
        self.lists = lists


class BrokenBody(Mapping[str, Any]):
    """A body that can't be read. Touching it raises the answer, so a handler that needs no body never sees it and
    one that first looks for the collection still says 404, as the wire's original does."""

    def __init__(self, error: ApiError) -> None:
        self.error = error

    def __getitem__(self, name: str) -> Any:
        raise self.error

    def __iter__(self) -> Iterator[str]:
        raise self.error

    def __len__(self) -> int:
        raise self.error


@dataclass(slots=True)  # `frozen` would cost 1.4 us a request
class Request:
    """One parsed request. Nobody changes it.

    `path` values come from the route (`{collection}`, `{id}`). `body` is the JSON object (a dict; `null` and no body
    are `{}`), a FormBody, or a BrokenBody; an uploaded file stands in `files`, by form name. `headers` have
    lower-case names as sent (`content-type`).
    `auth` is the record whose valid token came with the request, or None; `token` its text.
    """

    app: App
    method: str
    url_path: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default_factory=dict)
    files: Mapping[str, list[Upload]] = field(default_factory=dict)
    auth: Record | None = None
    token: str = ""
    remote_ip: str = ""
    scheme: str = "http"
    host: str = ""
    context: str = "default"

    def in_context(self, context: str) -> Request:
        """The same request, as rules see it in another `@request.context`."""
        return replace(self, context=context)

    def as_info(self, body: Mapping[str, Any] | None = None) -> RequestInfo:
        """What rules may know of this request. `body` is what was made of the body and the files."""
        if body is None:
            body = {**self.body, **self.files} if isinstance(self.body, Mapping) else dict(self.files)
        return RequestInfo(self.method, self.context, self.query, HeadersOfRules(self.headers), body, self.auth)


class Stream(Protocol):
    """An answer without an end: the edge writes no body but gives the connection away."""

    def take(self, connection: socket.socket, head: bytes, is_chunked: bool) -> None:
        """Own the (non-blocking) socket from here on. `head` are bytes to send first; `is_chunked` says whether the
        body must be sent in chunks. Called in the server's loop: it must be quick."""


class Json(bytes):
    """JSON that is encoded already. As a Response's body it is sent as application/json."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer. `body` is a JSON value, Json, bytes, a StoredFile, a Stream (realtime), or None for no body."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> Any:
        """The body, for callers in this process: Json as the JSON value that it is."""
        return orjson.loads(bytes(self.body)) if isinstance(self.body, Json) else self.body


class Write(NamedTuple):
    """A request that is read and wants one write, for whoever runs it: the work, and what to make of its outcome.

    `work` goes to `Database.write` or `submit`; `answer` makes the Response of its result; `explain` turns what it
    raised into what the client is to be told.
    """

    work: Callable[[], Any]
    answer: Callable[[Any], Response]
    explain: Callable[[Exception], Exception]
