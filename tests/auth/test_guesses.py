"""Wrong passwords use up tries: an address's own first, then everybody's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.api.auth_with_password import auth_with_password
from appliance.api.request import Request
from appliance.auth.guesses import MOST_FROM_ALL, MOST_FROM_ONE
from appliance.core.app import App
from appliance.core.settings.store import update_settings
from appliance.errors import ApiError
from tests.boxes import PASSWORD, add_user, open_box


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("guesses")) as box:
        yield box


def sign_in(app: App, identity: str, password: str, address: str) -> int:
    form = {"identity": identity, "password": password}
    try:
        return auth_with_password(
            Request(app, "POST", "", path={"collection": "users"}, body=form, remote_ip=address)
        ).status
    except ApiError as error:
        return error.status


def guess_from_everywhere(app: App, identity: str) -> None:
    for place in range(MOST_FROM_ALL):
        assert sign_in(app, identity, "wrong", f"10.1.{place}.1") == 400


def test_an_address_uses_up_its_own_tries_only(app: App) -> None:
    add_user(app, "one@example.com")
    told = [sign_in(app, "one@example.com", "wrong", "10.0.0.1") for _ in range(MOST_FROM_ONE + 1)]
    assert told == [400] * MOST_FROM_ONE + [429]
    assert sign_in(app, "ONE@example.com ".strip(), PASSWORD, "10.0.0.1") == 429
    assert sign_in(app, "one@example.com", PASSWORD, "10.0.0.2") == 200
    assert sign_in(app, "other@example.com", "wrong", "10.0.0.1") == 400


def test_many_addresses_together_use_up_everybodys(app: App) -> None:
    add_user(app, "all@example.com")
    guess_from_everywhere(app, "all@example.com")
    assert sign_in(app, "all@example.com", PASSWORD, "10.2.0.1") == 429


def test_whoever_has_signed_in_from_there_before_goes_on(app: App) -> None:
    add_user(app, "known@example.com")
    assert sign_in(app, "known@example.com", PASSWORD, "10.3.0.1") == 200
    guess_from_everywhere(app, "known@example.com")
    assert sign_in(app, "known@example.com", PASSWORD, "10.3.0.1") == 200


def test_an_account_that_does_not_exist_looks_the_same(app: App) -> None:
    told = [sign_in(app, "nobody@example.com", "wrong", "10.4.0.1") for _ in range(MOST_FROM_ONE + 1)]
    assert told == [400] * MOST_FROM_ONE + [429]


def test_the_right_password_gives_the_tries_back(app: App) -> None:
    add_user(app, "back@example.com")
    for _ in range(3):
        assert [sign_in(app, "back@example.com", "wrong", "10.5.0.1") for _ in range(5)] == [400] * 5
        assert sign_in(app, "back@example.com", PASSWORD, "10.5.0.1") == 200


def test_nothing_is_counted_with_limits_switched_off(app: App) -> None:
    update_settings(app, {"rateLimits": {"enabled": False}})
    told = [sign_in(app, "free@example.com", "wrong", "10.6.0.1") for _ in range(MOST_FROM_ONE + 2)]
    update_settings(app, {"rateLimits": {"enabled": True}})
    assert set(told) == {400}
