"""THE list of what is built and bound, in order. Whoever wants to know what a running box consists of reads this."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance.auth.first_run import FirstRun
from appliance.config import Config
from appliance.core.app import App
from appliance.core.collections.system import create_system_collections
from appliance.files.local import LocalStorage
from appliance.realtime import binding as realtime
from appliance.storage.sqlite import SqliteDatabase, open_database

if TYPE_CHECKING:
    from appliance.http.certificates import Certificate
    from appliance.http.server import Server

FILES_FOLDER = "storage"

BINDINGS: tuple[Callable[[App], None], ...] = (realtime.bind,)


def build(config: Config) -> App:
    """The app on its data folder, without a network. Raises StorageError, ConfigError."""
    database = open_database(config.dir, config.durability)
    try:
        return _assemble(config, database)
    except BaseException:
        database.close()  # else its writer's thread holds the file for as long as the process lives
        raise


def _assemble(config: Config, database: SqliteDatabase) -> App:
    app = App(config, database, LocalStorage(config.dir / FILES_FOLDER))
    create_system_collections(app)
    app.collections.reload()
    app.settings.reload()
    app.first_run = FirstRun(app, config.dir)
    for bind in BINDINGS:
        bind(app)
    return app


def start(app: App, listener: socket.socket, certificate: Certificate | None = None) -> Server:
    """Answer requests on a listening socket: HTTPS with a certificate, else HTTP. `stop()` of what it returns ends it
    gracefully.

    The network edge is loaded here, not above: commands that only work on the data start in half the time.
    """
    from appliance.http.flask_app import build_flask_app
    from appliance.http.server import Server
    from dashboard.blueprint import build_blueprint

    panel = build_blueprint(app)
    server = Server(app, build_flask_app(app, [panel]), listener, certificate)
    server.start()
    return server
