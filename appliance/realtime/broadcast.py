"""What is said to whom: each audience's rule and filter decide, and its options shape the record.

A change is told in commit order. Creates and updates are judged after their commit on the room's thread, so the writer
never waits for subscribers; a delete is judged inside its transaction, while the record is still there, and told after
it. The record told is the record judged: the values of the change itself, never newer ones that the rule has not seen.
Told are the subscriptions that were there at the change and still are: who subscribes after the answer to a write does
not hear of that write.

    audiences --watchers_allowed--> those that may see it --same shape--> one payload --same topic--> one frame
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any, Final

from appliance.core.app import App
from appliance.core.record import Record
from appliance.core.records.access import readable_emails, watchers_allowed
from appliance.core.records.expand import expand_records
from appliance.core.records.json import pick_fields, record_as_json
from appliance.core.request_info import RequestInfo
from appliance.errors import ApiError, RuleError
from appliance.realtime.clients import Audience
from appliance.realtime.frames import Frame, as_json
from appliance.realtime.hub import Delivery
from appliance.realtime.room import Realtime
from appliance.realtime.topics import keys_of_record

log = logging.getLogger("homeport.realtime")

CREATE: Final = "create"
UPDATE: Final = "update"
DELETE: Final = "delete"
JUDGE_SECONDS: Final = 10.0  # for one change, all its subscribers together
WRITER_SECONDS: Final = 1.0  # the same where other writes wait meanwhile


class Broadcaster:
    """Judges changes and hands them to the room."""

    def __init__(self, app: App, room: Realtime) -> None:
        self._app = app
        self._room = room
        self._has_reader = False

    def is_watched(self, record: Record) -> bool:
        """Whether any client listens to this record's collection, or to the record."""
        clients = self._room.clients
        return clients.has_watchers and clients.is_watched(_keys(record))

    def tell_change(self, action: str, record: Record) -> None:
        """On the writer's thread, after the commit: judge and tell later, in this order."""
        told = snapshot(record)
        number = self._room.clients.next_number()
        self._room.tell(partial(self._judge_later, action, told, number), _size(told), _keys(told))

    def judge_delete(self, record: Record) -> list[Delivery]:
        """Inside the transaction that deletes it. What goes wrong here must not keep anybody from deleting."""
        try:
            return self._judge(DELETE, record, self._room.clients.next_number(), WRITER_SECONDS)
        except Exception:
            log.exception("a delete could not be told to realtime clients")
            return []

    def tell_judged(self, record: Record, deliveries: list[Delivery]) -> None:
        """On the writer's thread, after the commit: tell what was judged inside the transaction, in its turn."""
        if deliveries:
            size = sum(each.frame.size for each in deliveries)
            self._room.tell(lambda: deliveries, size, _keys(record))

    def _judge_later(self, action: str, record: Record, number: int) -> list[Delivery]:
        """On the room's thread, which reads on a connection of its own."""
        if not self._has_reader:
            self._has_reader = True
            self._app.database.own_reader(JUDGE_SECONDS)
        return self._judge(action, record, number, JUDGE_SECONDS)

    def _judge(self, action: str, record: Record, number: int, seconds: float) -> list[Delivery]:
        """The frames of every audience that may see this change."""
        watching = self._room.clients.watching(_keys(record))
        verdicts = watchers_allowed(self._app, record, watching, seconds)
        allowed = [audience for audience, may_see in zip(watching, verdicts, strict=True) if may_see]
        telling = _Telling(self._app, action, record)
        frames = [telling.frame_for(audience) for audience in allowed]
        members = self._room.clients.members(allowed, number)
        return [Delivery(frame, clients) for frame, clients in zip(frames, members, strict=True) if frame and clients]


class _Telling:
    """One change as frames: a payload for each distinct shape, a frame for each topic that tells it."""

    def __init__(self, app: App, action: str, record: Record) -> None:
        self._app = app
        self._action = action
        self._record = record
        self._payloads: dict[Hashable, bytes | None] = {}
        self._frames: dict[tuple[str, int], Frame] = {}

    def frame_for(self, audience: Audience) -> Frame | None:
        """The event of an audience, None where it can't be shown."""
        payload = self._payload(audience)
        if payload is None:
            return None
        key = (audience.subscription.topic, id(payload))
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = Frame(audience.subscription.topic, payload)
        return frame

    def _payload(self, audience: Audience) -> bytes | None:
        shape = self._shape(audience)
        if shape not in self._payloads:
            self._payloads[shape] = self._build(audience.request)
        return self._payloads[shape]

    def _shape(self, audience: Audience) -> Hashable:
        """What makes two payloads differ. What is expanded follows the rights of each, so it is nobody else's."""
        request = audience.request
        query = request.query
        if query.get("expand"):
            return audience
        return request.is_superuser, query.get("fields", ""), self._shows_email(request)

    def _shows_email(self, request: RequestInfo) -> bool:
        collection = self._record.collection
        if not collection.is_auth:
            return False
        return bool(readable_emails(self._app, collection, (self._record,), request))

    def _build(self, request: RequestInfo) -> bytes | None:
        told = snapshot(self._record)
        try:
            expand_records(self._app, [told], request.query.get("expand", ""), request)
            shown: Any = pick_fields(record_as_json(self._app, told, request), request.query.get("fields", ""))
        except (ApiError, RuleError):
            return None
        return as_json({"action": self._action, "record": shown})


def snapshot(record: Record) -> Record:
    """The record's values of this moment, unexpanded: the original may go on changing."""
    copy = Record(record.collection, record.values, is_new=False)
    copy.extra = dict(record.extra)
    return copy


def _size(record: Record) -> int:
    """About how many bytes its values take."""
    return sum(len(each if isinstance(each, str) else repr(each)) for each in record.values.values())


def _keys(record: Record) -> Sequence[str]:
    return keys_of_record(record.collection.id, record.collection.name, record.id)
