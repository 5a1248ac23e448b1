"""The settings: defaults, changes, checks, and how they lie on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.core.app import App
from appliance.core.settings.store import KEY_FILE, SettingsStore, update_settings
from appliance.errors import BadRequest, StorageError, ValidationFailed
from tests.core.bare_app import open_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(tmp_path) as bare:
        bare.settings.reload()
        yield bare


def stored_text(app: App) -> str:
    return str(app.database.query("SELECT value FROM _params WHERE id = 'settings'")[0][0])


def errors_of(app: App, body: dict[str, Any]) -> Any:
    with pytest.raises(ValidationFailed) as caught:
        update_settings(app, body)
    return caught.value.as_json()["data"]


def test_a_new_box_has_the_defaults_of_the_wire(app: App) -> None:
    shown = app.settings.as_json()
    assert shown["meta"]["appName"] == "Acme"
    assert shown["batch"] == {"enabled": False, "maxRequests": 50, "timeout": 3, "maxBodySize": 0}
    assert [each["label"] for each in shown["rateLimits"]["rules"]] == ["*:auth", "*:create", "/api/batch", "/api/"]


def test_a_change_lays_over_what_was_there(app: App) -> None:
    update_settings(app, {"meta": {"appName": "Shop"}, "unknown": 1})
    assert app.settings.get("meta")["appName"] == "Shop"
    assert app.settings.get("meta")["appURL"] == "http://localhost:8090"


def test_secrets_go_in_and_never_come_out(app: App) -> None:
    update_settings(app, {"smtp": {"password": "swordfish"}, "backups": {"s3": {"secret": "swordfish"}}})
    update_settings(app, {"smtp": {"username": "mailer"}})
    assert app.settings.get("smtp")["password"] == "swordfish"
    assert "swordfish" not in json.dumps(app.settings.as_json())
    assert "password" not in app.settings.as_json()["smtp"]
    assert "secret" not in app.settings.as_json()["backups"]["s3"]


def test_the_disk_holds_only_a_sealed_form_and_a_private_key(app: App, tmp_path: Path) -> None:
    update_settings(app, {"smtp": {"password": "swordfish", "host": "mail.example.com"}})
    assert "mail.example.com" not in stored_text(app)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_restart_reads_them_again(app: App, tmp_path: Path) -> None:
    update_settings(app, {"smtp": {"password": "swordfish"}})
    again = SettingsStore(app.database, tmp_path)
    again.reload()
    assert again.all() == app.settings.all()


def test_a_plain_row_of_an_import_is_read_and_sealed(app: App) -> None:
    plain = json.dumps({"smtp": {"host": "mail.example.com", "password": "swordfish"}})
    app.database.write(lambda: app.database.execute("UPDATE _params SET value = ?", (plain,)))
    app.settings.reload()
    assert app.settings.get("smtp")["host"] == "mail.example.com"
    assert app.settings.get("smtp")["port"] == 587
    assert "swordfish" not in stored_text(app)


@pytest.mark.parametrize("damage", [pytest.param(None, id="lost"), pytest.param("AAAA", id="cut short")])
def test_without_its_key_the_box_says_so_and_keeps_the_settings(app: App, tmp_path: Path, damage: str | None) -> None:
    before = stored_text(app)
    (tmp_path / KEY_FILE).unlink()
    if damage:
        (tmp_path / KEY_FILE).write_text(damage)
    with pytest.raises(StorageError) as caught:
        SettingsStore(app.database, tmp_path).reload()
    assert "backup" in caught.value.hint
    assert stored_text(app) == before


def test_another_key_is_refused(app: App, tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
    with pytest.raises(StorageError, match="can't be opened with this key"):
        SettingsStore(app.database, tmp_path).reload()


def test_a_refused_change_changes_nothing(app: App) -> None:
    before = app.settings.all()
    errors_of(app, {"meta": {"appName": "New", "appURL": "nope"}})
    assert app.settings.all() == before


def test_two_changes_in_one_commit_both_count(app: App) -> None:
    def work() -> None:
        update_settings(app, {"meta": {"appName": "One"}})
        update_settings(app, {"logs": {"maxDays": 9}})

    app.database.write(work)
    assert (app.settings.get("meta")["appName"], app.settings.get("logs")["maxDays"]) == ("One", 9)


def test_a_hook_sees_both_states_and_may_veto(app: App) -> None:
    seen: list[tuple[str, str]] = []

    @app.on.settings_update()
    def no_shops(event: Any) -> None:
        seen.append((event.old["meta"]["appName"], event.new["meta"]["appName"]))
        raise BadRequest("not here")

    with pytest.raises(BadRequest, match="not here"):
        update_settings(app, {"meta": {"appName": "Shop"}})
    assert seen == [("Acme", "Shop")]
    assert app.settings.get("meta")["appName"] == "Acme"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"meta": 3}, id="a number for a group"),
        pytest.param({"logs": {"maxDays": 1.5}}, id="a fraction"),
        pytest.param({"logs": {"maxDays": True}}, id="a flag for a number"),
        pytest.param({"batch": {"maxRequests": 2**63}}, id="more than 64 bits"),
        pytest.param({"rateLimits": {"rules": [3]}}, id="a number for a rule"),
        pytest.param({"superuserIPs": "127.0.0.1"}, id="a text for a list"),
    ],
)
def test_a_wrong_type_refuses_the_whole_body(app: App, body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="An error occurred while loading the submitted data"):
        update_settings(app, body)


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        pytest.param({"meta": {"appName": ""}}, "meta.appName", "validation_required", id="no name"),
        pytest.param({"meta": None}, "meta.appURL", "validation_required", id="null empties a group"),
        pytest.param(
            {"meta": {"accentColor": "red"}}, "meta.accentColor", "validation_length_invalid", id="a colour's name"
        ),
        pytest.param({"meta": {"accentColor": "#GGGGGG"}}, "meta.accentColor", "validation_is_hex_color", id="no hex"),
        pytest.param({"meta": {"senderAddress": "a@b"}}, "meta.senderAddress", "validation_is_email", id="no address"),
        pytest.param({"smtp": {"host": "a b"}}, "smtp.host", "validation_is_host", id="no host"),
        pytest.param({"smtp": {"authMethod": "CRAM"}}, "smtp.authMethod", "validation_in_invalid", id="no such method"),
        pytest.param({"s3": {"enabled": True}}, "s3.bucket", "validation_required", id="S3 without a bucket"),
        pytest.param({"backups": {"cron": "x"}}, "backups.cron", "validation_invalid_cron", id="no cron expression"),
        pytest.param(
            {"logs": {"maxDays": -1}}, "logs.maxDays", "validation_min_greater_equal_than_required", id="minus one day"
        ),
        pytest.param(
            {"superuserIPs": ["x"]}, "superuserIPs.0", "validation_invlaid_ip_or_subnet", id="no address of a machine"
        ),
        pytest.param(
            {"rateLimits": {"rules": [{"label": "*", "duration": 1, "maxRequests": 1}]}},
            "rateLimits.rules.0.label",
            "validation_match_invalid",
            id="a label that matches nothing",
        ),
        pytest.param(
            {"rateLimits": {"rules": [{"label": "/a", "duration": 1, "maxRequests": 1}] * 2}},
            "rateLimits.rules.1.label",
            "validation_conflicting_rate_limit_rule",
            id="the same label twice",
        ),
    ],
)
def test_a_wrong_value_is_named(app: App, body: dict[str, Any], path: str, code: str) -> None:
    entry = errors_of(app, body)
    for part in path.split("."):
        entry = entry[part]
    assert entry["code"] == code
