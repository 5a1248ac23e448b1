"""The strict gate: RFC 9112 by the letter. Whatever two readers could understand differently is 400 and close.

Threat: a proxy and we read one stream of bytes as different requests (smuggling), or a path, name or length is
read differently by two parts of this process. waitress 3.0.2 is lenient in each of these; this parser stands in its
place, takes no header it can't place, and gives waitress only what is unambiguous:

    start line      METHOD SP target SP HTTP/1.0|1.1, visible ASCII, one CRLF; `/path?query` or an absolute form
                    that names the same host; `*` for OPTIONS
    path            every `%` followed by two hex digits; no encoded control character, slash, backslash, `.` or `..`
    header lines    token ":" value; no folding, no bare CR, LF or NUL; 100 lines and 16 KiB in all
    Host            exactly one (HTTP/1.0: at most one), a name or address with an optional port
    length          one Content-Length of digits, or one `Transfer-Encoding: chunked` on 1.1, never both

Sources: RFC 9112 sections 2.2, 3, 5, 6, 7; RFC 9110 sections 5.5, 7.2, 8.6, 10.1.1. Limits: architecture.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver

from appliance.http.chunks import StrictChunkedReceiver
from appliance.http.headers import MAX_HEADER_LINES, NOT_READ, TOKEN, HeaderBlock, read_header_block, too_many
from appliance.http.refusal import Refusal

MAX_HEADER_BYTES: Final = 16 * 1024
NO_LIMIT: Final = 1 << 62

START_LINE = re.compile(rb"(?P<method>" + TOKEN + rb") (?P<target>[\x21-\x7e]+) HTTP/(?P<version>[0-9]\.[0-9])")
# What nearly everybody sends. The rules below would let it pass as it is; asking them takes four times as long.
PLAIN_START_LINE = re.compile(r"([A-Z]+) ((/[A-Za-z0-9_.~/-]*)(?:\?([!\"$-~]*))?) HTTP/1\.1")
ABSOLUTE_FORM = re.compile(rb"https?://(?P<host>[^/?#]*)(?P<rest>.*)", re.IGNORECASE)
BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")  # a CR at the very end may be half of a CRLF
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
FORBIDDEN_ESCAPE = re.compile(rb"%(?:[01][0-9A-F]|7F|2F|5C)", re.IGNORECASE)
ESCAPED_DOTS = re.compile(rb"/(?=[^/]*%)(?:\.|%2E){1,2}(?:/|\Z)", re.IGNORECASE)


class StrictParser(HTTPRequestParser):  # type: ignore[misc]
    """One request on its way in. Fills the attributes that waitress's channel and task read (see waitress_names.py)."""

    version: str
    header_plus: bytes
    body_rcv: Any
    error: Refusal | None
    block: HeaderBlock = NOT_READ
    left: Callable[[], bytes] | None = None  # what the express lane has left for a worker: the whole answer
    body_limit = NO_LIMIT
    fragment = proxy_scheme = proxy_netloc = ""

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.url_scheme: str = adj.url_scheme

    def received(self, data: bytes) -> int:
        """Take bytes of this request; the number consumed. Sets `completed`, and `error` when it is refused."""
        if self.completed:
            return 0
        try:
            return self._receive_head(data) if self.body_rcv is None else self._receive_body(data)
        except Refusal as refusal:
            self._refuse(refusal)
            return len(data)

    def _refuse(self, refusal: Refusal) -> None:
        """End the request with this error. Nothing after it on this connection is read."""
        self.error = refusal
        self.completed = True
        self.headers_finished = True
        self.expect_continue = False
        self.connection_close = True
        self.version = self.version if self.version == "1.0" and self.block is not NOT_READ else "1.1"
        for name, value in (("path", ""), ("command", "GET"), ("query", ""), ("request_uri", "")):
            self.__dict__.setdefault(name, value)

    def _receive_head(self, data: bytes) -> int:
        fresh = max(len(self.header_plus) - 3, 0)  # an end may have begun in what is held; before it all is checked
        block = self.header_plus + data
        start = _skip_empty_lines(block) if block.startswith(b"\r") else 0
        end = block.find(b"\r\n\r\n", max(start, fresh))
        if end < 0:
            self.header_plus = block[start:]
            _check_beginning(self.header_plus, max(fresh - start, 0))
            return len(data)
        if end + 4 - start > MAX_HEADER_BYTES:
            raise too_many()
        self.header_plus = b""
        self.parse_header(block[start:end])
        self.headers_finished = True
        self.completed = self.body_rcv is None
        return len(data) - (len(block) - (end + 4))

    def _receive_body(self, data: bytes) -> int:
        consumed: int = self.body_rcv.received(data)
        self.body_bytes_received += consumed
        if self.body_rcv.error is not None:
            raise self.body_rcv.error
        if self.chunked and self.body_rcv.size > self.body_limit:
            raise too_large()
        if self.body_rcv.completed:
            self.completed = True
            if self.chunked:
                self.headers["CONTENT_LENGTH"] = str(len(self.body_rcv))
        return consumed

    def parse_header(self, block: bytes) -> None:
        """Read start line and header lines. Raises Refusal."""
        self.first_line, _, lines = block.partition(b"\r\n")
        plain = PLAIN_START_LINE.fullmatch(self.first_line.decode("latin-1"))
        if plain is not None:
            self.version = "1.1"
            self._set_headers(read_header_block(lines))
            self.command, self.request_uri, self.path, self.query = plain.groups("")
        else:
            method, target, self.version = read_start_line(self.first_line)
            self._set_headers(read_header_block(lines))
            self._set_target(method, require_target(method, target, self.block.host or b""))
        if self.block.is_chunked or self.block.length:
            self._set_body(self.block)

    def _set_headers(self, headers: HeaderBlock) -> None:
        if headers.host is None and self.version == "1.1":
            raise Refusal("The Host header is missing.")
        if headers.is_chunked and self.version == "1.0":
            raise Refusal("Transfer-Encoding stands on HTTP/1.0.")
        self.block = headers
        self.headers = headers.wsgi
        self.connection_close = not headers.may_stay_open(self.version)

    def _set_target(self, method: bytes, target: bytes) -> None:
        self.command = method.decode("ascii")
        self.request_uri = target.decode("ascii")
        path, _, self.query = self.request_uri.partition("?")
        self.path = unquote_to_bytes(path).decode("latin-1") if "%" in path else path

    def _set_body(self, headers: HeaderBlock) -> None:
        self.chunked = headers.is_chunked
        self.expect_continue = headers.is_expecting and self.version == "1.1"
        if self.chunked or headers.length > self.adj.least_body_limit:
            self.body_limit = self.adj.body_limit_for(self.command, self.path)
        if headers.length > self.body_limit:
            raise too_large()
        self.content_length = headers.length
        buffer = OverflowableBuffer(self.adj.inbuf_overflow)
        if self.chunked:
            self.body_rcv = StrictChunkedReceiver(buffer)
            self.headers = {name: value for name, value in headers.wsgi.items() if name != "TRANSFER_ENCODING"}
        else:
            self.body_rcv = FixedStreamReceiver(headers.length, buffer)


