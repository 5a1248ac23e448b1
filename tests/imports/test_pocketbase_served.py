"""After the import our server answers as PocketBase did: the same records, the same accounts, the same tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.imports.filled import PNG, USER, USER_PASSWORD, Filled, sign_in
from tests.oracle import EMAIL, PASSWORD, Server, run_ours, start_ours


@pytest.fixture(scope="module")
def moved(filled: Filled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server on what `run.py import-pocketbase` brought."""
    folder = tmp_path_factory.mktemp("moved")
    run_ours("import-pocketbase", str(filled.folder), "--dir", str(folder / "data"))
    server = start_ours(folder, has_superuser=True)
    yield server
    server.stop()


@pytest.fixture
def superuser(moved: Server, filled: Filled) -> Iterator[httpx.Client]:
    """Asks with the token that PocketBase issued."""
    with httpx.Client(base_url=moved.url, headers={"Authorization": filled.superuser_token}) as client:
        yield client


def test_every_answer_is_what_pocketbase_answered(superuser: httpx.Client, filled: Filled) -> None:
    different = {
        path: (answer, expected)
        for path, expected in filled.answers.items()
        if (answer := superuser.get(path).json()) != expected
    }
    assert different == {}


@pytest.mark.parametrize(
    ("collection", "identity", "password"),
    [
        pytest.param("users", USER, USER_PASSWORD, id="a user"),
        pytest.param("_superusers", EMAIL, PASSWORD, id="a superuser"),
    ],
)
def test_passwords_go_on_working(moved: Server, collection: str, identity: str, password: str) -> None:
    assert sign_in(moved, collection, identity, password)["record"]["email"] == identity


def test_a_users_token_goes_on_working(moved: Server, filled: Filled) -> None:
    with httpx.Client(base_url=moved.url, headers={"Authorization": filled.user_token}) as client:
        refreshed = client.post("/api/collections/users/auth-refresh")
        assert refreshed.status_code == 200
        assert refreshed.json()["record"]["id"] == filled.user_id
        own: Any = client.get("/api/collections/notes/records?perPage=1").json()
        assert own["totalItems"] == 24  # the rule shows the user's own notes


def test_a_wrong_password_stays_wrong(moved: Server) -> None:
    body = {"identity": USER, "password": "not-anns"}
    assert httpx.post(f"{moved.url}/api/collections/users/auth-with-password", json=body).status_code == 400


def test_uploads_are_served(superuser: httpx.Client) -> None:
    note = superuser.get("/api/collections/notes/records", params={"filter": "cover != ''"}).json()["items"][0]
    answer = superuser.get(f"/api/files/notes/{note['id']}/{note['cover']}")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"


def test_what_was_brought_can_be_changed(superuser: httpx.Client) -> None:
    note = superuser.get("/api/collections/notes/records?perPage=1").json()["items"][0]
    path = f"/api/collections/notes/records/{note['id']}"
    changed = superuser.patch(path, json={"stars+": 1})
    assert changed.status_code == 200, changed.text
    assert changed.json()["stars"] == note["stars"] + 1
    assert superuser.patch(path, json={"stars": note["stars"]}).status_code == 200
