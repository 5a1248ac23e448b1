"""What may not be stored as a collection, entry by entry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.collections.save import create_collection, update_collection
from appliance.errors import BadRequest, ValidationFailed
from tests.core.bare_app import add_collection, open_app

REQUIRED = "validation_required"
TOO_SMALL = "validation_min_greater_equal_than_required"
TOO_BIG = "validation_max_less_equal_than_required"
RULE = "validation_invalid_rule"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Nothing that these tests ask for is stored."""
    folder: Path = tmp_path_factory.mktemp("checks")
    with open_app(folder) as bare:
        add_collection(
            bare, "posts", {"id": "t", "name": "title", "type": "text"}, indexes=["create index i on posts (title)"]
        )
        yield bare


def entry_of(errors: Any, path: str) -> Any:
    for part in path.split("."):
        errors = errors[part]
    return errors


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        pytest.param({"name": "a b"}, "name", "validation_match_invalid", id="a space in the name"),
        pytest.param({"name": "x" * 256}, "name", "validation_length_out_of_range", id="a long name"),
        pytest.param({"name": "Users"}, "name", "validation_collection_name_exists", id="a taken name"),
        pytest.param({"name": "_pb_users_auth_"}, "name", "validation_collection_name_id_duplicate", id="another's id"),
        pytest.param({"name": "_params"}, "name", "validation_collection_name_invalid", id="a table of ours"),
        pytest.param(
            {"name": "_migrations"}, "name", "validation_collection_name_invalid", id="a table of the original"
        ),
        pytest.param({"name": "a_via_b"}, "name", "validation_found_via", id="a back-relation's name"),
        pytest.param({"name": "x", "type": "foo"}, "type", "validation_in_invalid", id="an unknown type"),
        pytest.param({"name": "x", "id": "a/b"}, "id", "validation_match_invalid", id="a path for an id"),
        pytest.param(
            {"name": "x", "id": "_pb_users_auth_"}, "id", "validation_invalid_or_existing_id", id="a taken id"
        ),
        pytest.param({"name": "x", "fields": [{"type": "text"}]}, "fields.1.name", REQUIRED, id="a field without name"),
        pytest.param(
            {"name": "x", "fields": [{"type": "text", "name": "ID"}]},
            "fields.1.name",
            "validation_duplicated_field_name",
            id="a field's name twice in another case",
        ),
        pytest.param(
            {"name": "x", "fields": [{"type": "text", "name": "expand"}]},
            "fields.1.name",
            "validation_not_in_invalid",
            id="a reserved field name",
        ),
        pytest.param(
            {"name": "x", "fields": [{"type": "text", "name": "y", "primaryKey": True}]},
            "fields.0.primaryKey",
            "validation_unsupported_composite_pk",
            id="two keys",
        ),
        pytest.param(
            {"name": "x", "fields": [{"type": "text", "name": "y", "id": "text3208210256"}]},
            "fields",
            "validation_missing_primary_key",
            id="no key",
        ),
        pytest.param(
            {"name": "x", "indexes": ["create index I on x (id)"]},
            "indexes.0",
            "validation_existing_index_name",
            id="an index name of another collection",
        ),
        pytest.param(
            {"name": "x", "indexes": ["create index a on x (id)", "create index b on x (id)"]},
            "indexes.1",
            "validation_duplicated_index_definition",
            id="the same index twice",
        ),
        pytest.param(
            {"name": "x", "indexes": ["?"]}, "indexes.0", "validation_invalid_index_expression", id="no index"
        ),
        pytest.param({"name": "x", "listRule": "nope = 1"}, "listRule", RULE, id="a rule on nothing"),
        pytest.param({"name": "x", "deleteRule": " "}, "deleteRule", RULE, id="a rule of spaces"),
    ],
)
def test_a_new_collection_is_refused_for(app: App, body: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        create_collection(app, body)
    assert entry_of(caught.value.as_json()["data"], path)["code"] == code
    assert "x" not in app.database.schema.tables()


@pytest.mark.parametrize(
    ("options", "path", "code"),
    [
        pytest.param({"authToken": {"duration": 0}}, "authToken.duration", REQUIRED, id="no token lifetime"),
        pytest.param({"fileToken": {"duration": 9}}, "fileToken.duration", TOO_SMALL, id="a short lifetime"),
        pytest.param({"authToken": {"duration": 94_670_857}}, "authToken.duration", TOO_BIG, id="over three years"),
        pytest.param(
            {"authToken": {"secret": "a" * 29}},
            "authToken.secret",
            "validation_length_out_of_range",
            id="a short secret",
        ),
        pytest.param({"authToken": None}, "authToken.secret", REQUIRED, id="null empties a token"),
        pytest.param(
            {"passwordAuth": {"identityFields": ["nope"]}},
            "passwordAuth.identityFields",
            "validation_missing_field",
            id="an identity that isn't there",
        ),
        pytest.param(
            {"passwordAuth": {"identityFields": ["verified"]}},
            "passwordAuth.identityFields",
            "validation_missing_unique_constraint",
            id="an identity that many share",
        ),
        pytest.param(
            {"mfa": {"enabled": True}}, "mfa.enabled", "validation_mfa_not_enough_auths", id="MFA of one method"
        ),
        pytest.param({"otp": {"enabled": True, "length": 3}}, "otp.length", TOO_SMALL, id="a guessable code"),
        pytest.param(
            {"otp": {"emailTemplate": {"subject": ""}}}, "otp.emailTemplate.subject", REQUIRED, id="no subject"
        ),
        pytest.param(
            {"manageRule": ""}, "manageRule", "validation_nil_or_not_empty_required", id="everybody a manager"
        ),
        pytest.param(
            {"oauth2": {"enabled": True, "providers": [{"name": "foo", "clientId": "a", "clientSecret": "b"}]}},
            "oauth2.providers.0.name",
            "validation_missing_provider",
            id="an unknown provider",
        ),
        pytest.param(
            {"oauth2": {"enabled": True, "providers": [{"name": "oidc", "clientId": "a"}]}},
            "oauth2.providers.0.clientSecret",
            REQUIRED,
            id="a provider without secret",
        ),
        pytest.param(
            {"oauth2": {"enabled": True, "providers": [{"name": "oidc", "clientId": "a", "clientSecret": "b"}] * 2}},
            "oauth2.providers.1.name",
            "validation_duplicated_provider",
            id="a provider twice",
        ),
    ],
)
def test_auth_options_are_refused_for(app: App, options: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        update_collection(app, "users", options)
    assert entry_of(caught.value.as_json()["data"], path)["code"] == code


@pytest.mark.parametrize(
    ("name", "body", "path", "code"),
    [
        pytest.param("_otps", {"name": "x"}, "name", "validation_collection_system_name_change", id="its name"),
        pytest.param("_otps", {"system": False}, "system", "validation_collection_system_flag_change", id="its flag"),
        pytest.param("_otps", {"listRule": ""}, "listRule", "validation_collection_system_rule_change", id="its rules"),
        pytest.param(
            "_superusers",
            {"authRule": None},
            "authRule",
            "validation_collection_system_rule_change",
            id="its auth rule",
        ),
        pytest.param("_superusers", {"fields": []}, "fields", "validation_system_field_change", id="its fields"),
        pytest.param(
            "users",
            {"fields": [{"id": "email3885137012", "name": "mail", "type": "email"}]},
            "fields",
            "validation_system_field_change",
            id="a system field's name",
        ),
        pytest.param("posts", {"type": "auth"}, "type", "validation_collection_type_change", id="any type"),
        pytest.param(
            "posts",
            {"fields": [{"id": "t", "name": "title", "type": "number"}]},
            "fields.1",
            "validation_field_type_change",
            id="a field's type",
        ),
    ],
)
def test_what_can_not_be_changed(app: App, name: str, body: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        update_collection(app, name, body)
    assert entry_of(caught.value.as_json()["data"], path)["code"] == code


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"name": "x", "listRule": 3}, id="a number for a rule"),
        pytest.param({"name": "x", "system": "yes"}, id="a text for a flag"),
        pytest.param({"name": "x", "indexes": [1]}, id="a number for an index"),
        pytest.param({"name": "x", "fields": [{"name": "a", "type": "foo"}]}, id="an unknown field type"),
        pytest.param({"name": "x", "fields": [None]}, id="nothing for a field"),
        pytest.param({"name": "x", "fields": [{"name": "a", "type": "text", "max": "9"}]}, id="a text for a number"),
        pytest.param({"name": "x", "authToken": {"duration": 1.5}}, id="a fraction for seconds, on any type"),
    ],
)
def test_a_wrong_type_refuses_the_whole_body(app: App, body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="due to invalid formatting"):
        create_collection(app, body)


def test_all_that_is_wrong_is_named_at_once(app: App) -> None:
    with pytest.raises(ValidationFailed) as caught:
        create_collection(app, {"name": "", "fields": [{"type": "text"}], "listRule": "(", "viewRule": ")"})
    assert set(caught.value.data) == {"name", "fields", "listRule", "viewRule"}
