"""Header blocks: what both lanes make of the same one, what is remembered, and that the short way reads as the long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.http import gate
from appliance.http.headers import BLOCK_BYTES, HARMLESS, SINGLE, read_header_block, read_headers
from tests.http.test_gate import make_parser

NAMES = st.sampled_from(
    [b"Accept", b"authorization", b"Content-Type", b"X-One", b"x_two", b"Origin", b"X-ONE", b"Cookie", b"Connection"]
)
VALUES = st.sampled_from([b"", b"a", b"a, b", b"Bearer abc", b"keep-alive", b"\xc3\xa9", b" spaced "])
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=6, unique_by=lambda line: line[0].lower())
TARGET_LETTERS = b"abzAZ019/._~-?=&%25#\\!'()*+,:;@[]\"$ "


@given(LINES)
def test_handlers_get_the_same_headers_in_both_lanes(lines: list[tuple[bytes, bytes]]) -> None:
    block = read_header_block(b"\r\n".join(name + b": " + value for name, value in [(b"Host", b"a"), *lines]))
    environ = {
        name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}": value
        for name, value in block.wsgi.items()
    }
    assert read_headers(environ) == block.sent


def test_a_block_is_read_once() -> None:
    lines = b"Host: a\r\nX-Once: b"
    assert read_header_block(lines) is read_header_block(bytes(bytearray(lines)))


def test_a_large_block_is_not_remembered() -> None:
    lines = b"Host: a\r\nX-Large: " + b"b" * BLOCK_BYTES
    assert read_header_block(lines) is not read_header_block(lines)
    assert read_header_block(lines) == read_header_block(lines)


def test_chunks_leave_a_remembered_block_as_it_is() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    for size in (b"1\r\na\r\n0\r\n\r\n", b"2\r\nab\r\n0\r\n\r\n"):
        parser = make_parser()
        parser.received(head + size)
        parser.received(size)
        assert parser.headers["CONTENT_LENGTH"] == size[:1].decode()
        assert "CONTENT_LENGTH" not in parser.block.wsgi


@pytest.mark.parametrize(
    ("lines", "is_plain"),
    [
        pytest.param(b"Host: a\r\nAccept: */*\r\nUser-Agent: b", True, id="what programs send"),
        pytest.param(b"Host: a\r\nConnection: keep-alive", True, id="keep-alive"),
        pytest.param(b"Host: a\r\nConnection: Keep-Alive, close", False, id="a last request"),
        pytest.param(b"Host: a\r\nConnection: upgrade\r\nUpgrade: h2c", False, id="an upgrade"),
        pytest.param(b"Host: a\r\nExpect: 100-continue", False, id="an expectation"),
        pytest.param(b"Host: a\r\nTransfer-Encoding: chunked", False, id="chunks"),
        pytest.param(b"Host: a\r\nRange: bytes=0-1", False, id="a range"),
        pytest.param(b"Host: a\r\nIf-None-Match: x", False, id="a condition"),
        pytest.param(b"Host: a\r\nX-Unknown: b", False, id="an unknown header"),
        pytest.param(b"Host: a\r\nuser_agent: b", False, id="an underscore"),
    ],
)
def test_the_lane_takes_only_what_it_knows(lines: bytes, is_plain: bool) -> None:
    assert read_header_block(lines).is_plain is is_plain


def test_nothing_that_changes_how_a_request_is_read_is_harmless() -> None:
    dangerous = SINGLE - HARMLESS
    assert dangerous == {b"transfer-encoding", b"expect"}


@given(st.lists(st.sampled_from([bytes([letter]) for letter in TARGET_LETTERS]), max_size=12))
def test_a_plain_start_line_means_what_the_rules_say(letters: list[bytes]) -> None:
    line = b"GET /" + b"".join(letters) + b" HTTP/1.1"
    plain = gate.PLAIN_START_LINE.fullmatch(line.decode("latin-1"))
    if plain is None:
        return
    method, target, version = gate.read_start_line(line)
    parser = make_parser()
    parser._set_target(method, gate.require_target(method, target, b"a"))
    assert version == "1.1"
    assert plain.groups("") == (parser.command, parser.request_uri, parser.path, parser.query)
