"""Which rule counts a request, what it shares its bucket with, and who is free: judged by the real PocketBase."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.api.request import Request
from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.core.settings.store import update_settings
from appliance.errors import TooManyRequests
from appliance.http.rate_limits import RateLimits
from tests.boxes import PASSWORD, add_user, open_box
from tests.oracle import Server, start_oracle, start_ours

POSTS = "/api/collections/posts/records"
OTHERS = "/api/collections/others/records"
USERS = "/api/collections/users"
SIGN_IN = f"{USERS}/auth-with-password"
ROOT = "/api/collections/_superusers/auth-with-password"

addresses = (f"10.{a}.{b}.{c}" for a, b, c in itertools.product(range(250), range(250), range(1, 250)))


class Limited:
    """A server with two collections and two users, whose rate limits a test sets."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, timeout=10)
        self.tokens: dict[str, str] = {}
        self.tokens["root"] = self.sign_in("_superusers", server.email, server.password)
        self.settings(rateLimits={"enabled": False}, trustedProxy={"headers": ["X-Real"], "useLeftmostIP": False})
        for name in ("posts", "others"):
            rules = {"listRule": "", "viewRule": "", "createRule": ""}
            self.root("POST", "/api/collections", {"name": name, "type": "base", **rules})
        for name in ("ann", "bob"):
            account = {"email": f"{name}@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
            self.root("POST", f"{USERS}/records", account)
            self.tokens[name] = self.sign_in("users", f"{name}@example.com", PASSWORD)

    def sign_in(self, collection: str, identity: str, password: str) -> str:
        form = {"identity": identity, "password": password}
        return str(self.client.post(f"/api/collections/{collection}/auth-with-password", json=form).json()["token"])

    def root(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, path, json=body, headers={"Authorization": self.tokens["root"]})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settings(self, **groups: Any) -> None:
        self.root("PATCH", "/api/settings", groups)

    def limit(self, rules: list[tuple[str, str, int]], excluded: tuple[str, ...] = ()) -> None:
        """Set (label, audience, most) rules over a long while."""
        named = [{"label": label, "audience": who, "duration": 100, "maxRequests": most} for label, who, most in rules]
        self.settings(rateLimits={"enabled": True, "rules": named, "excludedIPs": list(excluded)})

    def ask(self, asked: str, address: str) -> int:
        """The status of `METHOD path [who]`."""
        method, path, who = (*asked.split(" "), "")[:3]
        headers = {"X-Real": address} | ({"Authorization": self.tokens[who]} if who else {})
        path = path.replace("{posts}", "posts")
        return self.client.request(method, path, headers=headers).status_code


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Limited, Limited]]:
    """The oracle and ours."""
    servers = [start(tmp_path_factory.mktemp("limits")) for start in (start_oracle, start_ours)]
    yield Limited(servers[0]), Limited(servers[1])
    for server in servers:
        server.stop()


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        pytest.param([("/api/", "", 3)], ["GET /api/health"] * 4, id="a prefix"),
        pytest.param([("/api/", "", 3)], ["GET /api/health", "GET /api/nope"] * 2, id="a prefix has one bucket"),
        pytest.param([("/api/", "", 1)], [f"GET {POSTS}", "GET /api/health"] * 2, id="a collection has its own"),
        pytest.param([("/api/", "", 1)], [f"GET {POSTS}", f"GET {POSTS}/x"] * 2, id="each endpoint has its own"),
        pytest.param([("/api", "", 1)], ["GET /api/health"] * 2, id="no slash, no prefix"),
        pytest.param([("/api/health/", "", 1)], ["GET /api/health"] * 2, id="a prefix counts the path itself"),
        pytest.param([("/api/health", "", 1)], ["GET /api/health", "HEAD /api/health"] * 2, id="a path, any method"),
        pytest.param([("GET /api/health", "", 1)], ["HEAD /api/health", "GET /api/health"] * 2, id="method and path"),
        pytest.param([("GET /api/", "", 1), ("/api/health", "", 2)], ["GET /api/health"] * 2, id="method goes first"),
        pytest.param([("/api/", "", 1), ("/api/health", "", 2)], ["GET /api/health"] * 3, id="exact before prefix"),
        pytest.param(
            [("/api/", "", 1), ("/api/collections/", "", 2)], [f"GET {POSTS}"] * 2, id="the first prefix counts"
        ),
        pytest.param([("/", "", 1)], ["GET /nope", "GET /api/health"], id="everything"),
        pytest.param([("posts:list", "", 2), (POSTS, "", 1)], [f"GET {POSTS}"] * 3, id="tag before path"),
        pytest.param([("*:list", "", 1), ("posts:list", "", 2)], [f"GET {POSTS}"] * 3, id="named before any"),
        pytest.param([("*:list", "", 1)], [f"GET {POSTS}", f"GET {OTHERS}"] * 2, id="any collection, each its own"),
        pytest.param([("*:list", "", 1)], [f"HEAD {POSTS}", f"GET {POSTS}"], id="HEAD counts as list"),
        pytest.param([("*:view", "", 1)], [f"GET {POSTS}/x", f"GET {POSTS}/y"], id="view"),
        pytest.param([("*:create", "", 1)], [f"POST {POSTS}"] * 2, id="create"),
        pytest.param([("*:update", "", 1)], [f"PATCH {POSTS}/x"] * 2, id="update"),
        pytest.param([("*:delete", "", 1)], [f"DELETE {POSTS}/x"] * 2, id="delete"),
        pytest.param([("*:file", "", 1)], ["GET /api/files/posts/x/y"] * 2, id="file"),
        pytest.param([("*:fileToken", "", 1)], ["POST /api/files/token ann"] * 2, id="file tokens have no tag"),
        pytest.param([("*:listAuthMethods", "", 1)], [f"GET {USERS}/auth-methods"] * 2, id="auth methods"),
        pytest.param([("*:authRefresh", "", 1)], [f"POST {USERS}/auth-refresh"] * 2, id="refresh"),
        pytest.param([("*:auth", "", 1)], [f"POST {USERS}/auth-refresh"] * 2, id="refresh is no sign-in"),
        pytest.param([("*:auth", "", 1)], [f"POST {SIGN_IN}", f"POST {USERS}/auth-with-otp"] * 2, id="sign-ins"),
        pytest.param([("*:auth", "", 1)], [f"POST {SIGN_IN}", f"POST {ROOT}"] * 2, id="sign-ins, each collection"),
        pytest.param([("*:authWithPassword", "", 1), ("users:auth", "", 2)], [f"POST {SIGN_IN}"] * 3, id="own auth"),
        pytest.param([("*:auth", "", 1), ("*:authWithPassword", "", 2)], [f"POST {SIGN_IN}"] * 3, id="any auth last"),
        pytest.param(
            [("users:auth", "", 1)], [f"POST {SIGN_IN}", f"POST {SIGN_IN.replace('users', '_pb_users_auth_')}"], id="id"
        ),
        pytest.param([("/api/", "@guest", 1)], ["GET /api/health", "GET /api/health ann"] * 2, id="guests only"),
        pytest.param([("/api/", "@auth", 1)], ["GET /api/health", "GET /api/health ann"] * 2, id="accounts only"),
        pytest.param(
            [("/api/health", "@auth", 2), ("/api/", "", 1)],
            ["GET /api/health ann", "GET /api/health"] * 3,
            id="what is not for me is passed over",
        ),
        pytest.param([("/api/", "", 1)], ["GET /api/health ann", "GET /api/health bob"], id="one address, two people"),
        pytest.param([("/api/", "", 1)], ["GET /api/health root"] * 3, id="superusers are free"),
        pytest.param([("/api/", "", 1)], ["OPTIONS /api/health"] * 3, id="preflights are free"),
        pytest.param([("/api/", "", 1)], ["GET /api/settings"] * 2, id="what is refused counts"),
    ],
)
def test_the_same_requests_are_refused(
    pair: tuple[Limited, Limited], rules: list[tuple[str, str, int]], asked: list[str]
) -> None:
    address = next(addresses)
    for limited in pair:
        limited.limit(rules)
    theirs, ours = ([limited.ask(each, address) for each in asked] for limited in pair)
    assert ours == theirs


