"""The express lane: small requests answered by the loop itself, without a worker thread and without Flask.

It is no second server. The gate has read the request, the handler is the one of the table, and everything that is
asked before and added after is asked and added by the functions that Flask's lane calls. What is left out is Flask.

    a complete request, alone on its connection, no output waiting
      every header harmless, HTTP/1.1, a plain path, a row with `express`, no plugin at its event?   no: Flask
      a create that is quick?     begun here, stored by the writer, answered when its group is on disk
      known to be slow?           answered here if memory knows the answer, else the same Call, run by a worker
      run it here                 over the loop's budget: remembered as slow, run by a worker

Threat: one request that keeps the loop busy keeps everybody waiting. So its reads have a budget of CPU time
(storage/own_reader.py), its body is small, and what took long once goes to a worker for a while.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from appliance import clock
from appliance.api.request import Request, Response, Write
from appliance.errors import OverBudgetError, SchemaMovedError
from appliance.http.answers import is_stream, response_to_error
from appliance.http.bodies import JSON_TYPE, Body, Files, read_body
from appliance.http.edge import Edge
from appliance.http.gate import StrictParser
from appliance.http.heads import Heads
from appliance.http.incoming import Asked, make_request
from appliance.http.middleware.first_run import refuse_until_set_up
from appliance.http.middleware.request_log import log_answer
from appliance.http.routes import Begin, Express, Route
from appliance.http.slow_shapes import Shape, SlowShapes, shape_of

if TYPE_CHECKING:
    from appliance.http.channel import Channel
    from appliance.http.headers import HeaderBlock
    from appliance.http.loop import Loop
    from appliance.storage.database import Outcome, OwnReader

BUDGET_SECONDS: Final = 0.002  # of CPU, for one statement in the loop
SLOW_SECONDS: Final = 0.002  # of CPU, for a whole request in the loop: what takes longer is slow from then on
MOST_BODY_BYTES: Final = 64 * 1024
PLAIN_SEGMENT: Final = "[A-Za-z0-9_-]+"


@dataclass
class Counts:
    """How many requests the lane has taken, by who answered them."""

    by_loop: int = 0
    by_worker: int = 0
    by_writer: int = 0


class Rows:
    """The rows of the table that have `express`, found by method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._rows: dict[str, list[tuple[re.Pattern[str], Route, Express]]] = {}
        for route in routes:
            if route.express is not None:
                pattern = re.sub(r"\\{(\w+)\\}", rf"(?P<\1>{PLAIN_SEGMENT})", re.escape(route.path))
                self._rows.setdefault(route.method, []).append((re.compile(pattern), route, route.express))

    def find(self, method: str, path: str) -> tuple[Route, Express, Mapping[str, str]] | None:
        """The row, how the lane runs it, and the path's values."""
        for pattern, route, express in self._rows.get(method, ()):
            found = pattern.fullmatch(path)
            if found is not None:
                return route, express, found.groupdict()
        return None


@dataclass(slots=True)
class Call:
    """One request on the lane, for whoever runs it. It is admitted once, however often it is run."""

    edge: Edge
    route: Route
    express: Express
    path: Mapping[str, str]
    parsed: StrictParser
    peer: str
    started: float = field(default_factory=clock.monotonic)
    request: Request | None = None
    is_admitted: bool = False

    def read(self) -> Request:
        """The Request value, made once."""
        if self.request is None:
            parsed, block = self.parsed, self.parsed.block
            asked = Asked(
                parsed.command, parsed.path, parsed.query, block.sent, block.token, self.peer, parsed.url_scheme
            )
            self.edge.hosts.require(block.host_name)
            refuse_until_set_up(self.edge.app, parsed.path)
            body, files = self._read_body() if block.length else ({}, {})
            self.request = make_request(self.edge.app, asked, self.path, body, files)
        return self.request

    def _read_body(self) -> tuple[Body, Files]:
        """A copy is read: where the lane gives the request up, Flask reads it again."""
        block, body = self.parsed.block, self.parsed.body_rcv.getbuf().get()
        return read_body(block.sent.get("content-type", ""), block.length, BytesIO(body), self.route.unreadable)

    def admit(self) -> Request:
        """The Request value, if it may have its handler. Raises ApiError."""
        request = self.read()
        if not self.is_admitted:
            self.edge.admit(self.route, request)
            self.is_admitted = True
        return request

    def run(self) -> Response:
        """The answer; every error is one too. Raises OverBudgetError only."""
        try:
            return self.route.handler(self.admit())
        except OverBudgetError:
            raise
        except Exception as error:  # noqa: BLE001 - what Flask's lane would say, and log, by the same function
            return self.explain(error)

    def explain(self, error: Exception) -> Response:
        """The answer to an error."""
        return response_to_error(error, self.parsed.command, self.parsed.path)


def _shape_of(call: Call) -> Shape:
    return shape_of(call.route.path, call.path, call.parsed.query)


def _may_have_body(express: Express, block: HeaderBlock) -> bool:
    """Whether the lane reads a body like this one for the row, or none where it reads none."""
    if express.begin is not None or not block.length:
        return (express.begin is None) == (not block.length)
    return block.length <= express.most_body and block.sent.get("content-type", "").startswith(JSON_TYPE)


