"""The small world that every rule and filter test queries.

Two companies, four users, four projects, six tasks, five comments and a private `vault`: each relation kind
(single, multiple, self, back-relation through a unique index), each field type and each empty value occurs.
The same steps seed the real oracle over HTTP, and its database file is what our compiler is asked about.
"""

from __future__ import annotations

from typing import Any

import httpx

SUPERUSER = ("admin@example.com", "password123456")
PASSWORD = "password123456"


def text(name: str, **options: Any) -> dict[str, Any]:
    """Return a text field's definition."""
    return {"type": "text", "name": name, **options}


def field(kind: str, name: str, **options: Any) -> dict[str, Any]:
    """Return a field's definition of the given type."""
    return {"type": kind, "name": name, **options}


def relation(name: str, collection_id: str, many: int = 1, **options: Any) -> dict[str, Any]:
    """Return a relation field's definition; `many` is its maxSelect."""
    return {"type": "relation", "name": name, "collectionId": collection_id, "maxSelect": many, **options}


def timestamps() -> list[dict[str, Any]]:
    """Return the two autodate fields that collections usually have."""
    return [
        field("autodate", "created", onCreate=True),
        field("autodate", "updated", onCreate=True, onUpdate=True),
    ]


def _base(name: str, fields: list[dict[str, Any]], rule: str | None = "", **options: Any) -> dict[str, Any]:
    rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), rule)
    return {"id": f"pbc_{name}", "name": name, "type": "base", "fields": fields, **rules, **options}


def collections() -> list[dict[str, Any]]:
    """Return the definitions of the world's collections in the order in which they can be created."""
    return [
        _base(
            "companies",
            [text("name"), text("city"), field("geoPoint", "place"), field("number", "size"), *timestamps()],
        ),
        {
            "id": "pbc_people",
            "name": "people",
            "type": "auth",
            "listRule": "",
            "viewRule": "",
            "createRule": "",
            "updateRule": "",
            "deleteRule": "",
            "fields": [
                text("name"),
                field("select", "role", values=["admin", "editor", "reader"], maxSelect=1),
                field("select", "tags", values=["red", "green", "blue", "Blue2"], maxSelect=4),
                relation("company", "pbc_companies"),
                relation("friends", "pbc_people", 5),
                text("pin", hidden=True),
                *timestamps(),
            ],
        },
        _base(
            "projects",
            [
                text("title"),
                relation("owner", "pbc_people"),
                relation("members", "pbc_people", 5),
                relation("company", "pbc_companies"),
                relation("parent", "pbc_projects"),
                field("json", "meta"),
                field("number", "budget"),
                field("bool", "active"),
                field("date", "starts"),
                field("select", "labels", values=["a", "b", "c", "abc"], maxSelect=4),
                field("select", "status", values=["open", "closed"], maxSelect=1),
                field("file", "papers", maxSelect=3),
                field("file", "cover", maxSelect=1),
                field("geoPoint", "place"),
                field("url", "homepage"),
                field("email", "contact"),
                field("editor", "body"),
                text("secret", hidden=True),
                *timestamps(),
            ],
        ),
        _base(
            "tasks",
            [
                text("title"),
                relation("project", "pbc_projects"),
                relation("assignees", "pbc_people", 4),
                field("number", "priority"),
                field("bool", "done"),
                field("date", "due"),
                field("json", "meta"),
                *timestamps(),
            ],
        ),
        _base("comments", [relation("task", "pbc_tasks"), relation("author", "pbc_people"), text("message")]),
        _base(
            "profiles",
            [relation("person", "pbc_people"), text("motto")],
            indexes=["CREATE UNIQUE INDEX `idx_profiles_person` ON `profiles` (`person`)"],
        ),
        _base("vault", [text("code"), relation("person", "pbc_people"), relation("project", "pbc_projects")], None),
        _base(
            "notes",
            [text("message"), relation("person", "pbc_people")],
            "@request.auth.id != '' && person = @request.auth.id",
        ),
        {
            "id": "pbc_totals",
            "name": "totals",
            "type": "view",
            "listRule": "",
            "viewRule": "",
            "viewQuery": "SELECT p.id, p.title, p.owner, p.budget, p.meta,"
            " (SELECT count(*) FROM tasks t WHERE t.project = p.id) as total FROM projects p",
        },
    ]


