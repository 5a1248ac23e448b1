"""Whatever bytes come, in whatever pieces: the loop goes on, no connection hangs, and the next client is answered.

HOMEPORT_TEST_EXAMPLES=5000 makes a long run of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.http import channel as channels
from appliance.http.gate import StrictParser
from appliance.http.server import Server
from tests.faults.crowd import answered, becomes_true
from tests.http.raw_cases import connected, expand, read_table

TITLE = "0" * 20
PARTS = [
    b"GET ", b"POST ", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b":", b"%", b"\x00", b"\xff",
    b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
    b"Upgrade: websocket\r\n", b"Range: bytes=0-1\r\n", b"0", b"1f", b"20", b"-1", b"{", b"[]", b"?filter=(a=1)",
    *(expand(f"<{word}>", TITLE) for word in ("HOST", "GET", "VIEW", "POST", "NOTE", "CHUNKED", "CREATE")),
]  # fmt: skip
REQUESTS = [expand(case.send, TITLE)[:2000] for case in read_table()]
EXAMPLES = int(os.environ.get("HOMEPORT_TEST_EXAMPLES", "100"))
SECONDS = 8  # a connection must have been closed by then; it is left alone for two of them at most


def splice(parts: list[bytes], cut: int, noise: bytes) -> bytes:
    """One of the table's requests with something else in its middle."""
    whole = b"".join(parts)
    place = cut % (len(whole) + 1)
    return whole[:place] + noise + whole[place:]


GARBAGE = st.one_of(
    st.binary(max_size=400),
    st.lists(st.sampled_from(PARTS), max_size=25).map(b"".join),
    st.builds(
        splice, st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=3), st.integers(0), st.binary(max_size=4)
    ),
)


class Errors(logging.Handler):
    """What the server has logged as its own failure."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def errors() -> Iterator[list[str]]:
    handler = Errors()
    logging.getLogger().addHandler(handler)
    yield handler.lines
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def impatient(door: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server with limits that fit a test."""
    for limit in ("HEAD_SECONDS", "BODY_SECONDS", "IDLE_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(channels, limit, 0.1)
    return door


def throw(door: Server, pieces: list[bytes], takes_answers: bool = True) -> None:
    """Send all of it, and wait for the end if answers are taken."""
    with connected(door.address, SECONDS) as sock, suppress(ConnectionError):  # refused, which is right
        for piece in pieces:
            sock.sendall(piece)
        while takes_answers and sock.recv(65536):
            pass


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(GARBAGE, min_size=1, max_size=6), st.booleans())
def test_whatever_comes(impatient: Server, errors: list[str], pieces: list[bytes], takes_answers: bool) -> None:
    throw(impatient, pieces, takes_answers)
    assert answered(impatient.address, 1) == 1
    assert errors == []


def test_after_all_that_nothing_is_left(impatient: Server) -> None:
    assert becomes_true(lambda: not impatient.listener.active_channels, seconds=SECONDS)
    assert not impatient.loop.running


def test_a_parser_that_fails_is_noticed(impatient: Server, errors: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StrictParser, "received", lambda _self, data: data.index(b"no such bytes"))
    throw(impatient, [b"GET / HTTP/1.1\r\n"])
    assert len(errors) == 1
