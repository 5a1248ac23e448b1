"""The five endpoints of records: what each answers, to whom, and what it refuses. Measured on PocketBase 0.40.6."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from appliance.api.records import create_record, delete_record, list_records, update_record, view_record
from appliance.api.request import BrokenBody, Response
from appliance.core.collections.save import update_collection
from appliance.core.events import RecordsList, RecordView
from appliance.core.records.query import find_record
from appliance.errors import BadRequest
from tests.api.asking import Handler, ask, upload
from tests.core.bare_app import add_collection
from tests.core.records_world import PASSWORD, World

BOB = "000000000000bob"
POST = "post00000000001"
GENERIC = "Something went wrong while processing your request."
MISSING = "The requested resource wasn't found."
ONLY_SUPERUSERS = "Only superusers can perform this action."
REQUIRED = {"code": "validation_required", "message": "Cannot be blank."}
MISMATCH = {"code": "validation_values_mismatch", "message": "Values don't match."}
WRONG_OLD = {"code": "validation_invalid_old_password", "message": "Missing or invalid old password."}


def refusal(answer: Response) -> tuple[int, str]:
    """Status and sentence."""
    return answer.status, answer.body["message"]


def ids(answer: Response) -> list[str]:
    return [each["id"][-3:] for each in answer.body["items"]]


# --- who gets what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "who", "collection", "record", "status", "sentence"),
    [
        pytest.param(list_records, "bob", "vault", "", 403, ONLY_SUPERUSERS, id="list without a rule"),
        pytest.param(
            view_record, "bob", "vault", "nowhere", 403, ONLY_SUPERUSERS, id="view without a rule, even of nothing"
        ),
        pytest.param(create_record, "bob", "vault", "", 403, ONLY_SUPERUSERS, id="create without a rule"),
        pytest.param(update_record, "bob", "vault", "nowhere", 403, ONLY_SUPERUSERS, id="update without a rule"),
        pytest.param(delete_record, "bob", "vault", "nowhere", 403, ONLY_SUPERUSERS, id="delete without a rule"),
        pytest.param(view_record, "bob", "notes", "note00000000ann", 404, MISSING, id="view of another's note"),
        pytest.param(update_record, "bob", "notes", "note00000000ann", 404, MISSING, id="update of another's note"),
        pytest.param(delete_record, "bob", "notes", "note00000000ann", 404, MISSING, id="delete of another's note"),
        pytest.param(create_record, "bob", "notes", "", 400, "Failed to create record.", id="create of nobody's note"),
        pytest.param(list_records, "", "nowhere", "", 404, "Missing collection context.", id="list of no collection"),
        pytest.param(view_record, "", "nowhere", "x", 404, "Missing collection context.", id="view in no collection"),
        pytest.param(
            create_record,
            "",
            "nowhere",
            "",
            404,
            "Missing or invalid collection context.",
            id="create in no collection",
        ),
        pytest.param(
            update_record,
            "",
            "nowhere",
            "x",
            404,
            "Missing or invalid collection context.",
            id="update in no collection",
        ),
        pytest.param(
            delete_record, "", "nowhere", "x", 404, "Missing collection context.", id="delete in no collection"
        ),
        pytest.param(create_record, "root", "shelf", "", 400, "Unsupported collection type.", id="create in a view"),
        pytest.param(update_record, "root", "shelf", "x", 400, "Unsupported collection type.", id="update in a view"),
        pytest.param(delete_record, "root", "shelf", "x", 400, "Unsupported collection type.", id="delete in a view"),
    ],
)
def test_is_refused(
    world: World, handler: Handler, who: str, collection: str, record: str, status: int, sentence: str
) -> None:
    answer = ask(world, handler, who, collection=collection, id=record)
    assert answer.body == {"status": status, "message": sentence, "data": {}}


@pytest.mark.parametrize("handler", [list_records, view_record, create_record, update_record, delete_record])
def test_a_body_that_cannot_be_read_is_refused_before_the_rule(world: World, handler: Handler) -> None:
    answer = ask(world, handler, "", BrokenBody(BadRequest()), collection="vault", id="x")
    assert refusal(answer) == (400, GENERIC)


# --- lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "page", "per_page"),
    [
        pytest.param({}, 1, 30, id="by default"),
        pytest.param({"page": "0", "perPage": "0"}, 1, 30, id="zeros"),
        pytest.param({"page": "-1", "perPage": "-5"}, 1, 30, id="below zero"),
        pytest.param({"page": "+2", "perPage": "2"}, 2, 2, id="a plus sign"),
        pytest.param({"perPage": "1001"}, 1, 1000, id="over a thousand"),
        pytest.param({"page": "99"}, 99, 30, id="a page behind the last"),
        pytest.param({"page": "", "perPage": ""}, 1, 30, id="empty texts"),
    ],
)
def test_a_page_is(world: World, query: dict[str, str], page: int, per_page: int) -> None:
    body = ask(world, list_records, collection="comments", query=query).body
    assert (body["page"], body["perPage"], body["totalItems"]) == (page, per_page, 5)
    assert body["totalPages"] == -(-5 // per_page)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"page": "abc"}, id="a page that is no number"),
        pytest.param({"perPage": "1.5"}, id="half a page"),
        pytest.param({"page": " 1"}, id="a page with a space"),
        pytest.param({"page": "9223372036854775808"}, id="a page beyond 64 bits"),
        pytest.param({"page": "9" * 5000}, id="a page of five thousand digits"),
        pytest.param({"page": "١"}, id="a page in other digits"),
        pytest.param({"skipTotal": "yes"}, id="a flag that is none"),
        pytest.param({"filter": "nowhere = 1"}, id="a filter by no field"),
        pytest.param({"filter": "message ="}, id="a broken filter"),
        pytest.param({"sort": "nowhere"}, id="a sort by no field"),
        pytest.param({"sort": "message;drop"}, id="a broken sort"),
        pytest.param({"fields": "message:excerpt(0)"}, id="fields with a broken modifier"),
    ],
)
def test_a_list_is_refused_with(world: World, query: dict[str, str]) -> None:
    assert ask(world, list_records, collection="comments", query=query).body == {
        "status": 400,
        "message": GENERIC,
        "data": {},
    }


@pytest.mark.parametrize("flag", ["1", "true", "T", "TRUE"])
def test_a_list_without_total(world: World, flag: str) -> None:
    body = ask(world, list_records, collection="comments", query={"skipTotal": flag, "perPage": "2"}).body
    assert (body["totalItems"], body["totalPages"], len(body["items"])) == (-1, -1, 2)


def test_fields_pick_from_items_only(world: World) -> None:
    body = ask(world, list_records, collection="comments", query={"fields": "message", "perPage": "1"}).body
    assert body == {"page": 1, "perPage": 1, "totalItems": 5, "totalPages": 5, "items": [{"message": "m1"}]}


def test_filter_and_sort(world: World) -> None:
    query = {"filter": "message > 'm2'", "sort": "-message"}
    assert ids(ask(world, list_records, collection="comments", query=query)) == ["005", "004", "003"]


def test_a_client_may_not_filter_by_the_request(world: World) -> None:
    answer = ask(world, list_records, collection="comments", query={"filter": "@request.auth.id = ''"})
    assert answer.status == 403


def test_a_view_s_computed_ids_are_texts(fresh: World) -> None:
    query = "SELECT (ROW_NUMBER() OVER()) AS id, title, author FROM posts"
    add_collection(fresh.app, "numbered", type="view", listRule="", viewRule="", viewQuery=query)
    assert ask(fresh, view_record, collection="numbered", id="2").body["title"] == "Post 2"
    assert ids(ask(fresh, list_records, collection="numbered", query={"filter": "id = '2' || id = 3"})) == ["2"]
    body = ask(fresh, view_record, collection="people", id=BOB, query={"expand": "numbered_via_author"}).body
    assert [each["id"] for each in body["expand"]["numbered_via_author"]] == ["2", "3"]


def test_hooks_see_what_is_about_to_be_answered(fresh: World) -> None:
    @fresh.app.on.records_list("comments")
    def shorten(event: RecordsList) -> None:
        del event.records[1:]

    @fresh.app.on.record_view("comments")
    def add(event: RecordView) -> None:
        event.record["computed"] = 7

    assert ids(ask(fresh, list_records, collection="comments")) == ["001"]
    assert ask(fresh, view_record, collection="comments", id="comment00000001").body["computed"] == 7


# --- writes ----------------------------------------------------------------------------------------------------------


def test_a_record_is_created_changed_and_deleted(fresh: World) -> None:
    made = ask(fresh, create_record, body={"title": "New", "secret": "x", "unknown": 1}, collection="posts")
    assert made.status == 200
    assert made.body["title"] == "New"
    assert "unknown" not in made.body
    changed = ask(
        fresh, update_record, body={"score+": 2}, collection="posts", id=made.body["id"], query={"fields": "score"}
    )
    assert changed.body == {"score": 2}
    assert ask(fresh, delete_record, collection="posts", id=made.body["id"]) == Response(status=204)
    assert ask(fresh, view_record, "root", collection="posts", id=made.body["id"]).status == 404


@pytest.mark.parametrize(
    ("who", "key", "stored"),
    [
        pytest.param("bob", "secret", "s1", id="ignored of a member"),
        pytest.param("bob", "secret+", "s1", id="ignored of a member as a modifier"),
        pytest.param("root", "secret", "new", id="taken from a superuser"),
    ],
)
def test_a_hidden_field_is(fresh: World, who: str, key: str, stored: str) -> None:
    assert ask(fresh, update_record, who, {key: "new"}, collection="posts", id=POST).status == 200
    assert secret_of(fresh) == stored


def secret_of(world: World) -> str:
    record = find_record(world.app, world.app.collections.get("posts"), POST)
    assert record is not None
    return str(record["secret"])


def test_a_rule_sees_the_body_as_it_will_be_stored(fresh: World) -> None:
    """A hidden field that the caller may not set is as if it had not been sent."""
    allow(fresh, "posts", "updateRule", "@request.body.score = 5 && @request.body.secret:isset = false")
    assert ask(fresh, update_record, "bob", {"score+": 4, "secret": "x"}, collection="posts", id=POST).status == 200
    assert ask(fresh, update_record, "bob", {"score+": 4}, collection="posts", id=POST).status == 404


def test_the_update_rule_is_asked_about_the_stored_record(fresh: World) -> None:
    """Nobody takes a record over by writing his own name into it."""
    body = {"person": BOB}
    assert ask(fresh, update_record, "bob", body, collection="notes", id="note00000000ann").status == 404


def test_an_id_in_the_body_does_not_choose_another_record(fresh: World) -> None:
    body = {"id": "note00000000bob", "message": "mine"}
    assert ask(fresh, update_record, "bob", body, collection="notes", id="note00000000ann").status == 404


def test_what_a_required_relation_needs_is_not_deleted(fresh: World) -> None:
    answer = ask(fresh, delete_record, collection="posts", id=POST)
    assert refusal(answer)[1].startswith("Failed to delete record. Make sure that the record is not part of a required")


def test_errors_name_the_field_under_the_endpoint_s_sentence(fresh: World) -> None:
    answer = ask(fresh, create_record, body={}, collection="posts")
    assert answer.body == {"status": 400, "message": "Failed to create record.", "data": {"title": REQUIRED}}
    answer = ask(fresh, update_record, body={"title": ""}, collection="posts", id=POST)
    assert answer.body == {"status": 400, "message": "Failed to update record.", "data": {"title": REQUIRED}}


def test_an_error_does_not_name_a_hidden_field(fresh: World, caplog: pytest.LogCaptureFixture) -> None:
    fields = [each.as_json() for each in fresh.app.collections.get("posts").fields]
    for each in fields:
        if each["name"] == "secret":
            each["required"] = True
    update_collection(fresh.app, "posts", {"fields": fields})
    answer = ask(fresh, create_record, "bob", {"title": "New"}, collection="posts")
    assert answer.body == {"status": 400, "message": "Failed to create record.", "data": {}}
    assert "secret" in caplog.text
    assert ask(fresh, create_record, "root", {"title": "New"}, collection="posts").body["data"] == {"secret": REQUIRED}


def test_no_addition_is_lost_among_many(fresh: World) -> None:
    def add(_: int) -> int:
        return ask(fresh, update_record, body={"score+": 1}, collection="posts", id=POST).status

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(add, range(40))) == {200}
    assert ask(fresh, view_record, "root", collection="posts", id=POST).body["score"] == 41


def allow(world: World, collection: str, rule: str, text: str) -> None:
    update_collection(world.app, collection, {rule: text})


# --- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "field", "value"),
    [
        pytest.param({"score": ["5"]}, "score", 5, id="a number"),
        pytest.param({"published": ["true"]}, "published", True, id="a flag"),
        pytest.param({"meta": ['{"a":1}']}, "meta", {"a": 1}, id="JSON for a JSON field"),
        pytest.param(
            {"editors": [BOB, "000000000000cyd"]}, "editors", [BOB, "000000000000cyd"], id="a name sent twice"
        ),
        pytest.param({"@jsonPayload": ['{"score":7}'], "score": ["2"]}, "score", 7, id="a payload over a value"),
        pytest.param({"@jsonPayload": ['{"score":7}', '{"score":8}']}, "score", 8, id="the last payload"),
        pytest.param({"@jsonPayload": ['{"meta":{"a":1}}', '{"meta":{"b":2}}']}, "meta", {"a": 1, "b": 2}, id="merged"),
        pytest.param({"title": ["1.50"]}, "title", "1.50", id="a number that prints otherwise stays a text"),
        pytest.param({"title": ["true"]}, "title", "true", id="a flag for a text field is a text"),
    ],
)
def test_a_form_sets(fresh: World, form: dict[str, list[str]], field: str, value: Any) -> None:
    answer = ask(fresh, update_record, form=form, collection="posts", id=POST)
    assert answer.body[field] == value


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"@jsonPayload": ["{bad"]}, id="that is no JSON"),
        pytest.param({"@jsonPayload": ["[1]"]}, id="that is no object"),
        pytest.param({"@jsonPayload": [""]}, id="that is empty"),
        pytest.param({"@jsonPayload": ['{"a":1} x']}, id="with something behind it"),
        pytest.param({"@jsonPayload": ['{"a":1,"a":2}']}, id="with a name twice"),
        pytest.param({"@jsonPayload": ['{"a":NaN}']}, id="with no number"),
        pytest.param({"@jsonPayload": ["[" * 100_000]}, id="nested endlessly"),
        pytest.param({"@jsonPayload": ['{"score":true}'], "score": ["5"]}, id="of another kind than a value"),
    ],
)
def test_a_payload_is_refused(world: World, form: dict[str, list[str]]) -> None:
    assert refusal(ask(world, update_record, form=form, collection="posts", id=POST)) == (400, GENERIC)


def test_uploads_join_the_names_that_were_sent_for_the_same_field(fresh: World) -> None:
    first = ask(
        fresh, update_record, files={"docs": [upload("a.txt"), upload("b.txt")]}, form={}, collection="posts", id=POST
    )
    kept = first.body["docs"][0]
    second = ask(
        fresh, update_record, files={"docs": [upload("c.txt")]}, form={"docs": [kept]}, collection="posts", id=POST
    )
    assert second.body["docs"][0] == kept
    assert len(second.body["docs"]) == 2
    third = ask(fresh, update_record, files={"docs+": [upload("d.txt")]}, form={}, collection="posts", id=POST)
    assert third.body["docs"][:2] == second.body["docs"]


def test_an_upload_for_no_file_field_is_ignored(fresh: World) -> None:
    answer = ask(
        fresh,
        update_record,
        files={"title": [upload("a.txt")], "x": [upload("b.txt")]},
        form={},
        collection="posts",
        id=POST,
    )
    assert answer.body["title"] == "Post 1"


# --- accounts --------------------------------------------------------------------------------------------------------

NEW = "a new password"


@pytest.mark.parametrize(
    ("who", "body", "errors"),
    [
        pytest.param("bob", {"email": "x@example.com"}, {"email": MISMATCH}, id="a member can't set his email"),
        pytest.param("bob", {"email": "Bob@example.com"}, {"email": MISMATCH}, id="nor its letter case"),
        pytest.param("bob", {"verified": True}, {"verified": MISMATCH}, id="nor that it is verified"),
        pytest.param(
            "bob", {"password": NEW, "passwordConfirm": NEW}, {"oldPassword": REQUIRED},
            id="a new password needs the old",
        ),
        pytest.param(
            "bob", {"password": NEW, "passwordConfirm": NEW, "oldPassword": "wrong"}, {"oldPassword": WRONG_OLD},
            id="and the right one",
        ),
        pytest.param(
            "bob", {"password": NEW, "passwordConfirm": "x", "oldPassword": PASSWORD}, {"passwordConfirm": MISMATCH},
            id="confirmed by the same text",
        ),
        pytest.param(
            "bob", {"password": NEW, "oldPassword": PASSWORD}, {"passwordConfirm": REQUIRED}, id="confirmed at all"
        ),
        pytest.param(
            "bob", {"oldPassword": "x"}, {"password": REQUIRED, "passwordConfirm": REQUIRED}, id="an old password alone"
        ),
        pytest.param(
            "bob", {"passwordConfirm": "x", "oldPassword": "x"},
            {"password": REQUIRED, "passwordConfirm": MISMATCH, "oldPassword": WRONG_OLD},
            id="a confirmation of nothing",
        ),
        pytest.param("bob", {"password": ""}, {"password": REQUIRED}, id="an empty password"),
        pytest.param("root", {"password": NEW}, {"passwordConfirm": REQUIRED}, id="a superuser confirms too"),
        pytest.param("", {"verified": True}, {"verified": MISMATCH}, id="a guest that the update rule lets in"),
    ],
)  # fmt: skip
def test_an_account_is_not_changed_by(fresh: World, who: str, body: dict[str, Any], errors: dict[str, Any]) -> None:
    answer = ask(fresh, update_record, who, body, collection="people", id=BOB)
    assert answer.body == {"status": 400, "message": "Failed to update record.", "data": errors}


@pytest.mark.parametrize(
    ("who", "body"),
    [
        pytest.param(
            "bob",
            {"password": NEW, "passwordConfirm": NEW, "oldPassword": PASSWORD},
            id="its owner, with the old password",
        ),
        pytest.param("ann", {"password": NEW, "passwordConfirm": NEW}, id="a manager, without"),
        pytest.param("root", {"password": NEW, "passwordConfirm": NEW}, id="a superuser, without"),
        pytest.param("ann", {"email": "b@example.com", "verified": True}, id="a manager: email and verified"),
        pytest.param("bob", {"email": "bob@example.com", "verified": False}, id="its owner, to what it is"),
        pytest.param("bob", {"emailVisibility": True, "tokenKey": "x" * 30}, id="its owner; a token key is ignored"),
    ],
)
def test_an_account_is_changed_by(fresh: World, who: str, body: dict[str, Any]) -> None:
    before = account(fresh)
    answer = ask(fresh, update_record, who, body, collection="people", id=BOB)
    assert answer.status == 200
    after = account(fresh)
    assert after["tokenKey"] != "x" * 30
    assert (after["tokenKey"] != before["tokenKey"]) is ("password" in body or after["email"] != before["email"])
    if "password" in body:
        assert fresh.app.passwords.verify(NEW, after["password"].hash)


def account(world: World) -> Any:
    return find_record(world.app, world.app.collections.get("people"), BOB)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        pytest.param({}, {"password": REQUIRED, "passwordConfirm": REQUIRED}, id="no password"),
        pytest.param({"password": NEW}, {"passwordConfirm": REQUIRED}, id="no confirmation"),
        pytest.param(
            {"password": NEW, "passwordConfirm": "x"}, {"passwordConfirm": MISMATCH}, id="another confirmation"
        ),
        pytest.param(
            {"password": NEW, "passwordConfirm": NEW, "verified": True},
            {"verified": MISMATCH},
            id="verified by oneself",
        ),
    ],
)
def test_a_sign_up_is_refused_with(world: World, body: dict[str, Any], errors: dict[str, Any]) -> None:
    answer = ask(world, create_record, body={"email": "n@example.com", **body}, collection="people")
    assert answer.body == {"status": 400, "message": "Failed to create record.", "data": errors}


def test_a_rule_closed_while_the_password_is_hashed_holds(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_password = fresh.app.passwords.hash

    def hash_slowly(plain: str) -> str:
        monkeypatch.undo()
        allow(fresh, "people", "createRule", "@request.auth.role = 'manager'")
        return hash_password(plain)

    monkeypatch.setattr(fresh.app.passwords, "hash", hash_slowly)
    body = {"email": "n@example.com", "password": NEW, "passwordConfirm": NEW}
    assert refusal(ask(fresh, create_record, body=body, collection="people")) == (400, "Failed to create record.")


def test_who_signs_up_can_sign_in(fresh: World) -> None:
    body = {"email": "n@example.com", "password": NEW, "passwordConfirm": NEW}
    answer = ask(fresh, create_record, body=body, collection="people")
    assert "email" not in answer.body
    record = find_record(fresh.app, fresh.app.collections.get("people"), answer.body["id"])
    assert record is not None
    assert fresh.app.passwords.verify(NEW, record["password"].hash)
    assert len(record["tokenKey"]) >= 30


def test_a_proof_counts_only_for_the_password_that_is_stored(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password changes between the check of the old one and the write."""
    verify = fresh.app.passwords.verify

    def verify_slowly(plain: str, stored: str) -> bool:
        found = verify(plain, stored)
        monkeypatch.undo()
        ask(fresh, update_record, "root", {"password": NEW, "passwordConfirm": NEW}, collection="people", id=BOB)
        return found

    monkeypatch.setattr(fresh.app.passwords, "verify", verify_slowly)
    body = {"password": "stolen one", "passwordConfirm": "stolen one", "oldPassword": PASSWORD}
    answer = ask(fresh, update_record, "bob", body, collection="people", id=BOB)
    assert answer.body["data"] == {"oldPassword": WRONG_OLD}