def people() -> list[dict[str, Any]]:
    """Return the bodies of the four users; ann works at acme, dan has nothing filled in."""
    account = {"password": PASSWORD, "passwordConfirm": PASSWORD}
    return [
        {"id": "person000000ann", "email": "ann@example.com", "name": "Ann", "role": "admin", "tags": ["red", "blue"],
         "company": "company000acme0", "pin": "1111", "emailVisibility": True, "verified": True, **account},
        {"id": "person000000bob", "email": "bob@example.com", "name": "Bob", "role": "editor", "tags": ["red"],
         "company": "company000acme0", "friends": ["person000000ann"], "pin": "2222", **account},
        {"id": "person000000cyd", "email": "cyd@example.org", "name": "Cyd", "role": "reader",
         "tags": ["green", "Blue2"], "company": "company000beta0",
         "friends": ["person000000ann", "person000000bob"], "pin": "", **account},
        {"id": "person000000dan", "email": "dan@example.org", "name": "", **account},
    ]  # fmt: skip


def projects() -> list[dict[str, Any]]:
    """Return the bodies of the four projects; the last one is empty in every optional field."""
    return [
        {"id": "project00000one", "title": "Rocket", "owner": "person000000ann",
         "members": ["person000000ann", "person000000bob"], "company": "company000acme0",
         "meta": {"a": 1, "b": {"c": "deep"}, "list": [1, 2, 3], "on": True, "none": None,
                  "rows": [{"k": "x"}, {"k": "y"}], "t": "Text"},
         "budget": 100.5, "active": True, "starts": "2024-02-29 10:20:30.123Z", "labels": ["a", "b"],
         "status": "open", "place": {"lon": 23.32, "lat": 42.69}, "homepage": "https://example.com/r?x=1",
         "contact": "r@example.com", "body": "<p>Hi % there_</p>", "secret": "s1"},
        {"id": "project00000two", "title": "rock_et 100%", "owner": "person000000bob",
         "members": ["person000000bob"], "company": "company000beta0", "parent": "project00000one",
         "meta": [1, "two", None], "budget": -3, "active": False, "starts": "2030-01-01 00:00:00.000Z",
         "labels": ["a"], "status": "closed", "place": {"lon": -0.1276, "lat": 51.5072}, "secret": ""},
        {"id": "project0000tree", "title": "It's \"quoted\" \\ back", "owner": "person000000ann",
         "members": ["person000000ann", "person000000cyd", "person000000dan"], "parent": "project00000two",
         "meta": "plain", "budget": 0, "active": True, "labels": ["abc", "c"], "status": "open",
         "place": {"lon": 0, "lat": 0}, "secret": "s3"},
        {"id": "project0000four"},
    ]  # fmt: skip


def tasks() -> list[dict[str, Any]]:
    """Return the bodies of the six tasks; one has no project."""
    return [
        {"id": "task0000000aaaa", "title": "alpha", "project": "project00000one", "assignees": ["person000000ann"],
         "priority": 1, "done": True, "due": "2024-01-01 00:00:00.000Z", "meta": {"n": 1}},
        {"id": "task0000000bbbb", "title": "beta", "project": "project00000one",
         "assignees": ["person000000ann", "person000000bob"], "priority": 2, "meta": {"n": "2"}},
        {"id": "task0000000cccc", "title": "Gamma", "project": "project00000two",
         "assignees": ["person000000bob"], "priority": 3, "done": True, "meta": 5},
        {"id": "task0000000dddd", "title": "delta", "project": "project00000two", "priority": 2.5},
        {"id": "task0000000eeee", "title": "", "project": "project0000tree", "assignees": ["person000000dan"],
         "meta": ""},
        {"id": "task0000000ffff", "title": "alpha", "meta": False},
    ]  # fmt: skip


