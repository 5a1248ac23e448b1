"""The app: one value that holds what the rooms share. Built once, in wiring.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.core.hooks import Hooks, On

if TYPE_CHECKING:
    from appliance.config import Config
    from appliance.core.collection_store import CollectionStore
    from appliance.core.passwords import Passwords
    from appliance.core.settings import SettingsStore
    from appliance.files.storage import FileStorage
    from appliance.storage.database import Database


class App:
    """What a handler, a hook or a plugin works with.

    `collections` and `settings` are caches over the database that change only with a commit.
    """

    def __init__(self, config: Config, database: Database, files: FileStorage) -> None:
        from appliance.core.collection_store import CollectionStore
        from appliance.core.passwords import Passwords
        from appliance.core.settings import SettingsStore

        self.config = config
        self.database = database
        self.files = files
        self.hooks = Hooks()
        self.collections: CollectionStore = CollectionStore(database)
        self.settings: SettingsStore = SettingsStore(database)
        self.passwords: Passwords = Passwords()

    @property
    def on(self) -> On:
        """The door to hooks: `@app.on.record_create("posts")`."""
        return self.hooks.on
