"""A PocketBase data folder that the real PocketBase has filled, with what it answered while it ran."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.oracle import EMAIL, PASSWORD, Server, start_oracle

USER = "ann@example.com"
USER_PASSWORD = "anns-password"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


@dataclass(frozen=True)
class Filled:
    """The stopped server's folder, tokens it issued, and its answers by path."""

    folder: Path
    user_id: str
    user_token: str
    superuser_token: str
    answers: dict[str, Any]

    def copy(self, target: Path) -> Path:
        """A copy of its own for a test that damages it."""
        shutil.copytree(self.folder, target)
        return target


def fill(folder: Path) -> Filled:
    """Start PocketBase, let it make something of everything, ask it what it holds, and stop it."""
    server = start_oracle(folder)
    try:
        with httpx.Client(base_url=server.url, timeout=20) as client:
            return _fill(folder / "pb_data", client)
    finally:
        server.stop()


def sign_in(server: Server | httpx.Client, collection: str, identity: str, password: str) -> dict[str, Any]:
    """The answer to a sign-in."""
    post = server.post if isinstance(server, httpx.Client) else httpx.Client(base_url=server.url).post
    path = f"/api/collections/{collection}/auth-with-password"
    return _ok(post(path, json={"identity": identity, "password": password}))


def _fill(folder: Path, client: httpx.Client) -> Filled:
    superuser_token = sign_in(client, "_superusers", EMAIL, PASSWORD)["token"]
    client.headers["Authorization"] = superuser_token
    user = _make_users(client)
    _make_collections(client)
    _make_records(client, user["id"])
    _make_auth_rows(client, user["id"])
    settings = {"meta": {"appName": "Moved"}, "smtp": {"host": "mail.example.com", "password": "smtp-secret"}}
    _ok(client.patch("/api/settings", json=settings))
    user_token = sign_in(client, "users", USER, USER_PASSWORD)["token"]
    paths = [f"/api/collections/{name}/records?perPage=500" for name in _collection_names(client)]
    paths += ["/api/collections?perPage=500", "/api/settings"]
    answers = {path: _ok(client.get(path)) for path in paths}
    _wait_for_logs(client)
    return Filled(folder, user["id"], user_token, superuser_token, answers)


def _make_users(client: httpx.Client) -> dict[str, Any]:
    secret = {"password": USER_PASSWORD, "passwordConfirm": USER_PASSWORD}
    fields = {"email": USER, "name": "Ann", "verified": "true", **secret}
    user = _ok(client.post("/api/collections/users/records", data=fields, files={"avatar": ("me.png", PNG)}))
    for number in range(3):
        _ok(client.post("/api/collections/users/records", json={"email": f"u{number}@example.com", **secret}))
    return user


def _make_collections(client: httpx.Client) -> None:
    users = _ok(client.get("/api/collections/users"))["id"]
    fields = [
        {"name": "title", "type": "text", "required": True},
        {"name": "body", "type": "editor"},
        {"name": "stars", "type": "number"},
        {"name": "done", "type": "bool"},
        {"name": "mail", "type": "email"},
        {"name": "site", "type": "url"},
        {"name": "due", "type": "date"},
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
        {"name": "kind", "type": "select", "values": ["a", "b", "c"]},
        {"name": "kinds", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
        {"name": "cover", "type": "file"},
        {"name": "pages", "type": "file", "maxSelect": 5},
        {"name": "owner", "type": "relation", "collectionId": users},
        {"name": "readers", "type": "relation", "collectionId": users, "maxSelect": 9},
        {"name": "extra", "type": "json"},
        {"name": "place", "type": "geoPoint"},
    ]
    indexes = ["CREATE UNIQUE INDEX one_title ON notes (title)", "CREATE INDEX by_stars ON notes (stars DESC)"]
    notes = {
        "name": "notes",
        "type": "base",
        "fields": fields,
        "indexes": indexes,
        "listRule": "owner = @request.auth.id",
    }
    _ok(client.post("/api/collections", json=notes))
    view = {"name": "best", "type": "view", "viewQuery": "SELECT id, title, (stars * 2) AS twice FROM notes"}
    _ok(client.post("/api/collections", json=view))
    _ok(client.post("/api/collections", json={"name": "drivers", "type": "auth"}))


def _make_records(client: httpx.Client, owner: str) -> None:
    for number in range(25):
        values = {
            "title": f"Note {number} äöü 😀",
            "stars": number / 4,
            "owner": owner,
            "kind": "b",
            "extra": {"n": number},
        }
        _ok(client.post("/api/collections/notes/records", json={**values, "kinds": ["c", "a"], "readers": [owner]}))
    files = [("cover", ("c.png", io.BytesIO(PNG))), ("pages", ("p.txt", b"page")), ("pages", ("q", b"{}"))]
    note = _ok(client.post("/api/collections/notes/records", data={"title": "with files"}, files=files))
    _ok(client.delete(f"/api/collections/notes/records/{_first_id(client)}"))
    assert note["cover"]


def _make_auth_rows(client: httpx.Client, user: str) -> None:
    """Rows in each of the tables that belong to signing in."""
    reference = {"collectionRef": "_pb_users_auth_", "recordRef": user}
    rows = {
        "_externalAuths": {"provider": "google", "providerId": "g-1"},
        "_mfas": {"method": "password"},
        "_otps": {"password": "12345678", "sentTo": USER},
        "_authOrigins": {"fingerprint": "some-phone"},
    }
    for collection, values in rows.items():
        _ok(client.post(f"/api/collections/{collection}/records", json={**reference, **values}))


def _first_id(client: httpx.Client) -> str:
    return str(_ok(client.get("/api/collections/notes/records?perPage=1"))["items"][0]["id"])


def _collection_names(client: httpx.Client) -> list[str]:
    return [item["name"] for item in _ok(client.get("/api/collections?perPage=500"))["items"]]


def _wait_for_logs(client: httpx.Client) -> None:
    """The log is written every three seconds or when the server stops; it is enough that it is asked for."""
    _ok(client.get("/api/logs"))


def _ok(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json() if answer.content else None
