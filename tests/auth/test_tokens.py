"""What a token proves, and what ends it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator

import jwt
import pytest

from appliance import clock
from appliance.auth import tokens
from appliance.core.app import App
from appliance.core.record import Record
from appliance.core.records.save import delete_record, update_record
from tests.boxes import add_user, open_box


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("tokens")) as box:
        yield box


@pytest.fixture
def ada(app: App) -> Record:
    return add_user(app, f"{clock.random_id()}@example.com")


def key_of(record: Record, option: str = "authToken") -> str:
    return str(record["tokenKey"]) + str(record.collection.options[option]["secret"])


def claims_of(record: Record, **changes: object) -> dict[str, object]:
    claims = {"id": record.id, "type": "auth", "collectionId": record.collection.id, "exp": clock.unix_seconds() + 60}
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def unsigned(record: Record) -> str:
    head, body = ({"alg": "none", "typ": "JWT"}, claims_of(record))
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, body)]
    return ".".join([*parts, ""])


def test_a_token_has_the_claims_of_the_wire(ada: Record) -> None:
    claims = jwt.decode(tokens.new_auth_token(ada), key_of(ada), algorithms=["HS256"])
    lasting = claims.pop("exp") - clock.unix_seconds()
    assert claims == {"id": ada.id, "type": "auth", "collectionId": ada.collection.id, "refreshable": True}
    assert abs(lasting - ada.collection.options["authToken"]["duration"]) <= 2


def test_a_fresh_token_finds_its_record(app: App, ada: Record) -> None:
    found = tokens.find_token_record(app, tokens.new_auth_token(ada))
    assert found is not None
    assert found.id == ada.id


FORGERIES: list[tuple[str, Callable[[Record], str]]] = [
    ("no token", lambda ada: ""),
    ("no JWT", lambda ada: "abc"),
    ("dots only", lambda ada: "..."),
    ("unsigned (alg none)", unsigned),
    ("signed with another key", lambda ada: jwt.encode(claims_of(ada), "x" * 100, "HS256")),
    ("signed with the tokenKey alone", lambda ada: jwt.encode(claims_of(ada), str(ada["tokenKey"]), "HS256")),
    ("signed with another algorithm", lambda ada: jwt.encode(claims_of(ada), key_of(ada), "HS512")),
    ("expired", lambda ada: jwt.encode(claims_of(ada, exp=clock.unix_seconds() - 1), key_of(ada), "HS256")),
    ("without an end", lambda ada: jwt.encode(claims_of(ada, exp=None), key_of(ada), "HS256")),
    ("of another record", lambda ada: jwt.encode(claims_of(ada, id="nobody"), key_of(ada), "HS256")),
    ("of another collection", lambda ada: jwt.encode(claims_of(ada, collectionId="pbc_1"), key_of(ada), "HS256")),
    (
        "of a collection without accounts",
        lambda ada: jwt.encode(claims_of(ada, collectionId="_mfas"), "x" * 40, "HS256"),
    ),
    ("for another purpose", lambda ada: jwt.encode(claims_of(ada, type="file"), key_of(ada, "fileToken"), "HS256")),
    ("for no purpose", lambda ada: jwt.encode(claims_of(ada, type=None), key_of(ada), "HS256")),
    ("whose id is a list", lambda ada: jwt.encode(claims_of(ada, id=["a"]), key_of(ada), "HS256")),
    ("cut short", lambda ada: tokens.new_auth_token(ada)[:-3]),
]


@pytest.mark.parametrize(
    "forge", [pytest.param(forge, id=f"a token {what} proves nothing") for what, forge in FORGERIES]
)
def test_a_forged_token_proves_nothing(app: App, ada: Record, forge: Callable[[Record], str]) -> None:
    assert tokens.find_token_record(app, forge(ada)) is None


def test_an_auth_token_is_refused_as_a_file_token(app: App, ada: Record) -> None:
    assert tokens.find_token_record(app, tokens.new_auth_token(ada), tokens.FILE) is None


def test_a_new_password_ends_the_tokens_issued_before(app: App, ada: Record) -> None:
    token = tokens.new_auth_token(ada)
    ada["password"] = "a new password"
    update_record(app, ada)
    assert tokens.find_token_record(app, token) is None


def test_a_deleted_record_has_no_token(app: App, ada: Record) -> None:
    token = tokens.new_auth_token(ada)
    delete_record(app, ada)
    assert tokens.find_token_record(app, token) is None


def test_a_record_without_token_key_can_have_no_token(ada: Record) -> None:
    ada.values["tokenKey"] = ""
    with pytest.raises(ValueError, match="tokenKey"):
        tokens.new_auth_token(ada)
