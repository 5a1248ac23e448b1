"""Heads of answers, made once a second for each form, by the code that makes them for Flask's answers.

The Date is the same for all answers of a second, and most answers of a box have one of five forms: so a head is two
pieces of bytes with the length between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES

from appliance import clock
from appliance.api.request import Response
from appliance.core.app import App
from appliance.http.answers import encode
from appliance.http.gate import StrictParser
from appliance.http.middleware import add_headers
from appliance.http.middleware.cors import allowed_origin

if TYPE_CHECKING:
    from appliance.http.channel import Channel, StreamTask

WITHOUT_BODY: Final = frozenset((204, 304))
LENGTH: Final = "0"
Key = tuple[int, str, str, tuple[tuple[str, str], ...]]


class Heads:
    """The heads of one server. Any thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._made: tuple[int, dict[Key, tuple[bytes, bytes]]] = (0, {})

    def whole(self, channel: Channel, parsed: StrictParser, response: Response) -> bytes:
        """The bytes of an answer, head and body. `parsed` is a request of HTTP/1.1 that keeps its connection."""
        body, content_type = encode(response.body)
        before, after = self._pieces(channel, parsed, response, content_type)
        return b"%b%d%b%b" % (before, len(body), after, body) if after else before

    def opening(self, channel: Channel, parsed: StrictParser, response: Response) -> bytes:
        """The head of an answer without an end, which comes in chunks."""
        task = self._task(channel, parsed, response.status, Headers(list(response.headers.items())))
        task.stream = response.body
        return task.build_response_header()

    def _pieces(self, channel: Channel, parsed: StrictParser, response: Response, kind: str) -> tuple[bytes, bytes]:
        second, made = self._made
        if second != clock.unix_seconds():
            self._made = second, made = clock.unix_seconds(), {}
        origin = allowed_origin(self._app, parsed.block.origin)
        key = (response.status, kind, origin, tuple(response.headers.items()))
        if key not in made:
            made[key] = self._make(channel, parsed, key, second)
        return made[key]

    def _make(self, channel: Channel, parsed: StrictParser, key: Key, second: int) -> tuple[bytes, bytes]:
        """Up to the length, and from behind it; no second piece when such an answer has no body."""
        status, content_type, _, more = key
        headers = Headers([("Content-Type", content_type)] if content_type else [])
        headers.extend(more)
        if status not in WITHOUT_BODY:
            headers["Content-Length"] = LENGTH
        task = self._task(channel, parsed, status, headers)
        task.start_time = second
        before, mark, after = task.build_response_header().partition(b"Content-Length: ")
        return before + mark, after.removeprefix(LENGTH.encode())

    def _task(self, channel: Channel, parsed: StrictParser, status: int, headers: Headers) -> StreamTask:
        """What writes the head. Every answer's headers are added."""
        add_headers(self._app, parsed.command, parsed.block.origin, headers)
        task: StreamTask = channel.task_class(channel, parsed)
        task.start_time = clock.unix_seconds()
        task.status = f"{status} {HTTP_STATUS_CODES[status].upper()}"
        task.response_headers = headers.to_wsgi_list()
        return task
