"""HTTPS in process: real handshakes, large transfers, streams, hostile clients, certificates that change."""

from __future__ import annotations

import datetime
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.api.request import Request, Response
from appliance.auth.superusers import create_superuser
from appliance.core.app import App
from appliance.errors import ConfigError
from appliance.http import handshakes
from appliance.http.certificates import Certificate
from appliance.http.routes import Route
from appliance.http.server import Server
from tests.boxes import PASSWORD, open_box
from tests.engines import run_script
from tests.http.servers import Reader, serve
from tests.oracle import EMAIL, run_ours, start_ours

HOST = b"Host: localhost\r\n"
HEALTH = b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n"
DAY = datetime.timedelta(days=1)


def make_pair(folder: Path, name: str = "box", days: tuple[int, int] = (-1, 30)) -> tuple[Path, Path]:
    """A self-signed certificate for localhost and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(unlocked(key))
    return paths


def unlocked(key: Any, passphrase: bytes = b"") -> bytes:
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return pem


# ---- the files


def test_a_good_pair_is_taken(tmp_path: Path) -> None:
    context = Certificate(*make_pair(tmp_path)).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert {each["aead"] for each in context.get_ciphers()} == {True}


def missing(folder: Path) -> tuple[Path, Path]:
    return folder / "nothing.crt", make_pair(folder)[1]


def key_of_another(folder: Path) -> tuple[Path, Path]:
    return make_pair(folder, "one")[0], make_pair(folder, "two")[1]


def text(folder: Path) -> tuple[Path, Path]:
    pair = make_pair(folder)
    pair[0].write_text("this is no certificate")
    return pair


def locked_key(folder: Path) -> tuple[Path, Path]:
    pair = make_pair(folder)
    key = serialization.load_pem_private_key(pair[1].read_bytes(), None)
    pair[1].write_bytes(unlocked(key, b"secret"))
    return pair


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(missing, "No such file", id="a file is missing"),
        pytest.param(key_of_another, "does not belong", id="the key of another certificate"),
        pytest.param(text, "PEM", id="no certificate"),
        pytest.param(locked_key, "passphrase", id="a locked key"),
        pytest.param(lambda folder: make_pair(folder, days=(-9, -2)), "has expired on", id="expired"),
        pytest.param(lambda folder: make_pair(folder, days=(2, 9)), "is valid from", id="not yet valid"),
    ],
)
def test_a_bad_pair_is_refused_with_its_reason(tmp_path: Path, make: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        Certificate(*make(tmp_path))
    assert refused.value.hint


@pytest.mark.parametrize("flag", ["--tls-cert", "--tls-key"])
def test_one_file_alone_is_a_mistake(tmp_path: Path, flag: str) -> None:
    done = run_ours("serve", "--dir", str(tmp_path), flag, str(tmp_path / "a.pem"), check=False)
    assert (done.returncode, "belong together" in done.stderr) == (3, True)


def test_changed_files_are_taken_up_and_bad_ones_are_not(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    certificate = Certificate(*pair)
    first = certificate.context
    certificate.refresh()
    assert certificate.context is first
    other = make_pair(tmp_path, "new")
    shutil.copy(other[0], pair[0])
    certificate.refresh()
    assert certificate.context is first
    shutil.copy(other[1], pair[1])
    certificate.refresh()
    assert certificate.context is not first


# ---- connections


def count(request: Request) -> Response:
    return Response({"size": sum(each.size for listed in request.files.values() for each in listed)})


MORE = (
    Route("GET", "/test/large", lambda request: Response(b"x" * int(request.query["size"]))),
    Route("POST", "/test/count", count, body_limit=1 << 30),
    Route("GET", "/test/scheme", lambda request: Response({"scheme": request.scheme})),
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("tls")) as app:
        create_superuser(app, EMAIL, PASSWORD)
        yield app


@pytest.fixture(scope="module")
def server(box: App, pair: tuple[Path, Path]) -> Iterator[Server]:
    with serve(box, MORE, Certificate(*pair)) as running:
        yield running


def trusting(pair: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pair[0]))


@contextmanager
def connected(
    server: Server, pair: tuple[Path, Path], context: ssl.SSLContext | None = None, session: Any = None
) -> Iterator[ssl.SSLSocket]:
    plain = socket.create_connection(server.address, timeout=10)
    context = context or trusting(pair)
    with context.wrap_socket(plain, server_hostname="localhost", session=session) as sock:
        yield sock


def test_one_connection_takes_many_requests(server: Server, pair: tuple[Path, Path]) -> None:
    with connected(server, pair) as sock:
        reader = Reader(sock)
        for _ in range(50):
            sock.sendall(HEALTH)
            assert reader.answer().status == 200


def test_pipelined_requests_in_one_record_and_byte_by_byte(server: Server, pair: tuple[Path, Path]) -> None:
    with connected(server, pair) as sock:
        reader = Reader(sock)
        sock.sendall(HEALTH * 100)
        assert {reader.answer().status for _ in range(100)} == {200}
        for place in range(len(HEALTH)):
            sock.sendall(HEALTH[place : place + 1])
        assert reader.answer().status == 200


def test_a_request_knows_that_it_came_by_https(server: Server, pair: tuple[Path, Path]) -> None:
    with connected(server, pair) as sock:
        sock.sendall(b"GET /test/scheme HTTP/1.1\r\n" + HOST + b"\r\n")
        assert orjson.loads(Reader(sock).answer().body) == {"scheme": "https"}


def test_a_large_answer_reaches_a_slow_reader_whole(server: Server, pair: tuple[Path, Path]) -> None:
    with connected(server, pair) as sock:
        sock.sendall(b"GET /test/large?size=30000000 HTTP/1.1\r\n" + HOST + b"\r\n" + HEALTH)
        reader = Reader(sock)
        time.sleep(0.3)
        assert len(reader.answer().body) == 30_000_000
        assert reader.answer().status == 200


def test_a_large_upload_arrives_whole(server: Server, pair: tuple[Path, Path]) -> None:
    content = b"0123456789" * 2_000_000
    edge = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
    body = edge + content + b"\r\n--b--\r\n"
    head = b"POST /test/count HTTP/1.1\r\n" + HOST + b"Content-Type: multipart/form-data; boundary=b\r\n"
    with connected(server, pair) as sock:
        sock.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert orjson.loads(Reader(sock).answer().body) == {"size": len(content)}


def test_the_end_is_said(server: Server, pair: tuple[Path, Path]) -> None:
    """Without close_notify a client can't tell an end from an attacker's cut: OpenSSL raises SSLEOFError then."""
    context = trusting(pair)
    plain = socket.create_connection(server.address, timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as sock:
        sock.sendall(b"GET /api/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        reader = Reader(sock)
        assert reader.answer().status == 200
        assert sock.recv(1) == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda each: each.name)
def test_a_returning_client_skips_half_the_handshake(
    server: Server, pair: tuple[Path, Path], version: ssl.TLSVersion
) -> None:
    context = trusting(pair)
    context.minimum_version = context.maximum_version = version
    with connected(server, pair, context) as sock:
        sock.sendall(HEALTH)
        Reader(sock).answer()  # with TLS 1.3 the ticket comes behind the handshake
        session = sock.session
    with connected(server, pair, context, session) as sock:
        sock.sendall(HEALTH)
        assert Reader(sock).answer().status == 200
        assert sock.session_reused


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_are_refused(server: Server, pair: tuple[Path, Path]) -> None:
    context = trusting(pair)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(OSError), connected(server, pair, context):
        pass


def test_plain_http_is_told_where_it_is(server: Server) -> None:
    with socket.create_connection(server.address, timeout=5) as sock:
        sock.sendall(HEALTH)
        answer = Reader(sock).answer()
        assert (answer.status, b"https://" in answer.body) == (400, True)
        assert sock.recv(1) == b""


def test_clients_that_say_nothing_keep_nobody_from_a_handshake(server: Server, pair: tuple[Path, Path]) -> None:
    silent = [socket.create_connection(server.address) for _ in range(100)]
    for sock in silent[::2]:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")  # half of a greeting
    with connected(server, pair) as sock:
        sock.sendall(HEALTH)
        assert Reader(sock).answer().status == 200
    for each in silent:
        each.close()


def test_a_handshake_that_takes_too_long_is_dropped(
    server: Server, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshakes, "SECONDS", 0.1)
    monkeypatch.setattr(handshakes, "CHECK_SECONDS", 0.1)
    with socket.create_connection(server.address, timeout=5) as sock:
        assert sock.recv(1) == b""


def test_garbage_harms_nobody(server: Server, pair: tuple[Path, Path]) -> None:
    for greeting in (b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"a" * 70000, b"\x80\x2e\x01\x00\x02", b"SSH-2.0-x\r\n"):
        with socket.create_connection(server.address, timeout=5) as sock:
            sock.sendall(greeting)
    with connected(server, pair) as sock:
        sock.sendall(HEALTH)
        assert Reader(sock).answer().status == 200


def test_many_connections_at_once(server: Server, pair: tuple[Path, Path]) -> None:
    told: list[int] = []
    context = trusting(pair)

    def ask() -> None:
        with connected(server, pair, context) as sock:
            reader = Reader(sock)
            for _ in range(3):
                sock.sendall(b"GET /test/large?size=200000 HTTP/1.1\r\n" + HOST + b"\r\n")
                told.append(len(reader.answer().body))

    threads = [threading.Thread(target=ask) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [200_000] * 180
    end = time.monotonic() + 5
    while server.listener.active_channels and time.monotonic() < end:
        time.sleep(0.02)
    assert not server.listener.active_channels


def test_events_come_over_tls(server: Server, box: App, pair: tuple[Path, Path]) -> None:
    with connected(server, pair) as sock:
        sock.sendall(b"GET /api/realtime HTTP/1.1\r\n" + HOST + b"\r\n")
        reader = Reader(sock)
        assert reader.head().headers["content-type"] == "text/event-stream"
        data = reader.until(b"\n\n").split(b"data:")[1]
        client_id = orjson.loads(data)["clientId"]
        body = orjson.dumps({"clientId": client_id, "subscriptions": ["news"]})
        with connected(server, pair) as other:
            head = b"POST /api/realtime HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
            other.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert Reader(other).answer().status == 204
        box.realtime.send("news", "x" * 200_000)
        assert b'"' + b"x" * 200_000 + b'"' in b"".join(reader.until(b"\n\n").split(b"\r\n")[1:])


def test_stopping_answers_what_is_under_way(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    with open_box(tmp_path) as app:
        create_superuser(app, EMAIL, PASSWORD)
        with serve(app, MORE, Certificate(*pair)) as server, connected(server, pair) as sock:
            sock.sendall(b"GET /test/large?size=12000000 HTTP/1.1\r\n" + HOST + b"\r\n")
            reader = Reader(sock)
            head = reader.head()
            thread = threading.Thread(target=server.stop)
            thread.start()
            assert len(reader.exactly(int(head.headers["content-length"]))) == 12_000_000
            assert reader.is_at_end()
            thread.join()


def test_silent_clients_do_not_hold_a_stop_up(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    with (
        open_box(tmp_path) as app,
        serve(app, MORE, Certificate(*pair)) as server,
        socket.create_connection(server.address, timeout=5) as sock,
    ):
        while not server.listener.handshakes:
            time.sleep(0.01)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 4, "a stop waits five seconds for what is unfinished"
        assert sock.recv(1) == b""


# ---- the program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, pair: tuple[Path, Path]) -> Iterator[str]:
    """Our server as a user starts it with TLS; its address."""
    options = ("--tls-cert", str(pair[0]), "--tls-key", str(pair[1]))
    server = start_ours(tmp_path_factory.mktemp("program"), options=options)
    yield server.url.replace("127.0.0.1", "localhost")
    server.stop()


def test_openssl_shakes_hands(program: str, pair: tuple[Path, Path]) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    address = program.removeprefix("https://")
    command = ["openssl", "s_client", "-connect", address, "-CAfile", str(pair[0]), "-verify_return_error", "-quiet"]
    done = subprocess.run(
        command, input=HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), capture_output=True, timeout=20
    )
    assert b"API is healthy." in done.stdout, done.stderr


def test_the_sdk_walks_its_whole_round(program: str, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(pair[0]))
    done = run_script("sdk_round.mjs", program, EMAIL, "root-password")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_the_dashboards_cookie_is_secure(program: str, pair: tuple[Path, Path]) -> None:
    with httpx.Client(base_url=program, verify=trusting(pair)) as client:
        answer = client.post("/_/login", data={"email": EMAIL, "password": "root-password"})
    assert (answer.status_code, "Secure" in answer.headers["set-cookie"]) == (302, True)
