"""Stock waitress around our application, as a program: the control that thousands of connections must bring down.

python -m tests.faults.stock FOLDER HOST:PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

from waitress.server import create_server

from appliance.auth.superusers import create_superuser
from appliance.http.flask_app import build_flask_app
from appliance.http.server import _raise_descriptor_limit
from tests.boxes import open_box

if __name__ == "__main__":
    host, _, port = sys.argv[2].partition(":")
    limit = _raise_descriptor_limit() - 100
    with open_box(Path(sys.argv[1])) as app:
        create_superuser(app, "root@example.com", "root-password")
        create_server(
            build_flask_app(app), host=host, port=int(port), connection_limit=limit, asyncore_use_poll=True
        ).run()
