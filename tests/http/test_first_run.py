"""Before an administrator exists: only set-up, health and static files answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.auth.superusers import create_superuser
from tests.boxes import open_box
from tests.http.servers import send, serve


def test_opens_once_an_administrator_exists(tmp_path: Path) -> None:
    with open_box(tmp_path) as app, serve(app) as server:
        assert send(server, "GET", "/api/health").status_code == 200
        for method, path in (("GET", "/api/collections/users/records"), ("POST", "/api/realtime"), ("GET", "/x")):
            answer = send(server, method, path)
            assert (answer.status_code, answer.json()["status"]) == (503, 503)
            assert "/_/setup" in answer.json()["message"]
        for path in ("/", "/_/", "/_/collections"):
            assert send(server, "GET", path).headers["Location"] == "/_/setup"
        create_superuser(app, "root@example.com", "root-password")
        assert send(server, "GET", "/api/collections/users/records").status_code != 503


@pytest.mark.parametrize("path", ["/_/setup", "/_/setup/done", "/_/static/app.css"])
def test_lets_set_up_through(tmp_path: Path, path: str) -> None:
    with open_box(tmp_path) as app, serve(app) as server:
        assert send(server, "GET", path).status_code == 404  # nothing refuses it; this server has no dashboard
