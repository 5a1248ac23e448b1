"""The small seeded world of the record tests: people who write posts, comment on them and keep private notes.

ann manages people (manageRule), bob and cyd are members, root is the superuser. `asking(world, "bob")` is a request
of bob's; guests are asked for by "".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.core.app import App
from appliance.core.collection import SUPERUSERS
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.save import create_record
from appliance.core.request_info import RequestInfo
from tests.core.bare_app import add_collection, open_app

PASSWORD = "correct horse"
OPEN = {"listRule": "", "viewRule": "", "createRule": "", "updateRule": "", "deleteRule": ""}
OWN = "@request.auth.id != '' && person = @request.auth.id"


@dataclass
class World:
    """The app and who can ask it."""

    app: App
    password: PasswordValue
    people: dict[str, Record] = field(default_factory=dict)

    def record(self, collection: str, **values: Any) -> Record:
        """Store a record past all rules."""
        record = Record(self.app.collections.get(collection))
        for name, value in values.items():
            record[name] = value
        return create_record(self.app, record)

    def account(self, key: str, collection: str, **values: Any) -> None:
        """Store an auth record whose password is PASSWORD; the world knows it by `key`."""
        email = f"{key}@example.com"
        self.people[key] = self.record(collection, id=f"{key:0>15}", email=email, password=self.password, **values)

    def asking(self, who: str, **facts: Any) -> RequestInfo:
        """A request of this person."""
        return RequestInfo(auth=self.people.get(who), **facts)


def text(name: str, **options: Any) -> dict[str, Any]:
    """A text field."""
    return {"type": "text", "name": name, **options}


def relation(name: str, target: str, most: int = 1, **options: Any) -> dict[str, Any]:
    """A relation field."""
    return {"type": "relation", "name": name, "collectionId": target, "maxSelect": most, **options}


def file(name: str, **options: Any) -> dict[str, Any]:
    """A file field."""
    return {"type": "file", "name": name, **options}


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """The world on a fresh database."""
    with open_app(folder) as app:
        world = World(app, PasswordValue(hash=app.passwords.hash(PASSWORD)))
        app.database.write(lambda: _seed(world))  # one commit
        yield world


def _seed(world: World) -> None:
    _add_collections(world.app)
    _add_people(world)
    _add_records(world)


def _add_collections(app: App) -> None:
    add_collection(
        app,
        "people",
        text("name"),
        text("role"),
        text("pin", hidden=True),
        file("avatar", maxSelect=1),
        id="people000000001",
        type="auth",
        manageRule="@request.auth.role = 'manager'",
        **OPEN,
    )
    add_collection(
        app,
        "posts",
        text("title", required=True, max=40),
        relation("author", "people000000001"),
        relation("editors", "people000000001", 3),
        {"type": "number", "name": "score"},
        {"type": "bool", "name": "published"},
        {"type": "json", "name": "meta"},
        {"type": "editor", "name": "body"},
        text("secret", hidden=True),
        relation("reviewer", "people000000001", hidden=True),
        file("docs", maxSelect=3),
        file("cover", maxSelect=1),
        file("private", maxSelect=1, protected=True),
        file("draft", maxSelect=1, hidden=True),
        id="posts0000000001",
        **{**OPEN, "viewRule": "published = true || author = @request.auth.id"},
    )
    add_collection(
        app,
        "comments",
        text("message"),
        relation("post", "posts0000000001", required=True),
        relation("author", "people000000001"),
        relation("thread", "posts0000000001", 5),
        id="comments0000001",
        **OPEN,
    )
    add_collection(app, "vault", text("code"), relation("post", "posts0000000001"), id="vault0000000001")
    add_collection(
        app,
        "notes",
        text("message"),
        relation("person", "people000000001"),
        relation("post", "posts0000000001"),
        id="notes0000000001",
        **dict.fromkeys(OPEN, OWN),
    )
    add_collection(
        app,
        "profiles",
        text("motto"),
        relation("person", "people000000001"),
        id="profiles0000001",
        indexes=["CREATE UNIQUE INDEX `idx_profiles_person` ON `profiles` (`person`)"],
        **OPEN,
    )
    add_collection(
        app,
        "shelf",
        type="view",
        listRule="",
        viewRule="",
        viewQuery="SELECT id, title, author, cover, secret FROM posts",
    )


def _add_people(world: World) -> None:
    world.account("root", SUPERUSERS)
    world.account("ann", "people", name="Ann", role="manager", emailVisibility=True, pin="1")
    world.account("bob", "people", name="Bob", role="member", pin="2")
    world.account("cyd", "people", name="Cyd", role="member", pin="3")


def _add_records(world: World) -> None:
    ids = {name: person.id for name, person in world.people.items()}
    for place, (author, published) in enumerate((("ann", True), ("bob", True), ("bob", False)), start=1):
        world.record(
            "posts",
            id=f"post{place:0>11}",
            title=f"Post {place}",
            author=ids[author],
            editors=[ids["bob"], ids["cyd"]],
            score=place,
            published=published,
            secret=f"s{place}",
            reviewer=ids["cyd"],
            meta={"a": {"b": place}, "z": "q"},
            body=f"<p>Hello <b>world</b> {place}</p>",
        )
    for place in range(1, 6):
        post = f"post{(place % 3) + 1:0>11}"
        world.record(
            "comments", id=f"comment{place:0>8}", message=f"m{place}", post=post, author=ids["bob"], thread=[post]
        )
    world.record("vault", id="vault0000000rec", code="x", post="post00000000001")
    for name in ("ann", "bob", "cyd"):
        world.record("notes", id=f"note{name:0>11}", message=name, person=ids[name], post="post00000000001")
    world.record("profiles", id="profile0000bob1", motto="onward", person=ids["bob"])
