"""Files: with which headers they leave the house, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.api.files import create_file_token, serve_file
from appliance.api.records import update_record
from appliance.auth.tokens import new_auth_token, new_file_token
from appliance.files.storage import StoredFile
from tests.api.asking import ask, upload
from tests.core.records_world import World

POST = "post00000000001"  # published: everybody views it
DRAFT = "post00000000003"  # bob's
PNG = b"\x89PNG\r\n\x1a\n\x00"


def put(world: World, field: str, name: str = "a.txt", content: bytes = b"hello", record: str = POST) -> str:
    """Upload a file and return the name under which it is stored."""
    files = {field: [upload(name, content)]}
    answer = ask(world, update_record, "root", files=files, form={}, collection="posts", id=record)
    assert answer.status == 200, answer.body
    found = answer.body[field]
    return str(found[0] if isinstance(found, list) else found)


def get(world: World, name: str, record: str = POST, collection: str = "posts", who: str = "", **query: str) -> Any:
    return ask(world, serve_file, who, collection=collection, record=record, name=name, query=query)


def test_a_file_is_served_by_name_or_id_of_its_collection(fresh: World) -> None:
    name = put(fresh, "docs")
    for collection in ("posts", "POSTS", "posts0000000001"):
        answer = get(fresh, name, collection=collection)
        assert isinstance(answer.body, StoredFile)
        with fresh.app.files.open(answer.body.key) as stream:
            assert stream.read() == b"hello"


@pytest.mark.parametrize(
    ("name", "content", "kind", "shown"),
    [
        pytest.param("a.png", PNG, "image/png", "inline", id="a picture is shown"),
        pytest.param("a.pdf", b"%PDF-1.4", "application/pdf", "inline", id="a PDF is shown"),
        pytest.param("a.txt", b"hello", "text/plain", "attachment", id="a text is a download"),
        pytest.param("a.svg", b"<svg xmlns='x'></svg>", "image/svg+xml", "attachment", id="a drawing may run scripts"),
        pytest.param("a.html", b"<html></html>", "text/html", "attachment", id="so may a page"),
        pytest.param("a.png", b"<html></html>", "text/html", "attachment", id="a page called a picture is a page"),
        pytest.param("a.js", b"alert(1)", "text/plain", "attachment", id="a script is never sent as one"),
        pytest.param("a.css", b"a{}", "text/plain", "attachment", id="nor is a style sheet"),
        pytest.param("a.bin", b"\x00\x01", "application/octet-stream", "attachment", id="an unknown type"),
    ],
)
def test_by_its_content(fresh: World, name: str, content: bytes, kind: str, shown: str) -> None:
    stored = put(fresh, "docs", name, content)
    headers = get(fresh, stored).headers
    assert headers["Content-Type"].partition(";")[0] == kind
    assert headers["Content-Disposition"] == f'{shown}; filename="{stored}"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].endswith("sandbox")


@pytest.mark.parametrize(
    ("flag", "shown"), [("1", "attachment"), ("true", "attachment"), ("0", "inline"), ("x", "inline")]
)
def test_download_turns_a_picture_into_a_download(fresh: World, flag: str, shown: str) -> None:
    name = put(fresh, "cover", "a.png", PNG)
    assert get(fresh, name, download=flag).headers["Content-Disposition"].startswith(shown)


@pytest.mark.parametrize(
    ("collection", "record", "name"),
    [
        pytest.param("nowhere", POST, "{name}", id="in an unknown collection"),
        pytest.param("posts", "nowhere", "{name}", id="of an unknown record"),
        pytest.param("posts", DRAFT, "{name}", id="of another record"),
        pytest.param("posts", POST, "other.txt", id="of an unknown name"),
        pytest.param("posts", POST, "", id="of no name"),
        pytest.param("posts", POST, "../{name}", id="of a name that leads elsewhere"),
        pytest.param("posts", POST, "{name}.attrs", id="beside a file"),
    ],
)
def test_there_is_no_file(fresh: World, collection: str, record: str, name: str) -> None:
    assert get(fresh, name.format(name=put(fresh, "docs")), record, collection).status == 404


def test_a_name_that_the_record_no_longer_holds_is_not_served(fresh: World) -> None:
    old = put(fresh, "cover")
    put(fresh, "cover", "b.txt")
    assert get(fresh, old).status == 404


@pytest.mark.parametrize(
    ("record", "who", "status"),
    [
        pytest.param(POST, "", 200, id="who views its record, a guest too"),
        pytest.param(DRAFT, "", 404, id="not a guest who doesn't"),
        pytest.param(DRAFT, "bob", 200, id="the author of a draft"),
        pytest.param(DRAFT, "cyd", 404, id="no other member"),
        pytest.param(DRAFT, "root", 200, id="a superuser"),
    ],
)
def test_a_protected_file_is_served_to(fresh: World, record: str, who: str, status: int) -> None:
    name = put(fresh, "private", record=record)
    query = {"token": new_file_token(fresh.people[who])} if who else {}
    assert get(fresh, name, record, **query).status == status


def test_a_protected_file_takes_no_auth_token(fresh: World) -> None:
    """Neither in the URL, where it would be logged, nor in the header, which a link can't send."""
    name = put(fresh, "private", record=DRAFT)
    assert get(fresh, name, DRAFT, token=new_auth_token(fresh.people["bob"])).status == 404
    assert get(fresh, name, DRAFT, who="bob").status == 404


@pytest.mark.parametrize(("who", "status"), [("", 404), ("bob", 404), ("ann", 404), ("root", 200)])
def test_a_file_of_a_hidden_field_is_for_superusers(fresh: World, who: str, status: int) -> None:
    name = put(fresh, "draft")
    query = {"token": new_file_token(fresh.people[who])} if who else {}
    assert get(fresh, name, **query).status == status


def test_a_view_serves_the_files_of_the_records_it_shows(fresh: World) -> None:
    name = put(fresh, "cover")
    assert get(fresh, name, collection="shelf").body == get(fresh, name).body


def test_a_file_token_is_for_whoever_is_signed_in(fresh: World) -> None:
    name = put(fresh, "private", record=DRAFT)
    token = ask(fresh, create_file_token, "bob").body["token"]
    assert get(fresh, name, DRAFT, token=token).status == 200
    assert ask(fresh, create_file_token).status == 401
