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
STREAM: Final = "a stream"  # in a key, in place of a Content-Type
Key = tuple[int, str, str, tuple[tuple[str, str], ...]]
Made = dict[Key, tuple[bytes, bytes]]


class Heads:
    """The heads of one server. Any thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._made: tuple[int, Made] = (0, {})

    def whole(self, channel: Channel, parsed: StrictParser, response: Response) -> bytes:
        """The bytes of an answer, head and body. `parsed` is a request of HTTP/1.1 that keeps its connection."""
        body, content_type = encode(response.body)
        before, after = self._pieces(channel, parsed, response, content_type)
        return b"%b%d%b%b" % (before, len(body), after, body) if after else before

    def opening(self, channel: Channel, parsed: StrictParser, response: Response) -> bytes:
        """The head of an answer without an end, which comes in chunks."""
        key, made = self._place(parsed, response, STREAM)
        if key not in made:
            task = self._task(channel, parsed, response.status, Headers(list(response.headers.items())))
            task.stream = response.body
            made[key] = task.build_response_header(), b""
        return made[key][0]

    def _pieces(self, channel: Channel, parsed: StrictParser, response: Response, kind: str) -> tuple[bytes, bytes]:
        key, made = self._place(parsed, response, kind)
        if key not in made:
            made[key] = self._make(channel, parsed, key)
        return made[key]

    def _place(self, parsed: StrictParser, response: Response, kind: str) -> tuple[Key, Made]:
        """Where the head of such an answer is kept, this second."""
        second, made = self._made
        if second != clock.unix_seconds():
            self._made = _, made = clock.unix_seconds(), {}
        origin = allowed_origin(self._app, parsed.block.origin)
        return (response.status, kind, origin, tuple(response.headers.items())), made

    def _make(self, channel: Channel, parsed: StrictParser, key: Key) -> tuple[bytes, bytes]:
        """Up to the length, and from behind it; no second piece when such an answer has no body."""
        status, content_type, _, more = key
        headers = Headers([("Content-Type", content_type)] if content_type else [])
        headers.extend(more)
        if status not in WITHOUT_BODY:
            headers["Content-Length"] = LENGTH
        task = self._task(channel, parsed, status, headers)
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
