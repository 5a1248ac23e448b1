"""What a client may not list or read does not count, not even where "all of them" must fit: else a filter could ask
hidden rows letter by letter. The original counts them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.core.app import App
from appliance.core.record import Record
from appliance.core.records.page import ListQuery, list_records
from appliance.core.records.save import create_record
from appliance.core.request_info import RequestInfo
from tests.core.bare_app import add_collection, open_app

SECRET, OPEN, PRIVATE_EMAIL, SHOWN_EMAIL = "secret plan", "open letter", "zoe@hidden.example", "ann@example.com"

FILTERS = [
    pytest.param("notes_via_person.message !~ 'sec%'", True, id="a hidden row does not fail an all-of refusal"),
    pytest.param("notes_via_person.message != 'secret plan'", True, id="nor an all-of inequality"),
    pytest.param("notes_via_person.message = 'open letter'", True, id="nor an all-of equality"),
    pytest.param("notes_via_person.message ~ 'o%'", True, id="nor an all-of likeness"),
    pytest.param("notes_via_person.message ?= 'secret plan'", False, id="an any-of equality does not find it"),
    pytest.param("notes_via_person.message ?~ 'sec%'", False, id="nor an any-of likeness"),
    pytest.param("notes_via_person.message ?= 'open letter'", True, id="what may be listed is found"),
    pytest.param("notes_via_person.message !~ 'open%'", False, id="and fails what it does not fit"),
    pytest.param("notes_via_person.stamps.word !~ 'sec%'", True, id="rows behind a hidden row do not count"),
    pytest.param("friends.email !~ '%hidden%'", True, id="a hidden address does not fail an all-of refusal"),
    pytest.param("friends.email = 'ann@example.com'", True, id="nor an all-of equality of an address"),
    pytest.param("friends.email ?~ '%hidden%'", False, id="an any-of likeness does not find a hidden address"),
    pytest.param("friends.email !~ 'ann%'", False, id="an address that its owner shows counts"),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One person with a note and a friend that everybody may see, and a note and an address that nobody may."""
    with open_app(tmp_path_factory.mktemp("hidden")) as box:
        users = box.collections.get("users")
        box.database.write(lambda: box.database.execute("UPDATE _collections SET listRule = '' WHERE name = 'users'"))
        box.collections.reload()
        stamps = add_collection(box, "stamps", {"name": "word", "type": "text"}, listRule="")
        friends = {"name": "friends", "type": "relation", "collectionId": users.id, "maxSelect": 9}
        people = add_collection(box, "people", friends, listRule="")
        add_collection(
            box,
            "notes",
            {"name": "message", "type": "text"},
            {"name": "public", "type": "bool"},
            {"name": "person", "type": "relation", "collectionId": people.id, "maxSelect": 1},
            {"name": "stamps", "type": "relation", "collectionId": stamps.id, "maxSelect": 9},
            listRule="public = true && person.id != ''",
        )
        ids = [add(box, "users", email=email, password="x" * 9, emailVisibility=email == SHOWN_EMAIL)
               for email in (SHOWN_EMAIL, PRIVATE_EMAIL)]  # fmt: skip
        person = add(box, "people", friends=ids)
        for message in (OPEN, SECRET):
            stamp = add(box, "stamps", word=message)
            add(box, "notes", message=message, public=message == OPEN, person=person, stamps=[stamp])
        yield box


def add(app: App, collection: str, **values: object) -> str:
    """A stored record's id."""
    record = Record(app.collections.get(collection))
    for name, value in values.items():
        record[name] = value
    return create_record(app, record).id


@pytest.mark.parametrize(("text", "is_found"), FILTERS)
def test_what_a_guest_may_not_see_does_not_count(app: App, text: str, is_found: bool) -> None:
    found = list_records(app, app.collections.get("people"), ListQuery(filter=text), RequestInfo())
    assert (found.total == 1) is is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        pytest.param("notes_via_person.message !~ 'sec%'", False, id="a superuser's all-of counts every row"),
        pytest.param("friends.email !~ '%hidden%'", False, id="and every address"),
    ],
)
def test_a_superuser_is_bound_by_none_of_it(app: App, text: str, is_found: bool) -> None:
    root = Record(app.collections.get("_superusers"))
    found = list_records(app, app.collections.get("people"), ListQuery(filter=text), RequestInfo(auth=root))
    assert (found.total == 1) is is_found


def test_a_rule_of_the_collection_counts_every_row(app: App) -> None:
    """The author of a rule sees everything: hidden rows are what rules are about."""
    statement = "UPDATE _collections SET listRule = ? WHERE name = 'people'"
    for rule, is_found in (("notes_via_person.message !~ 'sec%'", False), ("", True)):
        app.database.write(lambda rule=rule: app.database.execute(statement, (rule,)))
        app.collections.reload()
        found = list_records(app, app.collections.get("people"), ListQuery(), RequestInfo())
        assert (found.total == 1) is is_found