class ExpressLane:
    """The lane of one server. `take` is called in the loop; `counts` may be read by anybody."""

    def __init__(self, edge: Edge, loop: Loop) -> None:
        self.counts = Counts()
        self.reader: OwnReader | None = None  # the loop's, once it runs
        self.waiting = 0  # writes that have begun and are not yet answered
        self._edge = edge
        self._loop = loop
        self._rows = Rows(edge.routes)
        self._heads = Heads(edge.app)
        self._slow = SlowShapes()

    def take(self, channel: Channel, parsed: StrictParser) -> bool:
        """Answer this request, now or later. False: somebody else must (a worker, with what `parsed.left` says)."""
        block = parsed.block
        if parsed.error is not None or not block.is_plain or parsed.version != "1.1" or self._edge.app.is_stopping:
            return False
        row = self._rows.find(parsed.command, parsed.path)
        if row is None:
            return False
        route, express, path = row
        if not _may_have_body(express, block) or self._has_plugins(express.event):
            return False
        call = Call(self._edge, route, express, path, parsed, channel.addr[0])
        return self._run(channel, call) if express.begin is None else self._begin(channel, call, express.begin)

    def _has_plugins(self, event: str) -> bool:
        return bool(event) and self._edge.app.hooks.has_plugins(event)

    # ---- reads

    def _run(self, channel: Channel, call: Call) -> bool:
        is_slow = bool(self._slow) and self._slow.has(_shape_of(call))
        if is_slow and call.express.streams:
            return self._leave(channel, call)
        began = clock.thread_seconds() if call.parsed.query else 0.0  # 2 us, and what asks for nothing more is bounded
        try:
            response = self._run_from_memory(call) if is_slow else call.run()
        except OverBudgetError:
            if not is_slow:
                self._slow.add(_shape_of(call))
            return self._leave(channel, call)
        if began and clock.thread_seconds() - began > SLOW_SECONDS:
            self._slow.add(_shape_of(call))
        self.counts.by_loop += 1
        if is_stream(response.body):
            log_answer(call.parsed.command, call.parsed.path, call.peer, call.started, response.status)
            channel.hand_over(response.body, self._heads.opening(channel, call.parsed, response))
        else:
            channel.answer(self._bytes_of(channel, call, response))
        return True

    def _run_from_memory(self, call: Call) -> Response:
        """What is kept is answered here even where reading it would be slow. Raises OverBudgetError for the rest."""
        if self.reader is None:
            raise OverBudgetError("The loop has no reader of its own.")
        self.reader.is_resting = True
        try:
            return call.run()
        finally:
            self.reader.is_resting = False

    def _leave(self, channel: Channel, call: Call) -> bool:
        """Let a worker run it: without Flask, if all that it makes is bytes."""
        if call.express.streams:
            return False
        self.counts.by_worker += 1
        call.parsed.left = partial(self._run_elsewhere, channel, call)
        return False

    def _run_elsewhere(self, channel: Channel, call: Call) -> bytes:
        """On a worker's thread."""
        return self._bytes_of(channel, call, call.run())

    def _bytes_of(self, channel: Channel, call: Call, response: Response) -> bytes:
        try:
            answer = self._heads.whole(channel, call.parsed, response)
        except Exception as error:  # noqa: BLE001 - a body that is no JSON
            response = call.explain(error)
            answer = self._heads.whole(channel, call.parsed, response)
        log_answer(call.parsed.command, call.parsed.path, call.peer, call.started, response.status)
        return answer

    # ---- writes

    def _begin(self, channel: Channel, call: Call, begin: Begin) -> bool:
        block = call.parsed.block
        if block.length > MOST_BODY_BYTES or not block.sent.get("content-type", "").startswith(JSON_TYPE):
            return False
        try:
            if not begin.is_quick(call.read()):
                return self._leave(channel, call)
            write = begin.write(call.admit())
            self._edge.app.database.submit(write.work, partial(self._stored, channel, call, write))
        except (OverBudgetError, SchemaMovedError):
            return self._leave(channel, call)
        except Exception as error:  # noqa: BLE001 - as in `Call.run`
            self.counts.by_loop += 1
            channel.answer(self._bytes_of(channel, call, call.explain(error)))
            return True
        self.counts.by_writer += 1
        self.waiting += 1
        channel.hold(call.parsed)
        return True

    def _stored(self, channel: Channel, call: Call, write: Write, outcome: Outcome[Any]) -> None:
        """On the writer's thread. The loop wakes once for all that one group has stored."""
        self._loop.call(partial(self._finish, channel, call, write, outcome))

    def _finish(self, channel: Channel, call: Call, write: Write, outcome: Outcome[Any]) -> None:
        self.waiting -= 1
        try:
            response = write.answer(outcome.result())
        except SchemaMovedError:
            self._leave(channel, call)
            channel.give_back()
            return
        except Exception as error:  # noqa: BLE001 - all of them are answers now: the write is decided
            response = call.explain(write.explain(error))
        channel.answer_held(self._bytes_of(channel, call, response))