def test_an_excluded_network_is_free(pair: tuple[Limited, Limited]) -> None:
    for limited in pair:
        limited.limit([("/api/", "", 1)], excluded=("192.168.1.0/24", "9.9.9.9"))
    for address in ("192.168.1.77", "9.9.9.9", "9.9.9.8"):
        theirs, ours = ([limited.ask("GET /api/health", address) for _ in range(3)] for limited in pair)
        assert ours == theirs


def test_the_refusal_is_the_same(pair: tuple[Limited, Limited]) -> None:
    told = []
    for limited in pair:
        limited.limit([("/api/", "", 1)])
        limited.ask("GET /api/health", "7.7.7.7")
        answer = limited.client.get("/api/health", headers={"X-Real": "7.7.7.7", "Origin": "http://a.example"})
        told.append((answer.status_code, answer.json(), {**answer.headers, "date": "", "content-length": ""}))
    assert told[0] == told[1]


# ---- what is ours


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("own-limits")) as box:
        create_superuser(box, "root@example.com", PASSWORD)
        yield box


def refused(app: App, limits: RateLimits, address: str, auth: Any = None) -> bool:
    try:
        limits.check(Request(app, "GET", "/api/health", auth=auth, remote_ip=address))
    except TooManyRequests:
        return True
    return False