def comments() -> list[dict[str, Any]]:
    """Return the bodies of the five comments."""
    return [
        {"id": "comment00000001", "task": "task0000000aaaa", "author": "person000000ann", "message": "yes"},
        {"id": "comment00000002", "task": "task0000000aaaa", "author": "person000000bob", "message": "no"},
        {"id": "comment00000003", "task": "task0000000bbbb", "author": "person000000bob", "message": "yes"},
        {"id": "comment00000004", "task": "task0000000cccc", "author": "person000000cyd", "message": ""},
        {"id": "comment00000005", "message": "lost"},
    ]


def records() -> list[tuple[str, dict[str, Any]]]:
    """Return every record of the world as (collection, body) in an order in which relations exist."""
    rows: list[tuple[str, dict[str, Any]]] = [
        ("companies", {"id": "company000acme0", "name": "Acme", "city": "Sofia", "size": 10,
                       "place": {"lon": 23.3, "lat": 42.7}}),
        ("companies", {"id": "company000beta0", "name": "Beta", "city": "London", "size": 200}),
        ("companies", {"id": "company000void0"}),
    ]  # fmt: skip
    rows += [("people", row) for row in people()]
    rows += [("projects", row) for row in projects()]
    rows += [("tasks", row) for row in tasks()]
    rows += [("comments", row) for row in comments()]
    rows += [
        ("profiles", {"id": "profile00000001", "person": "person000000ann", "motto": "onward"}),
        ("profiles", {"id": "profile00000002", "person": "person000000bob", "motto": ""}),
        ("vault", {"id": "vault0000000001", "code": "x1", "person": "person000000ann", "project": "project00000one"}),
        ("vault", {"id": "vault0000000002", "code": "x2", "person": "person000000bob", "project": "project00000one"}),
        ("notes", {"id": "note00000000001", "message": "mine", "person": "person000000ann"}),
        ("notes", {"id": "note00000000002", "message": "yours", "person": "person000000bob"}),
    ]
    return rows


def uploads() -> list[tuple[str, str, str, list[str]]]:
    """Return the files to attach as (collection, record id, field, file names)."""
    return [
        ("projects", "project00000one", "papers", ["one.txt", "two.txt"]),
        ("projects", "project00000two", "papers", ["one.txt"]),
        ("projects", "project00000one", "cover", ["cover.txt"]),
    ]


def sign_in(client: httpx.Client, collection: str, identity: str, password: str = PASSWORD) -> str:
    """Return a token of the account."""
    answer = client.post(
        f"/api/collections/{collection}/auth-with-password", json={"identity": identity, "password": password}
    )
    answer.raise_for_status()
    return str(answer.json()["token"])


def seed(client: httpx.Client) -> None:
    """Create the world's collections, records and files on the server that `client` points to (signed in)."""
    for definition in collections():
        _checked(client.post("/api/collections", json=_without_self_reference(definition)))
        if definition["name"] in ("people", "projects"):
            _checked(client.patch(f"/api/collections/{definition['name']}", json={"fields": definition["fields"]}))
    for collection, body in records():
        _checked(client.post(f"/api/collections/{collection}/records", json=body))
    for collection, record_id, name, files in uploads():
        parts = [(name, (file, b"content", "text/plain")) for file in files]
        _checked(client.patch(f"/api/collections/{collection}/records/{record_id}", files=parts))


def _without_self_reference(definition: dict[str, Any]) -> dict[str, Any]:
    own = definition["id"]
    return {**definition, "fields": [f for f in definition.get("fields", []) if f.get("collectionId") != own]}


def _checked(answer: httpx.Response) -> None:
    if answer.status_code >= 300:
        raise AssertionError(f"the oracle refused {answer.request.url}: {answer.text}")