def too_large() -> Refusal:
    """413 in the wire's words."""
    return Refusal("Request entity too large.", 413)


def _skip_empty_lines(block: bytes) -> int:
    """Where the start line begins: CRLFs before it are skipped (RFC 9112 2.2), nothing else is."""
    start = 0
    while block.startswith(b"\r\n", start):
        start += 2
    return start


def _check_beginning(block: bytes, fresh: int) -> None:
    """Refuse early, before all of a hostile block has arrived. Line ends are looked for from `fresh` on: each byte
    once, or a client that sends one at a time makes 16 KiB cost five seconds of the loop."""
    if len(block) > MAX_HEADER_BYTES or block.count(b"\n") > MAX_HEADER_LINES + 2:
        raise too_many()
    if BARE_LINE_END.search(block, fresh):
        raise Refusal("A line of the header block does not end in CRLF.")


def read_start_line(line: bytes) -> tuple[bytes, bytes, str]:
    """Method, target and version. Raises Refusal."""
    found = START_LINE.fullmatch(line)
    if found is None:
        raise Refusal("The start line is not METHOD target HTTP/1.1.")
    method, target, version = found.groups()
    if version not in (b"1.1", b"1.0"):
        raise Refusal("This server speaks HTTP/1.1 and HTTP/1.0.", 505)
    if not method.isupper() and method != method.upper():
        raise Refusal("The method is not upper case.")
    return method, target, "1.1" if version == b"1.1" else "1.0"


def require_target(method: bytes, target: bytes, host: bytes) -> bytes:
    """The target in origin form. Raises Refusal for every other form but `OPTIONS *`."""
    if not target.startswith(b"/"):
        target = _origin_form(method, target, host)
    path = target.partition(b"?")[0]
    if b"#" in target or b"\\" in path:
        raise Refusal("The target is not a path.")
    if b"%" in path and (BAD_ESCAPE.search(path) or FORBIDDEN_ESCAPE.search(path) or ESCAPED_DOTS.search(path)):
        raise Refusal("The path has an escape that can be read in two ways.")
    return target


def _origin_form(method: bytes, target: bytes, host: bytes) -> bytes:
    if target == b"*" and method == b"OPTIONS":
        return b"/"
    absolute = ABSOLUTE_FORM.fullmatch(target)
    if absolute is None:
        raise Refusal("The target is not a path.")
    if absolute["host"].lower() != host.lower():
        raise Refusal("The target names another host than the Host header.")
    rest = absolute["rest"]
    return rest if rest.startswith(b"/") else b"/" + rest
