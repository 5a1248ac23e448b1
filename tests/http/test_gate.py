"""The strict gate: what each request means, read whole and read byte by byte, and what is refused."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waitress.adjustments import Adjustments

from appliance.http.gate import MAX_HEADER_BYTES, MAX_HEADER_LINES, StrictParser

LIMIT = 1000
HOST = b"Host: box.local\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /x HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass
class Outcome:
    """What became of the bytes: a refusal's status, or a request; and how many bytes were left over."""

    status: int
    parser: StrictParser
    rest: bytes

    @property
    def body(self) -> bytes:
        return self.parser.get_body_stream().read()


def make_parser() -> StrictParser:
    adjustments = Adjustments(sockets=[])
    adjustments.least_body_limit = LIMIT
    adjustments.body_limit_for = lambda _method, path: 10 * LIMIT if path == "/big" else LIMIT
    return StrictParser(adjustments)


def read(data: bytes, step: int = 0) -> Outcome:
    """Feed all of it, or `step` bytes at a time. Status 0: not complete yet; 200: a request."""
    parser = make_parser()
    step = step * 64 if len(data) > 3000 else step  # each part looks through the block again
    while data and not parser.completed:
        part = data[:step] if step else data
        data = data[parser.received(part) :]
    status = 0 if not parser.completed else parser.error.status if parser.error else 200
    return Outcome(status, parser, data)


