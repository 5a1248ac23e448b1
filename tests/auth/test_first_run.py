"""Who may set up a new box."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from appliance.api.request import Request
from appliance.api.setup import set_up
from appliance.auth.superusers import find_superuser
from appliance.core.app import App
from appliance.core.collection import SUPERUSERS
from appliance.core.settings.store import update_settings
from appliance.errors import ApiError
from tests.boxes import PASSWORD, open_box

FORM = {"email": "owner@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
LOCAL, LAN = "127.0.0.1", "192.168.1.7"


def ask(app: App, remote_ip: str = LOCAL, headers: dict[str, str] | None = None, **form: str) -> int:
    asked = Request(
        app, "POST", "/_/setup", headers=headers or {}, body=FORM | form, remote_ip=remote_ip, host="box:8090"
    )
    try:
        return set_up(asked).status
    except ApiError as error:
        return error.status


REFUSED = [
    pytest.param({"remote_ip": LAN}, 403, id="from the LAN without a code"),
    pytest.param({"remote_ip": LAN, "code": "AAAABBBB"}, 403, id="from the LAN with a wrong code"),
    pytest.param({"remote_ip": "not an address"}, 403, id="from an address that can't be read"),
    pytest.param({"headers": {"x-forwarded-for": LAN}}, 403, id="through a proxy on the box without a code"),
    pytest.param({"headers": {"via": "1.1 proxy"}}, 403, id="through a proxy that names itself"),
    pytest.param({"headers": {"sec-fetch-site": "cross-site"}}, 403, id="from a page of another site"),
    pytest.param({"headers": {"origin": "https://evil.example"}}, 403, id="from another origin"),
    pytest.param({"email": "no address"}, 400, id="with something that is not an email"),
    pytest.param({"email": ""}, 400, id="without an email"),
    pytest.param({"password": "short", "passwordConfirm": "short"}, 400, id="with a password that is too short"),
    pytest.param({"passwordConfirm": "another one"}, 400, id="with two different passwords"),
]


@pytest.mark.parametrize(("asked", "status"), REFUSED)
def test_set_up_is_refused(tmp_path: Path, asked: dict[str, str], status: int) -> None:
    with open_box(tmp_path) as app:
        assert ask(app, **asked) == status
        assert app.first_run.is_open


def test_a_trusted_header_cannot_make_a_request_local(tmp_path: Path) -> None:
    """Settings that came with an import name headers that stand for the client's address."""
    with open_box(tmp_path) as app:
        update_settings(app, {"trustedProxy": {"headers": ["CF-Connecting-IP"]}})
        assert ask(app, LOCAL, {"cf-connecting-ip": LOCAL}) == 403
        assert app.first_run.is_open


def test_on_the_box_itself_no_code_is_needed(tmp_path: Path) -> None:
    with open_box(tmp_path) as app:
        assert ask(app) == 200
        assert find_superuser(app, FORM["email"])


def test_from_the_lan_the_code_opens_and_is_burned(tmp_path: Path) -> None:
    with open_box(tmp_path) as app:
        code = app.first_run.code()
        assert stat.S_IMODE((tmp_path / "setup-code").stat().st_mode) == 0o600
        assert ask(app, LAN, code=f" {code[:4].lower()}-{code[4:].lower()} ") == 200
        assert not (tmp_path / "setup-code").exists()
        assert app.first_run.code() == ""
        assert not app.first_run.is_open


def test_the_code_survives_a_restart(tmp_path: Path) -> None:
    with open_box(tmp_path) as app:
        code = app.first_run.code()
    with open_box(tmp_path) as app:
        assert app.first_run.code() == code


def test_the_sixth_try_within_a_minute_is_refused_even_with_the_right_code(tmp_path: Path) -> None:
    with open_box(tmp_path) as app:
        code = app.first_run.code()
        assert [ask(app, LAN, code="WRONGWRO") for _ in range(6)] == [403] * 5 + [429]
        assert ask(app, LAN, code=code) == 429


def test_a_box_is_set_up_once(tmp_path: Path) -> None:
    with open_box(tmp_path) as app:
        assert ask(app) == 200
        assert ask(app, email="second@example.com") == 403
        assert find_superuser(app, "second@example.com") is None


def test_of_many_that_set_up_at_once_exactly_one_wins(tmp_path: Path) -> None:
    with open_box(tmp_path) as app:
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda n=n: statuses.append(ask(app, email=f"owner{n}@example.com")))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] + [403] * 7
        assert app.database.query(f"SELECT count(*) FROM {SUPERUSERS}") == [(1,)]
