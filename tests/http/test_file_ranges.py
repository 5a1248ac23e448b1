"""Parts of files: what a player of videos asks for."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from appliance.auth.superusers import create_superuser
from appliance.core.collections.save import create_collection
from appliance.core.record import Record
from appliance.core.records.save import create_record
from appliance.core.upload import Upload
from appliance.http.server import Server
from tests.boxes import open_box
from tests.http.servers import Reader, connect, send, serve

CONTENT = bytes(range(256)) * 100_000  # more than waitress holds for a client before it lets a worker wait
WORKERS = 4
VIDEOS = {"name": "videos", "type": "base", "fields": [{"name": "film", "type": "file", "maxSize": len(CONTENT)}]}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A running server, and the path of a stored video."""
    with open_box(tmp_path_factory.mktemp("videos")) as app:
        create_superuser(app, "root@example.com", "root-password")
        create_collection(app, VIDEOS)
        record = Record(app.collections.get("videos"), {})
        record["film"] = Upload("film.bin", len(CONTENT), io.BytesIO(CONTENT), "application/octet-stream")
        stored = create_record(app, record)
        with serve(app) as server:
            yield server, f"/api/files/videos/{stored.id}/{stored['film']}"


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        pytest.param("", 200, CONTENT, id="all of it"),
        pytest.param("bytes=0-", 206, CONTENT, id="from the start on"),
        pytest.param("bytes=0-0", 206, CONTENT[:1], id="the first byte"),
        pytest.param("bytes=1000-1999", 206, CONTENT[1000:2000], id="a part within"),
        pytest.param("bytes=70000-", 206, CONTENT[70000:], id="from a place on"),
        pytest.param("bytes=-300", 206, CONTENT[-300:], id="the end"),
        pytest.param("bytes=25599999-99999999", 206, CONTENT[-1:], id="beyond the end"),
        pytest.param("bytes=99999999-", 416, None, id="nothing of it"),
    ],
)
def test_part(video: tuple[Server, str], asked: str, status: int, part: bytes | None) -> None:
    answer = send(video[0], "GET", video[1], headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    if part is not None:
        assert int(answer.headers["Content-Length"]) == len(part)
        assert answer.content == part


def test_slow_viewers_hold_no_worker(video: tuple[Server, str]) -> None:
    server, path = video
    ask = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=1-\r\n\r\n".encode()
    viewers = [connect(server) for _ in range(2 * WORKERS)]
    for viewer in viewers:
        viewer.sendall(ask)
        assert Reader(viewer).head().status == 206
    assert send(server, "GET", "/api/settings", timeout=5).status_code == 401
    for viewer in viewers:
        viewer.close()
