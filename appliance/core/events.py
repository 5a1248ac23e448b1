"""The events that hooks hang on: one frozen-shaped dataclass each; EVENTS is the table of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from appliance.core.collection import Collection
from appliance.core.request_info import RequestInfo

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.record import Record


@dataclass(kw_only=True)
class Event:
    """What every event carries."""

    name: ClassVar[str] = ""
    app: App

    def collection_keys(self) -> frozenset[str]:
        """Names and ids by which a binding may have asked for this event."""
        return frozenset()

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` on the writer's thread right after the commit, in commit order. It must be quick and
        must not write: hand work to a queue. What may be slow goes after the hook's `yield`."""
        self.app.database.on_commit(callback)


@dataclass(kw_only=True)
class RecordEvent(Event):
    """A record is written. `request` is None when no client asked (a job, the command line)."""

    record: Record
    request: RequestInfo | None = None

    def collection_keys(self) -> frozenset[str]:
        """The record's collection by name and id."""
        return frozenset((self.record.collection.name, self.record.collection.id))


@dataclass(kw_only=True)
class RecordCreate(RecordEvent):
    """A new record is about to be stored; it has passed the create rule, not yet the validation."""

    name: ClassVar[str] = "record_create"


@dataclass(kw_only=True)
class RecordUpdate(RecordEvent):
    """A stored record is about to change; `record.original` has the old values."""

    name: ClassVar[str] = "record_update"


@dataclass(kw_only=True)
class RecordDelete(RecordEvent):
    """A record is about to go, cascades included (each gets its own event)."""

    name: ClassVar[str] = "record_delete"


@dataclass(kw_only=True)
class RecordAuth(RecordEvent):
    """A record has proved who it is and is about to get a token. `method` is password, otp, oauth2 or ""."""

    name: ClassVar[str] = "record_auth"
    method: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class RecordsList(Event):
    """A page of records is about to be answered."""

    name: ClassVar[str] = "records_list"
    collection: Collection
    records: list[Record]
    request: RequestInfo

    def collection_keys(self) -> frozenset[str]:
        """The collection by name and id."""
        return frozenset((self.collection.name, self.collection.id))


@dataclass(kw_only=True)
class RecordView(RecordEvent):
    """One record is about to be answered."""

    name: ClassVar[str] = "record_view"


@dataclass(kw_only=True)
class CollectionEvent(Event):
    """A collection's schema changes. `old` is None on create."""

    collection: Collection
    old: Collection | None = None

    def collection_keys(self) -> frozenset[str]:
        """The collection by name and id."""
        return frozenset((self.collection.name, self.collection.id))


@dataclass(kw_only=True)
class CollectionCreate(CollectionEvent):
    """A new collection is about to be stored."""

    name: ClassVar[str] = "collection_create"


@dataclass(kw_only=True)
class CollectionUpdate(CollectionEvent):
    """A collection is about to change; rows are kept."""

    name: ClassVar[str] = "collection_update"


@dataclass(kw_only=True)
class CollectionDelete(CollectionEvent):
    """A collection is about to go with all its records and files."""

    name: ClassVar[str] = "collection_delete"


@dataclass(kw_only=True)
class SettingsUpdate(Event):
    """The box's settings are about to be stored. Both are whole settings in the wire's form."""

    name: ClassVar[str] = "settings_update"
    old: dict[str, Any]
    new: dict[str, Any]


@dataclass(kw_only=True)
class RealtimeSubscribe(Event):
    """A realtime client is about to change its subscriptions."""

    name: ClassVar[str] = "realtime_subscribe"
    client_id: str
    topics: list[str]
    request: RequestInfo


@dataclass(kw_only=True)
class Start(Event):
    """Everything is built; the server is about to answer."""

    name: ClassVar[str] = "start"


@dataclass(kw_only=True)
class Stop(Event):
    """The server has stopped answering; rooms close what they hold."""

    name: ClassVar[str] = "stop"


EVENTS: dict[str, type[Event]] = {
    each.name: each
    for each in (
        RecordCreate,
        RecordUpdate,
        RecordDelete,
        RecordAuth,
        RecordsList,
        RecordView,
        CollectionCreate,
        CollectionUpdate,
        CollectionDelete,
        SettingsUpdate,
        RealtimeSubscribe,
        Start,
        Stop,
    )
}
