"""Plugins: modules with a `register(app)` that bind hooks in their own name.

Plugins are trusted code: they run inside the process with all its rights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance.core.app import App
from appliance.core.hooks import On
from appliance.errors import PluginError


class PluginApp:
    """The app as one plugin sees it: everything of `App`, with hooks bound in the plugin's name."""

    def __init__(self, app: App, name: str) -> None:
        self._app = app
        self.name = name
        self.on: On = app.on.for_owner(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)


def load_plugin(app: App, name: str, register: Callable[[PluginApp], None]) -> None:
    """Let one plugin bind its hooks. When it fails none of them stays, and PluginError says which plugin it was."""
    try:
        register(PluginApp(app, name))
    except Exception as error:
        app.hooks.unbind_owner(name)
        raise PluginError(
            name, f"The plugin {name} could not be loaded: {error}.", "See the log, or remove it."
        ) from error
