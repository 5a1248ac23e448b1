"""The app: one value that holds what the rooms share. Built once, in wiring.py."""

from __future__ import annotations

from typing import Any, Protocol

from appliance.config import Config
from appliance.core.collections.store import CollectionStore
from appliance.core.hooks import Hooks, On
from appliance.core.passwords import Passwords
from appliance.core.record import Record
from appliance.core.records.cache import RecordCache
from appliance.core.settings.store import SettingsStore
from appliance.files.storage import FileStorage
from appliance.storage.database import Database


class SetUpDoor(Protocol):
    """What everybody may know of the first run; auth/first_run.py is it."""

    @property
    def is_open(self) -> bool:
        """Whether no administrator exists yet."""

    def code(self) -> str:
        """The set-up code, "" when the door is closed."""

    def complete(self, email: str, password: str, code: str, is_local: bool) -> Record:
        """Create the first administrator."""


class RealtimeDoor(Protocol):
    """What everybody may ask of realtime; realtime/room.py is it."""

    def send(self, topic: str, message: Any) -> None:
        """Say something to everybody who has subscribed to `topic` (a name of your own). `message` is a JSON value."""


class App:
    """What a handler, a hook or a plugin works with.

    `collections` and `settings` are caches over the database that change only with a commit; `cache` keeps what was
    read until a commit touches it.
    """

    first_run: SetUpDoor
    realtime: RealtimeDoor

    def __init__(self, config: Config, database: Database, files: FileStorage) -> None:
        self.config = config
        self.database = database
        self.files = files
        self.is_stopping = False  # true from the first moment of a graceful stop
        self.hooks = Hooks()
        self.collections = CollectionStore(database)
        self.settings = SettingsStore(database, config.dir)
        self.cache = RecordCache()
        database.follow(self.cache)
        self.passwords = Passwords()

    @property
    def on(self) -> On:
        """The door to hooks: `@app.on.record_create("posts")`."""
        return self.hooks.on

    def close(self) -> None:
        """Finish what is in work and let go of the data folder."""
        self.passwords.close()
        self.database.close()
