"""People who sign in keep nobody else waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.core.passwords import CORES
from appliance.http.password_lane import may_hash
from tests.boxes import PASSWORD, open_box
from tests.http.servers import send, serve, url_of

FORM = {"identity": "nobody@example.com", "password": PASSWORD}


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("lane")) as box:
        create_superuser(box, "root@example.com", PASSWORD)
        yield box


def test_a_burst_of_sign_ins_does_not_hold_up_other_requests(app: App) -> None:
    """With more sign-ins than workers waiting for the password pool, which here doesn't move at all."""
    go_on = threading.Event()
    holders = [threading.Thread(target=lambda: app.passwords._run(lambda: go_on.wait(30))) for _ in range(CORES)]
    for holder in holders:
        holder.start()
    with serve(app) as server, ThreadPoolExecutor(20) as people:
        path = f"{url_of(server)}/api/collections/users/auth-with-password"
        signing_in = [people.submit(httpx.post, path, json=FORM, timeout=40) for _ in range(20)]
        try:
            assert app.config.workers < 20
            while len(server.loop.running) < 20:
                assert not any(each.done() for each in signing_in)
            for _ in range(10):
                assert send(server, "GET", "/api/health", timeout=5).status_code == 200
            assert not any(each.done() for each in signing_in)
        finally:
            go_on.set()
        assert {each.result().status_code for each in signing_in} == {400}
        for holder in holders:
            holder.join()


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("POST", "/api/collections/users/auth-with-password", True, id="a sign-in by password"),
        pytest.param("POST", "/api/collections/users/auth-with-otp", True, id="a sign-in by one-time password"),
        pytest.param("POST", "/api/collections/users/records", True, id="a sign-up"),
        pytest.param("PATCH", "/api/collections/_superusers/records/abc", True, id="a changed account"),
        pytest.param("POST", "/_/login", True, id="the dashboard's sign-in"),
        pytest.param("GET", "/api/collections/users/records", False, id="not a list of accounts"),
        pytest.param("POST", "/api/collections/_mfas/records", False, id="not a record without a password"),
        pytest.param("POST", "/api/collections/nowhere/records", False, id="not an unknown collection"),
        pytest.param("POST", "/api/collections/users/auth-refresh", False, id="not a fresh token"),
        pytest.param("GET", "", False, id="not a request that could not be read"),
    ],
)
def test_requests_that_may_hash_have_workers_of_their_own(app: App, method: str, path: str, expected: bool) -> None:
    assert may_hash(app, method, path) is expected