def set_limit(app: App, most: int) -> None:
    rule = {"label": "/api/", "audience": "", "duration": 100, "maxRequests": most}
    update_settings(app, {"rateLimits": {"enabled": True, "rules": [rule], "excludedIPs": []}})


def test_an_account_is_counted_over_all_its_addresses(app: App) -> None:
    set_limit(app, 3)
    limits, ann = RateLimits(app), add_user(app, "ann@example.com")
    assert [refused(app, limits, f"1.1.1.{place}", ann) for place in range(4)] == [False, False, False, True]
    assert not refused(app, limits, "1.1.1.9")


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        pytest.param("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True, id="one IPv6 network"),
        pytest.param("2001:db8:1:2::1", "2001:db8:1:3::1", False, id="two IPv6 networks"),
        pytest.param("::ffff:4.4.4.4", "4.4.4.4", True, id="IPv4 in IPv6"),
        pytest.param("fe80::1%eth0", "fe80::1%eth1", True, id="a scope"),
    ],
)
def test_an_ipv6_client_has_one_network(app: App, one: str, other: str, are_one: bool) -> None:
    set_limit(app, 1)
    limits = RateLimits(app)
    assert [refused(app, limits, one), refused(app, limits, other)] == [False, are_one]


def test_new_settings_count_at_once(app: App) -> None:
    set_limit(app, 1)
    limits = RateLimits(app)
    assert [refused(app, limits, "3.3.3.3") for _ in range(2)] == [False, True]
    set_limit(app, 2)
    assert [refused(app, limits, "3.3.3.3") for _ in range(3)] == [False, False, True]


def test_a_new_box_has_limits_and_leaves_this_machine_alone(tmp_path: Path) -> None:
    with open_box(tmp_path) as box:
        limits = RateLimits(box)
        assert box.settings.get("rateLimits")["enabled"]
        assert not any(refused(box, limits, "127.0.0.1") for _ in range(6000))
        assert not any(refused(box, limits, "192.168.1.5") for _ in range(5000))
        assert refused(box, limits, "192.168.1.5")
