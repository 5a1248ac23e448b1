"""An app with its database, files and system collections, but no other room bound: for tests of core itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.config import load_config
from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.collections.save import create_collection
from appliance.core.collections.system import create_system_collections
from appliance.files.local import LocalStorage
from appliance.storage.sqlite import open_database


@contextmanager
def open_app(folder: Path) -> Iterator[App]:
    """An app whose data lies in `folder`; closed afterwards."""
    app = App(load_config({"dir": str(folder)}, {}), open_database(folder), LocalStorage(folder / "storage"))
    create_system_collections(app)
    app.collections.reload()
    try:
        yield app
    finally:
        app.close()


def add_collection(app: App, name: str, *fields: dict[str, Any], **options: Any) -> Collection:
    """A stored collection of the wire's field options."""
    return create_collection(app, {"name": name, "type": "base", "fields": list(fields), **options})
