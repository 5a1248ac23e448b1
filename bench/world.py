"""The data that both servers start from, row by row: everything follows from row numbers.

    posts    N rows, public        views, lists, filters, updates
    notes    N rows, most 10,000   view and list rule: owner = @request.auth.id; 100 owners
    entries  empty, public         what creates fill
    chat     empty                 what realtime subscribers listen to; its rule asks who they are
    files    8 rows of 1 MB, public

bench.seed makes the folder. The load generators import this file at every start, so it imports little.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

USERS = 5000
OWNERS = 100
FILES = 8
FILE_BYTES = 1_000_000
NO_PASSWORD = "$2a$10$FntRbTDNJqmjDJ.l4ARseOD/206X0Nq844jwULWZVZFSzu2nmSjNe"  # noqa: S105 - verifies nothing
TOKENS_EXPIRE = 4_102_444_800  # the year 2100
WORDS = 500
TAGS = ("home", "garden", "work", "travel", "music", "food")


@dataclass(frozen=True)
class World:
    """A stopped PocketBase's data folder with `rows` posts, and what is known about its contents."""

    data: Path
    rows: int

    @property
    def notes(self) -> int:
        """How many notes there are."""
        return min(self.rows, 10_000)

    @cached_property
    def files(self) -> list[str]:
        """The paths of the stored files below /api/files/files/."""
        with closing(sqlite3.connect(self.data / "data.db")) as database:
            return [f"{record}/{name}" for record, name in database.execute("SELECT id, file FROM files ORDER BY id")]

    def user_token(self, number: int) -> str:
        """An auth token of the user with that number, as both servers would issue it."""
        return self._token("users", record_id("users", number), token_key(number))

    @cached_property
    def superuser_token(self) -> str:
        """An auth token of the superuser."""
        with closing(sqlite3.connect(self.data / "data.db")) as database:
            ((record, key),) = database.execute("SELECT id, tokenKey FROM _superusers").fetchall()
        return self._token("_superusers", record, key)

    @cached_property
    def _auth_collections(self) -> dict[str, tuple[str, str]]:
        """Id and token secret of each auth collection."""
        query = "SELECT name, id, json_extract(options, '$.authToken.secret') FROM _collections WHERE type = 'auth'"
        with closing(sqlite3.connect(self.data / "data.db")) as database:
            return {name: (collection, secret) for name, collection, secret in database.execute(query)}

    def _token(self, collection: str, record: str, key: str) -> str:
        import jwt  # here only, because it loads the whole of `cryptography`

        collection_id, secret = self._auth_collections[collection]
        claims = {"id": record, "type": "auth", "collectionId": collection_id, "exp": TOKENS_EXPIRE}
        return jwt.encode({**claims, "refreshable": True}, key + secret, "HS256")


def record_id(table: str, number: int) -> str:
    """The id of a row: spread like real ids, so that neighbours in time are not neighbours in the index."""
    return hashlib.blake2b(f"{table} {number}".encode(), digest_size=8).hexdigest()[:15]


def token_key(number: int) -> str:
    """The tokenKey of the user with that number."""
    return hashlib.blake2b(f"key {number}".encode(), digest_size=25).hexdigest()


def file_bytes(number: int) -> bytes:
    """One megabyte that does not compress."""
    return hashlib.shake_256(f"file {number}".encode()).digest(FILE_BYTES)


def user(number: int) -> dict[str, Any]:
    """The columns of a user; nobody knows the password."""
    return {
        "id": record_id("users", number),
        "email": f"user{number}@example.com",
        "name": f"User {number}",
        "password": NO_PASSWORD,
        "tokenKey": token_key(number),
        "verified": True,
        **_dates(number),
    }


def post(number: int) -> dict[str, Any]:
    """The columns of a post."""
    return {
        "id": record_id("posts", number),
        "title": " ".join(_words(number, 5)),
        "body": " ".join(_words(number, 32)),
        "author": record_id("users", number % USERS),
        "score": number * 7919 % 100_003,
        "active": number % 3 != 0,
        "tags": json.dumps([TAGS[number % 6], TAGS[(number + 2) % 6]]),
        "published": f"20{10 + number % 15}-{1 + number % 12:02}-{1 + number % 28:02} 12:00:00.000Z",
        **_dates(number),
    }


def note(number: int) -> dict[str, Any]:
    """The columns of a note."""
    return {
        "id": record_id("notes", number),
        "title": " ".join(_words(number, 5)),
        "body": " ".join(_words(number, 32)),
        "owner": record_id("users", number % OWNERS),
        **_dates(number),
    }


def _words(number: int, count: int) -> Iterator[str]:
    return (f"w{(number * 31 + place * place * 17) % WORDS}" for place in range(count))


def _dates(number: int) -> dict[str, str]:
    moment = f"2025-{1 + number % 12:02}-{1 + number % 28:02} {number % 24:02}:00:{number % 60:02}.{number % 1000:03}Z"
    return {"created": moment, "updated": moment}
