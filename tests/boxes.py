"""A real app on a data folder of its own, without a network, for tests of the rooms inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance import wiring
from appliance.config import load_config
from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.save import create_record

PASSWORD = "correct horse battery"


@contextmanager
def open_box(folder: Path) -> Iterator[App]:
    """A freshly wired app whose data lies in `folder`; closed afterwards."""
    app = wiring.build(load_config({"dir": str(folder)}, {}))
    try:
        yield app
    finally:
        app.close()


def add_user(app: App, email: str, collection: str = "users", **values: object) -> Record:
    """A stored auth record with PASSWORD."""
    record = Record(app.collections.get(collection), {})
    for name, value in {"email": email, **values}.items():
        record[name] = value
    record["password"] = PasswordValue(PASSWORD, app.passwords.hash(PASSWORD))
    return create_record(app, record)


def users_of(app: App) -> Collection:
    """The default auth collection."""
    return app.collections.get("users")
