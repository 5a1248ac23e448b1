"""The box's settings: one row of `_params` in the wire's form, sealed at rest, cached in memory.

Answers never show passwords and secrets. A row that came in plain from an import is sealed when it is first read.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance import clock
from appliance.core.events import SettingsUpdate
from appliance.core.settings.check import check_settings
from appliance.core.settings.sealed import Seal
from appliance.core.settings.shape import DEFAULTS, SETTINGS, without_secrets
from appliance.core.shapes import WrongShape, lay_over
from appliance.errors import BadRequest, StorageError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.storage.database import Database

KEY_FILE: Final = "settings.key"
UNREADABLE: Final = "An error occurred while loading the submitted data."

_SELECT: Final = "SELECT `value` FROM `_params` WHERE `id` = 'settings'"
_STORE: Final = (
    "INSERT INTO `_params` (`id`, `value`, `created`, `updated`) VALUES ('settings', ?, ?, ?) "
    "ON CONFLICT (`id`) DO UPDATE SET `value` = excluded.`value`, `updated` = excluded.`updated`"
)


class SettingsStore:
    """All settings, by group (`meta`, `smtp`, `s3`, `backups`, `batch`, `rateLimits`, `trustedProxy`, `logs`, ...)."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._seal = Seal(folder / KEY_FILE)
        self._current: Mapping[str, Any] = DEFAULTS

    def get(self, group: str) -> Any:
        """The values of one group. Not to be changed."""
        return self._current[group]

    def all(self) -> Mapping[str, Any]:
        """Every group, secrets included: for the code that uses them. Not to be changed."""
        return self._current

    def as_json(self) -> dict[str, Any]:
        """What an answer may show: no secrets."""
        return without_secrets(self._current)

    def reload(self) -> None:
        """Read the row again; store the defaults when there is none, and seal one that lies there in plain."""
        stored = self._stored()
        settings = self._opened(stored)
        if Seal.is_sealed(stored):
            self._current = settings
        else:
            self._database.write(lambda: self._store(settings))

    def patched(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Inside a write: the settings with the body's values laid over them. Raises BadRequest for a wrong type."""
        try:
            return lay_over(SETTINGS, self._opened(self._stored()), dict(body))  # type: ignore[no-any-return]
        except WrongShape as error:
            raise BadRequest(UNREADABLE) from error

    def _stored(self) -> Any:
        row = self._database.query(_SELECT)
        return _parsed(row[0][0]) if row else None

    def _opened(self, stored: Any) -> dict[str, Any]:
        return _complete(_parsed(self._seal.open(stored)) if Seal.is_sealed(stored) else stored)

    def replace(self, settings: dict[str, Any]) -> None:
        """Inside a write: store checked settings; they count once the write commits."""
        self._store(settings)

    def _store(self, settings: dict[str, Any]) -> None:
        now = clock.now_text()
        sealed = self._seal.close(json.dumps(settings, ensure_ascii=False, separators=(",", ":")))
        self._database.execute(_STORE, (json.dumps(sealed), now, now))
        self._database.on_commit(lambda: self._use(settings))

    def _use(self, settings: dict[str, Any]) -> None:
        self._current = settings


def update_settings(app: App, body: Mapping[str, Any]) -> None:
    """Lay the body over the settings, check, run the hooks and store. Raises BadRequest, ValidationFailed."""

    def work() -> None:
        new = app.settings.patched(body)
        check_settings(new)
        waiting = app.hooks.before(SettingsUpdate(app=app, old=dict(app.settings.all()), new=new))
        app.database.after_commit(lambda: app.hooks.after(waiting), on_rollback=lambda: app.hooks.abandon(waiting))
        app.settings.replace(new)

    app.database.write(work)


def _complete(stored: Any) -> dict[str, Any]:
    """Stored settings with defaults for what an older version did not know."""
    try:
        return lay_over(SETTINGS, copy.deepcopy(DEFAULTS), stored or {})  # type: ignore[no-any-return]
    except WrongShape as error:
        raise StorageError("The stored settings can't be read.", "Restore the latest backup.") from error


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise StorageError("The stored settings can't be read.", "Restore the latest backup.") from error
