"""Makes a world once and keeps it in a cache folder outside the project.

Making a million rows through an API takes an hour, so the schema is made by PocketBase and the rows are written
into its SQLite file while it is stopped. Ours imports a copy of the same folder: same ids, dates and secrets.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from bench.world import FILE_BYTES, FILES, TAGS, USERS, World, file_bytes, note, post, user
from tests.oracle import EMAIL, ORACLE_VERSION, PASSWORD, Server, start_oracle

OWN = "owner = @request.auth.id"
TEXTS = [{"name": "title", "type": "text"}, {"name": "body", "type": "text"}]
DATES = [
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]


def open_world(rows: int, cache: Path) -> World:
    """The world with `rows` posts; made when the cache has none that these files and this PocketBase would make."""
    sources = Path(__file__), Path(__file__).with_name("world.py")
    recipe = hashlib.sha256(b"".join(source.read_bytes() for source in sources) + ORACLE_VERSION.encode())
    folder = cache / f"world-{rows}-{recipe.hexdigest()[:12]}"
    if not folder.exists():
        making = cache / f"{folder.name}.making"
        shutil.rmtree(making, ignore_errors=True)
        make_world(rows, making)
        making.rename(folder)
    return World(folder / "pb_data", rows)


def make_world(rows: int, folder: Path) -> None:
    """Make `folder/pb_data`: the schema by PocketBase itself, then the rows by SQLite."""
    server = start_oracle(folder)
    try:
        _make_schema(server)
    finally:
        server.stop()
    _fill(World(folder / "pb_data", rows))


def schema(users: str) -> list[dict[str, Any]]:
    """The collections, as POST /api/collections takes them. `users` is the id of the users collection."""
    author = {"name": "author", "type": "relation", "collectionId": users, "maxSelect": 1}
    posts = [
        *TEXTS,
        author,
        {"name": "score", "type": "number"},
        {"name": "active", "type": "bool"},
        {"name": "tags", "type": "select", "maxSelect": 3, "values": list(TAGS)},
        {"name": "published", "type": "date"},
        *DATES,
    ]
    everybody = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule"), "")
    heard = '@request.auth.id != "" && (public = true || author = @request.auth.id)'
    said = [{"name": "public", "type": "bool"}, {"name": "sent", "type": "text"}, *TEXTS, author, *DATES]
    upload = {"name": "file", "type": "file", "maxSelect": 1, "maxSize": 2 * FILE_BYTES}
    return [
        {"name": "posts", "type": "base", "fields": posts, **everybody},
        {"name": "entries", "type": "base", "fields": posts, **everybody},
        {
            "name": "notes",
            "type": "base",
            "fields": [*TEXTS, {**author, "name": "owner"}, *DATES],
            "listRule": OWN,
            "viewRule": OWN,
        },
        {"name": "chat", "type": "base", "fields": said, **everybody, "listRule": heard, "viewRule": heard},
        {"name": "files", "type": "base", "fields": [upload, *DATES], **everybody},
    ]


def _make_schema(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        signed_in = client.post(
            "/api/collections/_superusers/auth-with-password", json={"identity": EMAIL, "password": PASSWORD}
        )
        client.headers["Authorization"] = signed_in.json()["token"]
        users = client.get("/api/collections/users").json()["id"]
        client.patch("/api/settings", json={"rateLimits": {"enabled": False}}).raise_for_status()
        for collection in schema(users):
            client.post("/api/collections", json=collection).raise_for_status()
        for number in range(FILES):
            upload = {"file": (f"photo{number}.bin", file_bytes(number), "application/octet-stream")}
            client.post("/api/collections/files/records", files=upload).raise_for_status()


def _fill(world: World) -> None:
    with closing(sqlite3.connect(world.data / "data.db", isolation_level=None)) as database:
        database.execute("BEGIN")
        _insert(database, "users", map(user, range(USERS)))
        _insert(database, "posts", map(post, range(world.rows)))
        _insert(database, "notes", map(note, range(world.notes)))
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert(database: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    columns = ", ".join(f"`{name}`" for name in first)
    marks = ", ".join("?" * len(first))
    statement = f"INSERT INTO `{table}` ({columns}) VALUES ({marks})"  # noqa: S608 - names of ours, values bound
    database.execute(statement, tuple(first.values()))
    database.executemany(statement, (tuple(row.values()) for row in rows))
