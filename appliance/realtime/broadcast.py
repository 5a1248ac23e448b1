"""What is said to whom: each subscription's rule and filter decide, and its options shape the record.

A change is told in commit order. Creates and updates are judged after their commit on a thread of this room, so the
writer never waits for subscribers; a delete is judged inside its transaction, while the record is still there, and
told after it. The record told is the record judged: the values of the change itself, never newer ones that the rule
has not seen. Told are the subscriptions that were there at the change and still are: who subscribes after the answer
to a write does not hear of that write.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

from appliance.core.app import App
from appliance.core.record import Record
from appliance.core.records.access import LIST, VIEW, can_watch
from appliance.core.records.expand import expand_records
from appliance.core.records.json import pick_fields, record_as_json
from appliance.core.request_info import CONTEXT_REALTIME, RequestInfo
from appliance.errors import ApiError, RuleError
from appliance.realtime.clients import Client
from appliance.realtime.frames import as_json, frame
from appliance.realtime.room import Realtime
from appliance.realtime.topics import Subscription, keys_of_record

log = logging.getLogger("homeport.realtime")

CREATE: Final = "create"
UPDATE: Final = "update"
DELETE: Final = "delete"

Frames = list[tuple[str, bytes]]
Listening = list[tuple[Client, Subscription]]


class Broadcaster:
    """Judges changes one after the other on its own thread, which starts with the first change that anybody watches."""

    def __init__(self, app: App, room: Realtime) -> None:
        self._app = app
        self._room = room
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def is_watched(self, record: Record) -> bool:
        """Whether any client listens to this record's collection, or to the record."""
        return self._room.clients.is_watched(_keys(record))

    def tell_change(self, action: str, record: Record) -> None:
        """On the writer's thread, after the commit: judge and tell later, in this order."""
        told, listening = snapshot(record), self._listening(record)
        self._enqueue(lambda: self._room.deliver(self._judge(action, told, listening)))

    def tell_judged(self, frames: Frames) -> None:
        """On the writer's thread, after the commit: tell what was judged inside the transaction, in its turn."""
        self._enqueue(lambda: self._room.deliver(frames))

    def judge_delete(self, record: Record) -> Frames:
        """Inside the transaction that deletes it. What goes wrong here must not keep anybody from deleting."""
        try:
            return self._judge(DELETE, record, self._listening(record))
        except Exception:
            log.exception("a delete could not be told to realtime clients")
            return []

    def stop(self) -> None:
        """Tell what waits, then end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(2)

    def _listening(self, record: Record) -> Listening:
        keys = frozenset(_keys(record))
        return [
            (client, subscription)
            for client in self._room.clients.watching(keys)
            for subscription in client.subscriptions
            if subscription.key in keys
        ]

    def _judge(self, action: str, record: Record, listening: Listening) -> Frames:
        """The frames of every subscription that may see this change."""
        still = [(client, subscription) for client, subscription in listening if subscription in client.subscriptions]
        return [found for client, each in still for found in self._frames(client, each, action, record)]

    def _frames(self, client: Client, subscription: Subscription, action: str, record: Record) -> Frames:
        shown = self._show(client.auth, subscription, record)
        if shown is None:
            return []
        return [(client.id, frame(client.id, subscription.topic, as_json({"action": action, "record": shown})))]

    def _show(self, auth: Record | None, subscription: Subscription, record: Record) -> dict[str, Any] | None:
        """The record as this subscription may see it, or None. A filter or rule that can't be read shows nothing."""
        request = RequestInfo("GET", CONTEXT_REALTIME, subscription.query, subscription.headers, {}, auth)
        action = VIEW if subscription.record_id else LIST
        try:
            if not can_watch(self._app, record, action, request, subscription.query.get("filter", "")):
                return None
            return self._shape(record, request)
        except (ApiError, RuleError):
            return None

    def _shape(self, record: Record, request: RequestInfo) -> dict[str, Any]:
        told = snapshot(record)
        expand_records(self._app, [told], request.query.get("expand", ""), request)
        shaped: dict[str, Any] = pick_fields(record_as_json(self._app, told, request), request.query.get("fields", ""))
        return shaped

    def _enqueue(self, task: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="homeport-realtime", daemon=True)
            self._thread.start()
        self._queue.put(task)

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            try:
                task()
            except Exception:
                log.exception("a change could not be told to realtime clients")


def snapshot(record: Record) -> Record:
    """The record's values of this moment, unexpanded: the original may go on changing."""
    copy = Record(record.collection, record.values, is_new=False)
    copy.extra = dict(record.extra)
    return copy


def _keys(record: Record) -> tuple[str, ...]:
    return keys_of_record(record.collection.id, record.collection.name, record.id)
