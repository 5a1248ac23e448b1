"""The HTTP requests of the scenarios, made from a seed: both servers get the same ones in the same order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random
from urllib.parse import quote

from bench.world import OWNERS, WORDS, World, file_bytes, record_id

PAGES = 300
LOGIN_PASSWORD = "a long enough password"  # noqa: S105 - of accounts that live for one run
LOGINS = 16
BOUNDARY = "bench-boundary-7f3a"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, not yet addressed to a server."""

    method: str
    path: str
    body: bytes = b""
    token: str = ""
    content_type: str = "application/json"

    def encode(self, host: str) -> bytes:
        """The request's bytes; the header lines are those that an app's HTTP library sends, compression left out."""
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"Host: {host}",
            "User-Agent: bench/1.0",
            "Accept: */*",
            "Accept-Language: en-US",
        ]
        if self.token:
            lines.append(f"Authorization: {self.token}")
        if self.body:
            lines += [f"Content-Type: {self.content_type}", f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


Maker = Callable[[World, Random], Call]
"""Makes the next call of a scenario."""


def calls(maker: Maker, world: World, seed: str, count: int) -> Iterable[Call]:
    """`count` calls; the same seed makes the same ones."""
    random = Random(seed)
    return (maker(world, random) for _ in range(count))


def records(collection: str) -> str:
    """The path of a collection's records."""
    return f"/api/collections/{collection}/records"


def view(world: World, random: Random) -> Call:
    """A post, all equally likely."""
    return Call("GET", f"{records('posts')}/{record_id('posts', random.randrange(world.rows))}")


def view_own(world: World, random: Random) -> Call:
    """A note, with its owner's token: 100 tokens take turns at random on every connection."""
    number = random.randrange(world.notes)
    return Call("GET", f"{records('notes')}/{record_id('notes', number)}", token=_owner_token(world, number % OWNERS))


def list_page(per_page: int, *, with_total: bool, pages: int = PAGES) -> Maker:
    """A random page of posts."""

    def make(world: World, random: Random) -> Call:
        page = random.randint(1, min(pages, max(1, world.rows // per_page)))
        total = "" if with_total else "&skipTotal=1"
        return Call("GET", f"{records('posts')}?page={page}&perPage={per_page}{total}")

    return make


def filtered(variants: int) -> Maker:
    """30 posts and their total by a filter over three fields, sorted by two; `variants` different literals."""

    def make(world: World, random: Random) -> Call:
        number = random.randrange(variants)
        score, word = number * 50_000 / variants, f"w{number % WORDS}"
        condition = quote(f"score > {score:.7f} && active = true && title ~ '{word}'")
        return Call("GET", f"{records('posts')}?perPage=30&sort=-published,title&filter={condition}")

    return make


def create(world: World, random: Random) -> Call:
    """A new entry with every field set."""
    return Call("POST", records("entries"), _json(_entry(random)))


def update(world: World, random: Random) -> Call:
    """A new score and title for a post, all equally likely."""
    return _update_of(random.randrange(world.rows), random)


def login(world: World, random: Random) -> Call:
    """A sign-in with the right password, of 16 accounts."""
    form = {"identity": login_email(random.randrange(LOGINS)), "password": LOGIN_PASSWORD}
    return Call("POST", "/api/collections/users/auth-with-password", _json(form))


def login_email(number: int) -> str:
    """The address of the account with that number."""
    return f"login{number}@example.com"


def download(world: World, random: Random) -> Call:
    """A file of 1 MB, whole."""
    return Call("GET", f"/api/files/files/{random.choice(world.files)}")


def upload(world: World, random: Random) -> Call:
    """A new record with a file of 1 MB."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="new.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + file_bytes(random.randrange(1000)) + f"\r\n--{BOUNDARY}--\r\n".encode()
    return Call("POST", records("files"), body, content_type=f"multipart/form-data; boundary={BOUNDARY}")


def mixed(world: World, random: Random) -> Call:
    """75 % views, 15 % lists, 6 % updates, 4 % creates. Views and updates follow Zipf: the n-th post 1/n as often."""
    chance = random.random()
    if chance < 0.15:
        return Call("GET", f"{records('posts')}?page={random.randint(1, 5)}&perPage=30&sort=-published")
    if chance < 0.19:
        return create(world, random)
    number = random.choices(range(world.rows), cum_weights=_zipf(world.rows))[0]
    if chance < 0.25:
        return _update_of(number, random)
    return Call("GET", f"{records('posts')}/{record_id('posts', number)}")


def message(sent: str) -> Call:
    """A chat message that every subscriber may see. `sent` comes back in each event."""
    return Call("POST", records("chat"), _json({"public": True, "sent": sent, "title": "hello", "body": "w " * 60}))


def _entry(random: Random) -> dict[str, object]:
    return {
        "title": f"entry {random.randrange(10**9)}",
        "body": "w " * 60,
        "author": record_id("users", random.randrange(1000)),
        "score": random.randrange(10**5),
        "active": random.random() < 0.5,
        "tags": ["home", "work"],
        "published": "2026-01-02 03:04:05.000Z",
    }


def _update_of(number: int, random: Random) -> Call:
    path = f"{records('posts')}/{record_id('posts', number)}"
    score = random.randrange(10**5)
    return Call("PATCH", path, _json({"score": score, "title": f"w{score % WORDS} changed"}))


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


@cache
def _owner_token(world: World, owner: int) -> str:
    return world.user_token(owner)


@cache
def _zipf(rows: int) -> Sequence[float]:
    return list(accumulate(1 / rank for rank in range(1, rows + 1)))
