"""What every answer has in common: headers, unknown paths and methods, CORS, hosts, tokens, bodies, failures."""

from __future__ import annotations

import html
import logging

import pytest

from appliance.core.app import App
from appliance.core.settings.store import update_settings
from appliance.http.server import Server
from tests.http.servers import ask, send

JSON = {"Content-Type": "application/json"}
GENERIC = "Something went wrong while processing your request."
NO_FILE = "File not found."
NOT_FOUND = "The requested resource wasn't found."


def sign_in(server: Server, collection: str, email: str, password: str) -> str:
    form = {"identity": email, "password": password}
    answer = send(server, "POST", f"/api/collections/{collection}/auth-with-password", json=form)
    token: str = answer.json()["token"]
    return token


@pytest.fixture(scope="session")
def root(server: Server) -> str:
    return sign_in(server, "_superusers", "root@example.com", "root-password")


@pytest.fixture(scope="session")
def user(server: Server) -> str:
    return sign_in(server, "users", "user@example.com", "correct horse battery")


def test_every_answer_carries_the_wires_headers(server: Server) -> None:
    headers = send(server, "GET", "/api/health").headers
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["X-XSS-Protection"] == "1; mode=block"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Vary"] == "Origin"
    assert "Server" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        pytest.param("GET", "/api/nothing", 404, NO_FILE, id="an unknown path"),
        pytest.param("GET", "/", 404, NO_FILE, id="the root"),
        pytest.param("GET", "/api/health/", 404, NO_FILE, id="a slash too many"),
        pytest.param("POST", "/api/nothing", 404, NOT_FOUND, id="an unknown path with POST"),
        pytest.param("POST", "/api/health", 404, NOT_FOUND, id="a known path with another method"),
        pytest.param("PUT", "/api/health", 404, NOT_FOUND, id="PUT where only GET is"),
        pytest.param("GET", "/api/collections/users/auth-refresh", 404, NO_FILE, id="GET where only POST is"),
        pytest.param("FOO", "/api/health", 404, NOT_FOUND, id="a method nobody knows"),
        pytest.param("TRACE", "/api/health", 404, NOT_FOUND, id="TRACE"),
        pytest.param("GET", "/test/auth", 401, "The request requires valid record authorization token.", id="a guest"),
    ],
)
def test_refusals_are_the_wires(server: Server, method: str, path: str, status: int, message: str) -> None:
    assert send(server, method, path).json() == {"status": status, "message": message, "data": {}}