REFUSED = [
    # start line
    pytest.param(b"GET /\r\n\r\n", 400, id="HTTP/0.9 has no version"),
    pytest.param(b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505, id="HTTP/1.2 does not exist"),
    pytest.param(b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505, id="HTTP/2 does not begin like this"),
    pytest.param(b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 505, id="HTTP/9.9 does not exist"),
    pytest.param(b"GET / HTTP/1.1x\r\n" + HOST + b"\r\n", 400, id="a version with a tail"),
    pytest.param(b"GET / HTTP/11\r\n" + HOST + b"\r\n", 400, id="a version without a dot"),
    pytest.param(b"GET / http/1.1\r\n" + HOST + b"\r\n", 400, id="a lower-case version"),
    pytest.param(b"GET / ICE/1.1\r\n" + HOST + b"\r\n", 400, id="another protocol"),
    pytest.param(b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a lower-case method"),
    pytest.param(b"GE(T / HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a method that is no token"),
    pytest.param(b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="two spaces before the target"),
    pytest.param(b"GET /  HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="two spaces after the target"),
    pytest.param(b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a tab in the start line"),
    pytest.param(b" GET / HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a space before the method"),
    pytest.param(b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", 400, id="a space after the version"),
    pytest.param(b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a space in the target"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, id="a TLS hello"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, id="an HTTP/2 preface"),
    # target
    pytest.param(b"GET x HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a target without a slash"),
    pytest.param(b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an asterisk without OPTIONS"),
    pytest.param(b"CONNECT box.local:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a tunnel"),
    pytest.param(b"GET http://evil.com/ HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an absolute target of another host"),
    pytest.param(b"GET ftp://box.local/ HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an absolute target of ftp"),
    pytest.param(b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a fragment"),
    pytest.param(b"GET /a\\b HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a backslash in the path"),
    pytest.param(b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="raw UTF-8 in the target"),
    pytest.param(b"GET /a\x7f HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="DEL in the target"),
    pytest.param(b"GET /a\x00b HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="NUL in the target"),
    pytest.param(b"GET /a%00b HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an escaped NUL in the path"),
    pytest.param(b"GET /a%0d%0ab HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an escaped line end in the path"),
    pytest.param(b"GET /a%1Fb HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an escaped control character in the path"),
    pytest.param(b"GET /a%7fb HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an escaped DEL in the path"),
    pytest.param(b"GET /a%2fb HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an escaped slash in the path"),
    pytest.param(b"GET /a%5Cb HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an escaped backslash in the path"),
    pytest.param(b"GET /a/%2e%2e/b HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="escaped dots"),
    pytest.param(b"GET /a/%2E./b HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="half escaped dots"),
    pytest.param(b"GET /a/.%2e HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="half escaped dots at the end"),
    pytest.param(b"GET /a/%2e HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an escaped dot segment"),
    pytest.param(b"GET /a%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an escape that is not hex"),
    pytest.param(b"GET /a% HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a lone percent sign"),
    pytest.param(b"GET /a%2 HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a cut escape"),
    # Host
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no Host"),
    pytest.param(b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, id="an empty Host"),
    pytest.param(GET + HOST + b"\r\n", 400, id="the same Host twice"),
    pytest.param(GET + b"hOST: evil.com\r\n\r\n", 400, id="two Hosts"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, id="a list of Hosts"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, id="a space in Host"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, id="a path in Host"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, id="a user in Host"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", 400, id="a port that is no number"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, id="an open bracket in Host"),
    pytest.param(b"GET / HTTP/1.0\r\n" + HOST + HOST + b"\r\n", 400, id="two Hosts on HTTP/1.0"),
    # header lines
    pytest.param(GET + b"X: a\r\n b\r\n\r\n", 400, id="a folded line"),
    pytest.param(GET + b"X: a\r\n\tb\r\n\r\n", 400, id="a line folded with a tab"),
    pytest.param(b"GET / HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n", 400, id="a folded first line"),
    pytest.param(GET + b"X : a\r\n\r\n", 400, id="a space before the colon"),
    pytest.param(GET + b"X\t: a\r\n\r\n", 400, id="a tab before the colon"),
    pytest.param(GET + b"X\r\n\r\n", 400, id="a line without a colon"),
    pytest.param(GET + b": a\r\n\r\n", 400, id="a line without a name"),
    pytest.param(GET + b"X(: a\r\n\r\n", 400, id="a name that is no token"),
    pytest.param(GET + b"X\xc3: a\r\n\r\n", 400, id="a name with UTF-8"),
    pytest.param(GET + b"X: a\x00b\r\n\r\n", 400, id="NUL in a value"),
    pytest.param(GET + b"X: a\x0bb\r\n\r\n", 400, id="a vertical tab in a value"),
    pytest.param(GET + b"X: a\x7f\r\n\r\n", 400, id="DEL in a value"),
    pytest.param(GET + b"X:" + b" " * 15000 + b"\x01\r\n\r\n", 400, id="a control character behind very many spaces"),
    pytest.param(GET + b"X: a" + b" \t" * 7500 + b"\x01\r\n\r\n", 400, id="the same behind a letter"),
    pytest.param(GET + b"X: a\rb\r\n\r\n", 400, id="a bare CR in a value"),
    pytest.param(GET + b"X: a\nY: b\r\n\r\n", 400, id="a bare LF between lines"),
    pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", 400, id="bare LFs only"),
    pytest.param(b"GET / HTTP/1.1\rHost: a\r\r", 400, id="bare CRs only"),
    pytest.param(b"\nGET / HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="a bare LF before the start line"),
    pytest.param(GET + b"Authorization: a\r\nAuthorization: b\r\n\r\n", 400, id="two Authorizations"),
    pytest.param(POST + b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n", 400, id="two Content-Types"),
    pytest.param(GET + b"Expect: something\r\n\r\n", 417, id="an unknown expectation"),
    pytest.param(GET + b"X: a\r\n" * (MAX_HEADER_LINES + 1) + b"\r\n", 431, id="too many lines"),
    pytest.param(GET + b"X: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n", 431, id="too large a block"),
    pytest.param(b"GET /" + b"a" * MAX_HEADER_BYTES, 431, id="a start line that never ends"),
    # lengths
    pytest.param(POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, id="the same length twice"),
    pytest.param(POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, id="two lengths"),
    pytest.param(POST + b"Content-Length: 5, 5\r\n\r\nhello", 400, id="a list of lengths"),
    pytest.param(POST + b"Content-Length: +5\r\n\r\nhello", 400, id="a length with a plus"),
    pytest.param(POST + b"Content-Length: -5\r\n\r\nhello", 400, id="a negative length"),
    pytest.param(POST + b"Content-Length: 0x5\r\n\r\nhello", 400, id="a hexadecimal length"),
    pytest.param(POST + b"Content-Length: 5 5\r\n\r\nhello", 400, id="a length with a space"),
    pytest.param(POST + b"Content-Length: 5;x\r\n\r\nhello", 400, id="a length with a tail"),
    pytest.param(POST + b"Content-Length:\r\n\r\nhello", 400, id="an empty length"),
    pytest.param(POST + b"Content-Length: 1_0\r\n\r\nhello", 400, id="a length with an underscore"),
    pytest.param(POST + b"Content-Length: \xd9\xa5\r\n\r\nhello", 400, id="a length in Arabic digits"),
    pytest.param(POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 400, id="a length beyond counting"),
    pytest.param(POST + b"Content-Length: 1001\r\n\r\n", 413, id="a length over the limit"),
    pytest.param(POST + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n", 413, id="an expected body too large"),
    # transfer codings
    pytest.param(
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="a length and chunks"
    ),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, id="chunks and a length"
    ),
    pytest.param(POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501, id="chunked twice in a list"),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, id="two transfer codings"
    ),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400, id="chunked and identity"
    ),
    pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, id="gzip before chunked"),
    pytest.param(POST + b"Transfer-Encoding: identity\r\n\r\n", 501, id="identity"),
    pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n", 501, id="nearly chunked"),
    pytest.param(POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", 400, id="chunked behind a vertical tab"),
    pytest.param(POST + b"Transfer-Encoding: chunked;a=b\r\n\r\n", 501, id="chunked with a parameter"),
    pytest.param(POST + b"Transfer-Encoding:\r\n\r\n", 501, id="an empty coding"),
    pytest.param(
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, id="chunked with a space before the colon"
    ),
    pytest.param(b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n", 400, id="chunked on HTTP/1.0"),
    # chunks
    pytest.param(CHUNKED + b"x\r\n", 400, id="a size that is not hex"),
    pytest.param(CHUNKED + b"0x5\r\nhello\r\n", 400, id="a size with 0x"),
    pytest.param(CHUNKED + b"-5\r\nhello\r\n", 400, id="a negative size"),
    pytest.param(CHUNKED + b"+5\r\nhello\r\n", 400, id="a size with a plus"),
    pytest.param(CHUNKED + b" 5\r\nhello\r\n", 400, id="a space before the size"),
    pytest.param(CHUNKED + b"5 \r\nhello\r\n", 400, id="a space after the size"),
    pytest.param(CHUNKED + b"5;a=b\r\nhello\r\n", 400, id="a chunk extension"),
    pytest.param(CHUNKED + b"\r\nhello\r\n", 400, id="no size"),
    pytest.param(CHUNKED + b"5\nhello\r\n0\r\n\r\n", 400, id="a bare LF after the size"),
    pytest.param(CHUNKED + b"5\r\nhello0\r\n\r\n", 400, id="a chunk without its end"),
    pytest.param(CHUNKED + b"5\r\nhello\n0\r\n\r\n", 400, id="a chunk that ends in a bare LF"),
    pytest.param(CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", 400, id="a chunk longer than its size"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n\r\n0\r\n\r\n", 400, id="an empty line between chunks"),
    pytest.param(CHUNKED + b"f" * 20 + b"\r\n", 400, id="a size beyond counting"),
    pytest.param(CHUNKED + b"1" * 40, 400, id="a size line that never ends"),
    pytest.param(CHUNKED + b"0\r\nX : y\r\n\r\n", 400, id="a trailer with a space before the colon"),
    pytest.param(CHUNKED + b"0\r\nGET / HTTP/1.1\r\n\r\n", 400, id="a request in the trailer"),
    pytest.param(CHUNKED + b"0\r\nX: " + b"a" * 5000, 400, id="a trailer that never ends"),
    pytest.param(CHUNKED + b"0\r\n" + b"X: aaaaaaaa\r\n" * 500, 400, id="trailers without end"),
    pytest.param(CHUNKED + b"3e9\r\n" + b"a" * 1001 + b"\r\n", 413, id="a chunked body over the limit"),
    pytest.param(CHUNKED + (b"64\r\n" + b"a" * 100 + b"\r\n") * 11, 413, id="many chunks over the limit"),
]


@pytest.mark.parametrize("step", [0, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize(("data", "status"), REFUSED)
def test_refuses(data: bytes, status: int, step: int) -> None:
    outcome = read(data, step)
    assert outcome.status == status
    assert outcome.parser.connection_close
    assert not outcome.parser.expect_continue


ACCEPTED = [
    pytest.param(GET + b"\r\n", "/", b"", id="the smallest request"),
    pytest.param(b"\r\n" + GET + b"\r\n", "/", b"", id="an empty line before it"),
    pytest.param(b"GET / HTTP/1.0\r\n\r\n", "/", b"", id="HTTP/1.0 without Host"),
    pytest.param(b"GET http://box.local/x HTTP/1.1\r\n" + HOST + b"\r\n", "/x", b"", id="an absolute target"),
    pytest.param(b"GET HTTP://BOX.local HTTP/1.1\r\n" + HOST + b"\r\n", "/", b"", id="an absolute target, no path"),
    pytest.param(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", "/", b"", id="OPTIONS of the server"),
    pytest.param(b"GET /a%20b HTTP/1.1\r\n" + HOST + b"\r\n", "/a b", b"", id="an escaped space"),
    pytest.param(b"GET /a%C3%A9 HTTP/1.1\r\n" + HOST + b"\r\n", "/a\xc3\xa9", b"", id="escaped UTF-8"),
    pytest.param(b"GET /a%2eb HTTP/1.1\r\n" + HOST + b"\r\n", "/a.b", b"", id="an escaped dot within a name"),
    pytest.param(b"GET /x/..y HTTP/1.1\r\n" + HOST + b"\r\n", "/x/..y", b"", id="dots at the start of a name"),
    pytest.param(b"GET /?a=%00%zz\\ HTTP/1.1\r\n" + HOST + b"\r\n", "/", b"", id="anything in the query"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: [::1]:8090\r\n\r\n", "/", b"", id="an IPv6 Host with a port"),
    pytest.param(b"GET / HTTP/1.1\r\nhOsT:box\r\n\r\n", "/", b"", id="a Host without a space"),
    pytest.param(GET + b"X: \xc3\xa9\r\n\r\n", "/", b"", id="UTF-8 in a value"),
    pytest.param(GET + b"X:\t a\tb \t\r\n\r\n", "/", b"", id="tabs around and in a value"),
    pytest.param(GET + b"X:\r\n\r\n", "/", b"", id="an empty value"),
    pytest.param(GET + b"X: a\r\n" * (MAX_HEADER_LINES - 1) + b"\r\n", "/", b"", id="as many lines as may be"),
    pytest.param(POST + b"Content-Length: 5\r\n\r\nhello", "/x", b"hello", id="a body with its length"),
    pytest.param(POST + b"Content-Length: 05\r\n\r\nhello", "/x", b"hello", id="a length with a leading zero"),
    pytest.param(POST + b"Content-Length: 0\r\n\r\n", "/x", b"", id="a body of nothing"),
    pytest.param(POST + b"\r\n", "/x", b"", id="a POST without a length"),
    pytest.param(POST + b"Content-Length: 1000\r\n\r\n" + b"a" * 1000, "/x", b"a" * 1000, id="a body at the limit"),
    pytest.param(
        b"POST /big HTTP/1.1\r\n" + HOST + b"Content-Length: 2000\r\n\r\n" + b"a" * 2000,
        "/big",
        b"a" * 2000,
        id="a larger body where the route allows it",
    ),
    pytest.param(CHUNKED + b"0\r\n\r\n", "/x", b"", id="no chunk"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", "/x", b"hello", id="one chunk"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n06\r\n world\r\n000\r\n\r\n", "/x", b"hello world", id="two chunks"),
    pytest.param(CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", "/x", b"0123456789", id="an upper-case size"),
    pytest.param(CHUNKED + b"2\r\n\r\n\r\n0\r\n\r\n", "/x", b"\r\n", id="a chunk that is a line end"),
    pytest.param(CHUNKED + b"1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n", "/x", b"a", id="trailers, forgotten"),
    pytest.param(POST + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", "/x", b"", id="chunked in another case"),
]


@pytest.mark.parametrize("step", [0, 1, 7], ids=["whole", "byte by byte", "in sevens"])
@pytest.mark.parametrize(("data", "path", "body"), ACCEPTED)
def test_accepts(data: bytes, path: str, body: bytes, step: int) -> None:
    outcome = read(data, step)
    assert outcome.status == 200
    assert (outcome.parser.path, outcome.body) == (path, body)
    assert outcome.rest == b""


@pytest.mark.parametrize(("data", "path", "body"), ACCEPTED)
def test_leaves_what_follows_to_the_next_request(data: bytes, path: str, body: bytes) -> None:
    follower = b"GET /next HTTP/1.1\r\n"
    assert read(data + follower).rest == follower


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GET, id="a header block without its end"),
        pytest.param(POST + b"Content-Length: 5\r\n\r\nhell", id="a body short by one"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n", id="chunks without the last one"),
        pytest.param(CHUNKED + b"0\r\n", id="a trailer without its end"),
        pytest.param(b"\r\n\r\n\r\n", id="empty lines only"),
    ],
)
def test_waits_for_the_rest_of(data: bytes) -> None:
    assert read(data).status == 0


def test_forgets_empty_lines_before_a_request() -> None:
    parser = make_parser()
    for _ in range(1000):
        parser.received(b"\r\n" * 100)
    assert len(parser.header_plus) <= 200


def test_a_dripped_block_costs_by_its_length_and_not_by_its_square() -> None:
    def cost(length: int) -> float:
        parser, block = make_parser(), GET + b"X: " + b"a" * length
        began = time.thread_time()
        for place in range(len(block)):
            parser.received(block[place : place + 1])
        return time.thread_time() - began

    assert cost(16_000) < 12 * cost(4_000)  # by its square it is 16 times as much


def test_drops_names_that_could_pass_for_others() -> None:
    parser = read(GET + b"X_Forwarded_For: 6.6.6.6\r\nContent_Length: 3\r\nX-A: 1\r\n\r\n").parser
    assert "X_FORWARDED_FOR" not in parser.headers
    assert parser.headers["X_A"] == "1"
    assert parser.content_length == 0


def test_joins_lists_that_came_in_several_lines() -> None:
    assert read(GET + b"X-A: 1\r\nx-a: 2\r\n\r\n").parser.headers["X_A"] == "1, 2"


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        pytest.param(GET, False, id="HTTP/1.1 stays open"),
        pytest.param(GET + b"Connection: close\r\n", True, id="close"),
        pytest.param(GET + b"Connection: TE, Close\r\n", True, id="close in a list"),
        pytest.param(b"GET / HTTP/1.0\r\n", True, id="HTTP/1.0 closes"),
        pytest.param(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", False, id="HTTP/1.0 with keep-alive"),
    ],
)
def test_connection(head: bytes, closes: bool) -> None:
    assert read(head + b"\r\n").parser.connection_close is closes


def test_asks_for_a_body_only_when_there_is_one() -> None:
    assert read(POST + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n").parser.expect_continue
    assert not read(POST + b"Expect: 100-continue\r\n\r\n").parser.expect_continue


@settings(max_examples=300)
@given(st.binary(max_size=300), st.integers(0, 3))
def test_whatever_comes_is_a_request_a_refusal_or_not_complete(noise: bytes, start: int) -> None:
    beginnings = (b"", GET, CHUNKED, POST + b"Content-Length: 9\r\n")
    whole, dripped = read(beginnings[start] + noise), read(beginnings[start] + noise, 1)
    assert (whole.status, whole.rest) == (dripped.status, dripped.rest) or whole.status != 200
    assert (whole.status == 200) == (dripped.status == 200)
