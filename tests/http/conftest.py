"""One box with an administrator and one running server for all tests of the edge that only read."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from appliance.api.request import Request, Response
from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.errors import BusyError, DiskFullError, StorageError
from appliance.http.routes import AUTH, SUPERUSER, Route
from appliance.http.server import Server
from tests.boxes import add_user, open_box
from tests.http.servers import serve


def echo(request: Request) -> Response:
    """What the edge has made of a request."""
    body = dict(request.body)
    files = {
        name: [[each.name, each.size, each.content_type, each.stream.read(20).decode("latin-1")] for each in listed]
        for name, listed in request.files.items()
    }
    return Response(
        {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": body,
            "lists": getattr(request.body, "lists", None),
            "files": files,
            "auth": request.auth.id if request.auth else None,
            "ip": request.remote_ip,
        }
    )


def untouched(_request: Request) -> Response:
    return Response({"fine": True})


def fail(request: Request) -> Response:
    raise {
        "disk": DiskFullError("the disk is full", hint="delete something"),
        "busy": BusyError("many writes"),
        "storage": StorageError("SELECT secret FROM t"),
    }.get(request.query.get("how", ""), ZeroDivisionError("secret detail"))


def large(request: Request) -> Response:
    return Response(b"x" * int(request.query["size"]), headers={"Content-Type": "text/plain"})


def slow(request: Request) -> Response:
    time.sleep(float(request.query["seconds"]))
    return Response({"slept": True})


MORE = (
    Route("POST", "/test/echo", echo),
    Route("GET", "/test/echo/{name}", echo),
    Route("POST", "/test/named", echo, unreadable="The form can't be read."),
    Route("POST", "/test/untouched", untouched),
    Route("GET", "/test/auth", untouched, who=AUTH),
    Route("GET", "/test/superuser", untouched, who=SUPERUSER),
    Route("GET", "/test/fail", fail),
    Route("GET", "/test/large", large),
    Route("GET", "/test/slow", slow),
    Route("POST", "/test/small", echo, body_limit=100),
    Route("DELETE", "/test/nothing", lambda _request: Response(status=204)),
)


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("box")) as app:
        create_superuser(app, "root@example.com", "root-password")
        add_user(app, "user@example.com")
        yield app


@pytest.fixture(scope="session")
def server(box: App) -> Iterator[Server]:
    with serve(box, MORE) as running:
        yield running