def test_head_answers_like_get_without_a_body(server: Server) -> None:
    answer = send(server, "HEAD", "/api/health")
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "50", b"")


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        pytest.param(b"//api/health", "/api/health", id="a double slash in front"),
        pytest.param(b"/api//health?a=//b", "/api/health?a=//b", id="a double slash within, the query stays"),
        pytest.param(b"/api/./health", "/api/health", id="a dot"),
        pytest.param(b"/api/x/../health", "/api/health", id="two dots"),
        pytest.param(b"/../../x", "/x", id="dots above the root"),
        pytest.param(b"//evil.com/", "/evil.com/", id="no way out to another host"),
    ],
)
def test_an_unclean_path_is_sent_on(server: Server, path: bytes, clean: str) -> None:
    answer, _ = ask(server, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (answer.status, answer.headers["location"]) == (307, clean)
    assert answer.body == f'<a href="{html.escape(clean)}">Temporary Redirect</a>.\n\n'.encode()


class TestOrigins:
    def test_a_preflight_is_answered_for_every_path(self, server: Server) -> None:
        headers = {
            "Origin": "http://a.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-foo, content-type",
        }
        answer = send(server, "OPTIONS", "/api/nothing", headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET,HEAD,PUT,PATCH,POST,DELETE"
        assert answer.headers["Access-Control-Allow-Headers"] == "x-foo, content-type"
        assert "Content-Type" not in answer.headers
        assert "X-Frame-Options" not in answer.headers

    def test_options_without_an_origin_says_nothing(self, server: Server) -> None:
        answer = send(server, "OPTIONS", "/api/health")
        assert answer.status_code == 204
        assert "Access-Control-Allow-Methods" not in answer.headers

    def test_errors_too_may_be_read(self, server: Server) -> None:
        answer = send(server, "GET", "/api/nothing", headers={"Origin": "http://a.com"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["localhost", "localhost:8090", "LOCALHOST", "127.0.0.1:1", "[::1]:8090", "app.localhost"]
    )
    def test_answers_to_its_own_names(self, server: Server, host: str) -> None:
        assert send(server, "GET", "/api/health", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        ["evil.com", "evil.com:8090", "localhost.evil.com", "127.0.0.1.evil.com", "xlocalhost", "203.0.113.9", "[::2]"],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
    def test_answers_to_no_other(self, server: Server, host: str, method: str) -> None:
        answer = send(server, method, "/api/health", headers={"Host": host})
        assert (answer.status_code, answer.content) == (421, b"")


class TestTokens:
    @pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}", "BEARER {}"])
    def test_a_token_is_read_with_or_without_bearer(self, server: Server, root: str, form: str) -> None:
        answer = send(server, "GET", "/test/superuser", headers={"Authorization": form.format(root)})
        assert answer.status_code == 200

    @pytest.mark.parametrize("text", ["x", "Token {}", "Bearer", "Bearer  {}", "bearer{}", "Bearer {}x", "Basic {}"])
    def test_anything_else_makes_a_guest(self, server: Server, root: str, text: str) -> None:
        headers = {"Authorization": text.format(root)}
        assert send(server, "GET", "/test/superuser", headers=headers).status_code == 401
        assert send(server, "GET", "/test/echo/x", headers=headers).json()["auth"] is None

    def test_a_route_for_superusers_refuses_others(self, server: Server, user: str) -> None:
        answer = send(server, "GET", "/test/superuser", headers={"Authorization": user})
        told = {"status": 403, "message": "The authorized record is not allowed to perform this action.", "data": {}}
        assert answer.json() == told
        assert send(server, "GET", "/test/auth", headers={"Authorization": user}).status_code == 200


def test_health_tells_superusers_more(server: Server, root: str, user: str) -> None:
    told = send(server, "GET", "/api/health", headers={"Authorization": root, "X-Forwarded-For": "9.9.9.9"}).json()
    assert told["data"] == {"canBackup": True, "realIP": "127.0.0.1", "possibleProxyHeader": "X-Forwarded-For"}
    assert send(server, "GET", "/api/health", headers={"Authorization": user}).json()["data"] == {}
    assert send(server, "GET", "/api/health?fields=code").json() == {"code": 200}


class TestBodies:
    @pytest.mark.parametrize(
        ("raw", "body"),
        [
            pytest.param(b'{"a": 1}', {"a": 1}, id="an object"),
            pytest.param(b' {"a": 1} ', {"a": 1}, id="space around it"),
            pytest.param(b"null", {}, id="null"),
            pytest.param(b"", {}, id="nothing"),
            pytest.param(b'{"a": 1}trailing', {"a": 1}, id="what follows is ignored"),
            pytest.param(b'{"a": {"b": 1}, "b": 2}', {"a": {"b": 1}, "b": 2}, id="one name in two objects"),
            pytest.param(b'{"a": 12345678901234567890123}', {"a": 1.2345678901234568e22}, id="a number beyond 64 bits"),
            pytest.param(b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}", None, id="deep, but not too deep"),
        ],
    )
    def test_json_is_read(self, server: Server, raw: bytes, body: object) -> None:
        answer = send(server, "POST", "/test/echo", content=raw, headers=JSON)
        assert answer.status_code == 200
        assert body is None or answer.json()["body"] == body

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"{bad", id="no JSON"),
            pytest.param(b"[1]", id="a list"),
            pytest.param(b'"x"', id="a text"),
            pytest.param(b"   ", id="space only"),
            pytest.param(b'{"a": NaN}', id="NaN"),
            pytest.param(b'{"a": Infinity}', id="Infinity"),
            pytest.param(b'{"a": 1e999}', id="a number beyond a double"),
            pytest.param(b'{"a": 1, "a": 2}', id="a name twice"),
            pytest.param(b'{"a"\n:1,"a"\t:2}', id="a name twice, space before the colon"),
            pytest.param(b'{"x": [{"a": 1, "\\u0061": 2}]}', id="a name twice, once escaped"),
            pytest.param(b'{"a": "\xff\xfe"}', id="invalid UTF-8"),
            pytest.param(b'{"a": "\\ud800"}', id="half a surrogate pair"),
            pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
            pytest.param(b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", id="nested too deeply"),
            pytest.param(b"[" * 100_000, id="nested far too deeply"),
            pytest.param(b'{"a":' * 20_000 + b"1" + b"}" * 20_000, id="objects nested far too deeply"),
        ],
    )
    def test_bad_json_is_refused_where_it_matters(self, server: Server, raw: bytes) -> None:
        answer = send(server, "POST", "/test/echo", content=raw, headers=JSON)
        assert answer.json() == {"status": 400, "message": GENERIC, "data": {}}
        named = send(server, "POST", "/test/named", content=raw, headers=JSON)
        assert named.json()["message"] == "The form can't be read."
        assert send(server, "POST", "/test/untouched", content=raw, headers=JSON).status_code == 200

    @pytest.mark.parametrize(
        ("content_type", "message"),
        [
            pytest.param("text/plain", "Unsupported Content-Type.", id="text"),
            pytest.param("", "Unsupported Content-Type.", id="none"),
            pytest.param("application/xml", GENERIC, id="XML"),
            pytest.param("APPLICATION/JSON", "Unsupported Content-Type.", id="upper case"),
            pytest.param("multipart/form-data", GENERIC, id="a form without its boundary"),
            pytest.param("multipart/form-data; boundary=abc", GENERIC, id="a form that is none"),
        ],
    )
    def test_other_types_are_refused(self, server: Server, content_type: str, message: str) -> None:
        answer = send(server, "POST", "/test/echo", content=b"{}", headers={"Content-Type": content_type})
        assert (answer.status_code, answer.json()["message"]) == (400, message)

    def test_a_form_keeps_every_value(self, server: Server) -> None:
        told = send(server, "POST", "/test/echo", data={"a": ["1", "2"], "b": "x y"}).json()
        assert told["body"] == {"a": "1", "b": "x y"}
        assert told["lists"] == {"a": ["1", "2"], "b": ["x y"]}

    @pytest.mark.parametrize("raw", [b"a=%zz", b"a=1;b=2", b"a=%"])
    def test_a_malformed_form_is_refused(self, server: Server, raw: bytes) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        assert send(server, "POST", "/test/echo", content=raw, headers=headers).status_code == 400

    def test_a_multipart_form_keeps_values_and_files(self, server: Server) -> None:
        files = [
            ("doc", ("a.txt", b"first", "text/plain")),
            ("doc", ("b.bin", b"", "")),
            ("one", ("é.png", b"\x89PNG", "image/png")),
        ]
        told = send(server, "POST", "/test/echo", data={"t": ["x", "y"]}, files=files).json()
        assert told["lists"] == {"t": ["x", "y"]}
        assert told["files"]["one"] == [["é.png", 4, "image/png", "\x89PNG"]]
        assert [each[:2] for each in told["files"]["doc"]] == [["a.txt", 5], ["b.bin", 0]]

    def test_too_many_parts_are_refused(self, server: Server) -> None:
        answer = send(server, "POST", "/test/echo", files=[(f"f{i}", ("", b"x")) for i in range(1100)])
        assert answer.status_code == 413

    def test_each_route_has_its_limit(self, server: Server) -> None:
        allowed = b'{"a":"' + b"x" * 92 + b'"}'
        assert send(server, "POST", "/test/small", content=allowed, headers=JSON).status_code == 200
        answer = send(server, "POST", "/test/small", content=b"x" * 101, headers=JSON)
        assert answer.json() == {"status": 413, "message": "Request entity too large.", "data": {}}


@pytest.mark.parametrize(
    ("query", "values"),
    [
        pytest.param("a=1&b=2&a=3", {"a": "1", "b": "2"}, id="the first value counts"),
        pytest.param("a=1;b=2&c=3", {"c": "3"}, id="a semicolon drops its pair"),
        pytest.param("a=%zz&b=2", {"b": "2"}, id="a bad escape drops its pair"),
        pytest.param("a+b=c+d&e=%2B", {"a b": "c d", "e": "+"}, id="plus is a space"),
        pytest.param("a&b=&=c", {"a": "", "b": "", "": "c"}, id="missing halves"),
        pytest.param("a=%C3%A9&b=%ff", {"a": "é", "b": "�"}, id="UTF-8, and what is none"),
    ],
)
def test_the_query_is_read_as_on_the_wire(server: Server, query: str, values: dict[str, str]) -> None:
    answer, _ = ask(server, f"GET /test/echo/x?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    import orjson

    assert orjson.loads(answer.body)["query"] == values


@pytest.mark.parametrize(
    ("how", "status"),
    [
        pytest.param("", 500, id="a bug"),
        pytest.param("storage", 500, id="a storage error"),
        pytest.param("disk", 507, id="a full disk"),
        pytest.param("busy", 503, id="too many writes"),
    ],
)
def test_failures_give_nothing_away(server: Server, caplog: pytest.LogCaptureFixture, how: str, status: int) -> None:
    with caplog.at_level(logging.WARNING):
        answer = send(server, "GET", f"/test/fail?how={how}&x=%0a%1b")
    told = answer.json()
    assert (answer.status_code, told["status"], told["data"]) == (status, status, {})
    assert "secret" not in answer.text
    assert answer.headers["X-Request-Id"] in caplog.text
    assert (answer.headers.get("Retry-After") is not None) is (status == 503)


class TestTrustedProxy:
    def test_a_header_counts_only_when_the_administrator_says_so(self, server: Server) -> None:
        headers = {"X-Forwarded-For": "1.2.3.4, 5.6.7.8"}
        assert send(server, "GET", "/test/echo/x", headers=headers).json()["ip"] == "127.0.0.1"

    @pytest.mark.parametrize(
        ("trusted", "headers", "ip"),
        [
            pytest.param({}, {"X-Forwarded-For": "1.2.3.4, 5.6.7.8"}, "5.6.7.8", id="the last address"),
            pytest.param({"useLeftmostIP": True}, {"X-Forwarded-For": "1.2.3.4, 5.6.7.8"}, "1.2.3.4", id="the first"),
            pytest.param({}, {"X-Forwarded-For": "1.2.3.4, junk"}, "1.2.3.4", id="the last that is an address"),
            pytest.param({}, {"X-Forwarded-For": "junk"}, "127.0.0.1", id="no address"),
            pytest.param({}, {"X-Real-IP": "1.2.3.4"}, "127.0.0.1", id="another header"),
            pytest.param({}, {"X-Forwarded-For": "2001:db8::1"}, "2001:db8::1", id="IPv6"),
        ],
    )
    def test_then_the_named_header_counts(
        self, box: App, server: Server, trusted: dict[str, object], headers: dict[str, str], ip: str
    ) -> None:
        update_settings(box, {"trustedProxy": {"headers": ["X-Forwarded-For"], "useLeftmostIP": False, **trusted}})
        try:
            assert send(server, "GET", "/test/echo/x", headers=headers).json()["ip"] == ip
        finally:
            update_settings(box, {"trustedProxy": {"headers": [], "useLeftmostIP": False}})
