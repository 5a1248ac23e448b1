"""Signing in by password, by one-time password, and by both, through the handlers of the wire."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from appliance import clock
from appliance.api.auth_with_otp import auth_with_otp
from appliance.api.auth_with_password import auth_with_password
from appliance.api.collections import update_collection
from appliance.api.request import Request
from appliance.auth import one_time_password, tokens
from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.core.record import Record
from appliance.errors import ApiError
from tests.boxes import PASSWORD, add_user, open_box, users_of

OTP_ON = {"otp": {"enabled": True, "duration": 300, "length": 8}}
MFA_ON = {"mfa": {"enabled": True, "duration": 600, "rule": ""}}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("sign-in")) as box:
        create_superuser(box, "root@example.com", PASSWORD)
        change_users(box, OTP_ON)
        yield box


@pytest.fixture
def ada(app: App) -> Record:
    return add_user(app, f"{clock.random_id()}@example.com")


@pytest.fixture
def mfa(app: App) -> Iterator[None]:
    change_users(app, MFA_ON)
    yield
    change_users(app, {"mfa": {"enabled": False}})


def change_users(app: App, options: dict[str, Any]) -> None:
    update_collection(Request(app, "PATCH", "/", path={"collection": "users"}, body=options))


def ask(app: App, handler: Any, **body: str) -> tuple[int, Any]:
    """Status and body of one sign-in to `users`."""
    try:
        answer = handler(Request(app, "POST", "/", path={"collection": "users"}, body=body))
    except ApiError as error:
        return error.status, error.message
    return answer.status, answer.body


def test_a_one_time_password_signs_in_once(app: App, ada: Record) -> None:
    otp_id, digits = one_time_password.new_one_time_password(app, ada)
    status, answer = ask(app, auth_with_otp, otpId=otp_id, password=digits)
    assert (status, answer["record"]["id"]) == (200, ada.id)
    assert ask(app, auth_with_otp, otpId=otp_id, password=digits) == (400, "Invalid or expired OTP.")


def test_of_many_parallel_uses_of_a_one_time_password_exactly_one_wins(app: App, ada: Record) -> None:
    otp_id, digits = one_time_password.new_one_time_password(app, ada)
    statuses: list[int] = []
    use = lambda: statuses.append(ask(app, auth_with_otp, otpId=otp_id, password=digits)[0])  # noqa: E731
    threads = [threading.Thread(target=use) for _ in range(one_time_password.TRIES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * (one_time_password.TRIES - 1)


def test_a_one_time_password_is_spent_after_too_many_wrong_tries(app: App, ada: Record) -> None:
    otp_id, digits = one_time_password.new_one_time_password(app, ada)
    for _ in range(one_time_password.TRIES):
        assert ask(app, auth_with_otp, otpId=otp_id, password="00000000")[0] == 400
    assert ask(app, auth_with_otp, otpId=otp_id, password=digits) == (400, "Invalid or expired OTP.")


def test_a_one_time_password_of_another_collection_is_refused(app: App) -> None:
    update_collection(Request(app, "PATCH", "/", path={"collection": "_superusers"}, body=OTP_ON))
    root = add_user(app, f"{clock.random_id()}@example.com", "_superusers")
    otp_id, digits = one_time_password.new_one_time_password(app, root)
    assert ask(app, auth_with_otp, otpId=otp_id, password=digits) == (400, "Invalid or expired OTP.")


def test_a_one_time_password_that_came_by_mail_proves_the_address(app: App, ada: Record) -> None:
    otp_id, digits = one_time_password.new_one_time_password(app, ada, sent_to=str(ada["email"]))
    _, answer = ask(app, auth_with_otp, otpId=otp_id, password=digits)
    assert answer["record"]["verified"] is True


@pytest.mark.usefixtures("mfa")
def test_a_second_factor_needs_two_different_methods(app: App, ada: Record) -> None:
    form = {"identity": str(ada["email"]), "password": PASSWORD}
    status, answer = ask(app, auth_with_password, **form)
    assert status == 401
    mfa_id = answer["mfaId"]
    refused = ask(app, auth_with_password, **form, mfaId=mfa_id)
    assert refused == (400, "A different authentication method is required.")
    otp_id, digits = one_time_password.new_one_time_password(app, ada)
    status, answer = ask(app, auth_with_otp, otpId=otp_id, password=digits, mfaId=mfa_id)
    assert (status, answer["record"]["id"]) == (200, ada.id)


@pytest.mark.usefixtures("mfa")
def test_a_second_factor_is_used_up(app: App, ada: Record) -> None:
    mfa_id = ask(app, auth_with_password, identity=str(ada["email"]), password=PASSWORD)[1]["mfaId"]
    for expected in (200, 400):
        otp_id, digits = one_time_password.new_one_time_password(app, ada)
        assert ask(app, auth_with_otp, otpId=otp_id, password=digits, mfaId=mfa_id)[0] == expected


@pytest.mark.usefixtures("mfa")
def test_the_second_factor_of_somebody_else_is_refused(app: App, ada: Record) -> None:
    mfa_id = ask(app, auth_with_password, identity=str(ada["email"]), password=PASSWORD)[1]["mfaId"]
    bob = add_user(app, f"{clock.random_id()}@example.com")
    otp_id, digits = one_time_password.new_one_time_password(app, bob)
    refused = ask(app, auth_with_otp, otpId=otp_id, password=digits, mfaId=mfa_id)
    assert refused == (400, "Invalid or expired MFA session.")


def test_an_imported_password_is_rehashed_at_the_first_sign_in_and_its_tokens_stay(app: App, ada: Record) -> None:
    old_hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    app.database.write(lambda: app.database.execute("UPDATE users SET password = ? WHERE id = ?", (old_hash, ada.id)))
    token = tokens.new_auth_token(ada)
    form = {"identity": str(ada["email"]), "password": PASSWORD}
    assert ask(app, auth_with_password, **form)[0] == 200
    stored = app.database.query("SELECT password FROM users WHERE id = ?", (ada.id,))[0][0]
    assert stored.startswith("$argon2id$")
    assert tokens.find_token_record(app, token) is not None
    assert ask(app, auth_with_password, **form)[0] == 200


@pytest.mark.parametrize("who", ["an imported account", "an account of ours", "nobody"])
def test_while_imported_hashes_are_left_each_refusal_costs_one_of_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    with open_box(tmp_path) as box:
        old_hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        add_user(box, "ours@example.com")
        imported = add_user(box, "imported@example.com")
        sql = "UPDATE users SET password = ? WHERE id = ?"
        box.database.write(lambda: box.database.execute(sql, (old_hash, imported.id)))
        verified: list[str] = []
        verify = box.passwords.verify
        monkeypatch.setattr(
            box.passwords, "verify", lambda plain, stored: verified.append(stored) or verify(plain, stored)
        )
        address = {"an imported account": "imported@example.com", "an account of ours": "ours@example.com"}
        refused = ask(box, auth_with_password, identity=address.get(who, "nobody@example.com"), password="wrong one")
        assert refused[0] == 400
        assert sorted(stored.startswith("$2") for stored in verified) == [False, True]


def test_without_imported_hashes_a_refusal_costs_one(app: App, ada: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    monkeypatch.setattr(app.passwords, "verify", lambda plain, stored: bool(verified.append(stored)))
    assert ask(app, auth_with_password, identity=str(ada["email"]), password="wrong one")[0] == 400
    assert len(verified) == 1


@pytest.mark.parametrize(
    ("identity", "password"),
    [
        pytest.param("nobody@example.com", PASSWORD, id="an unknown account"),
        pytest.param("known", "wrong password", id="a wrong password"),
        pytest.param("' OR 1=1 --", PASSWORD, id="an identity with SQL in it"),
    ],
)
def test_a_refused_sign_in_says_nothing_about_the_account(app: App, ada: Record, identity: str, password: str) -> None:
    known = str(ada["email"]) if identity == "known" else identity
    assert ask(app, auth_with_password, identity=known, password=password) == (400, "Failed to authenticate.")
    assert users_of(app).is_auth
