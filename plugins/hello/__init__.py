"""The annotated sample. It greets: new records of a collection named `greetings` get a text, and the log says so.

A plugin is a module with one function, `register(app)`. What it binds here runs for every path alike: the API,
the dashboard and the command line.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from appliance.core.events import RecordCreate
from appliance.errors import BadRequest
from appliance.plugins import PluginApp

log = logging.getLogger("homeport.plugins.hello")


def register(app: PluginApp) -> None:
    """Called once, at start."""

    @app.on.record_create("greetings")
    def refuse_shouting(event: RecordCreate) -> None:
        """A plain function runs before the write. Raising an error of appliance.errors vetoes it: nothing is stored
        and the client gets that answer."""
        if str(event.record["name"]).isupper():
            raise BadRequest("Please don't shout.")

    @app.on.record_create("greetings")
    def greet(event: RecordCreate) -> Iterator[None]:
        """A generator wraps the write. Up to the `yield` it may change the record; after it the record is on disk.
        Slow work (a web request, a mail) belongs after the `yield`: before it, other writers wait."""
        event.record["text"] = f"Hello, {event.record['name']}"
        yield
        log.info("greeted %s", event.record.id)
