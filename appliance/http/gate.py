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
from appliance.http.refusal import Refusal

MAX_HEADER_BYTES: Final = 16 * 1024
MAX_HEADER_LINES: Final = 100
NO_LIMIT: Final = 1 << 62

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
START_LINE = re.compile(rb"(?P<method>" + TOKEN + rb") (?P<target>[\x21-\x7e]+) HTTP/(?P<version>[0-9]\.[0-9])")
HEADER_LINE = re.compile(rb"(?P<name>" + TOKEN + rb"):[ \t]*(?P<value>[^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
ABSOLUTE_FORM = re.compile(rb"https?://(?P<host>[^/?#]*)(?P<rest>.*)", re.IGNORECASE)
HOST = re.compile(rb"(?:[A-Za-z0-9\-._~]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
LENGTH = re.compile(rb"[0-9]{1,15}")
BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")  # a CR at the very end may be half of a CRLF
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
FORBIDDEN_ESCAPE = re.compile(rb"%(?:[01][0-9A-F]|7F|2F|5C)", re.IGNORECASE)
ESCAPED_DOTS = re.compile(rb"/(?=[^/]*%)(?:\.|%2E){1,2}(?:/|\Z)", re.IGNORECASE)

# Headers that have one value or none; a second line of them would be read differently by different readers.
SINGLE = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"expect", b"origin")
)


class StrictParser(HTTPRequestParser):  # type: ignore[misc]
    """One request on its way in. Fills the attributes that waitress's channel and task read (see waitress_names.py)."""

    version: str
    header_plus: bytes
    body_rcv: Any

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.body_limit = NO_LIMIT
        self.limit_for: Callable[[str, str], int] = adj.body_limit_for
        self.lines: dict[bytes, bytes] = {}

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
        self.version = self.version if self.version == "1.0" and self.lines else "1.1"
        for name, value in (("path", ""), ("command", "GET"), ("query", ""), ("request_uri", ""), ("fragment", "")):
            self.__dict__.setdefault(name, value)
        self.__dict__.setdefault("url_scheme", self.adj.url_scheme)

    def _receive_head(self, data: bytes) -> int:
        block = self.header_plus + data
        start = _skip_empty_lines(block)
        end = block.find(b"\r\n\r\n", start)
        _check_block(block[start : end + 4] if end >= 0 else block[start:])
        if end < 0:
            self.header_plus = block[start:]
            return len(data)
        consumed = len(data) - (len(block) - (end + 4))
        self.header_plus = b""
        self.parse_header(block[start:end])
        self.headers_finished = True
        self.completed = self.body_rcv is None
        return consumed

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
        first, *lines = block.split(b"\r\n")
        self.first_line = first
        method, target, self.version = read_start_line(first)
        self.lines = read_header_lines(lines)
        host = read_host(self.lines, self.version)
        self.command = method.decode("ascii")
        target = require_target(method, target, host)
        self._set_target(target)
        self.headers = wsgi_headers(self.lines)
        self._set_connection()
        self._set_expectation()
        self._set_body()

    def _set_target(self, target: bytes) -> None:
        path, _, query = target.partition(b"?")
        self.request_uri = target.decode("ascii")
        self.path = unquote_to_bytes(path).decode("latin-1")
        self.query = query.decode("ascii")
        self.fragment = self.proxy_scheme = self.proxy_netloc = ""
        self.url_scheme = self.adj.url_scheme

    def _set_connection(self) -> None:
        """waitress compares the whole value with "close"; a list that contains it means the same (RFC 9110 7.6.1)."""
        options = {option.strip().lower() for option in self.headers.get("CONNECTION", "").split(",")}
        if "close" in options:
            self.headers["CONNECTION"] = "close"
        self.connection_close = "close" in options or (self.version == "1.0" and "keep-alive" not in options)

    def _set_expectation(self) -> None:
        expected = self.lines.get(b"expect", b"").lower()
        if expected not in (b"", b"100-continue"):
            raise Refusal("The Expect header asks for something this server doesn't do.", 417)
        self.expect_continue = bool(expected) and self.version == "1.1"

    def _set_body(self) -> None:
        length = read_length(self.lines)
        self.chunked = has_chunked_body(self.lines, self.version)
        if not self.chunked and not length:
            self.expect_continue = False
            return
        self.body_limit = self.limit_for(self.command, self.path)
        if length > self.body_limit:
            raise too_large()
        self.content_length = length
        buffer = OverflowableBuffer(self.adj.inbuf_overflow)
        self.body_rcv = StrictChunkedReceiver(buffer) if self.chunked else FixedStreamReceiver(length, buffer)
        self.headers.pop("TRANSFER_ENCODING", None)


def too_large() -> Refusal:
    """413 in the wire's words."""
    return Refusal("Request entity too large.", 413)


def _skip_empty_lines(block: bytes) -> int:
    """Where the start line begins: CRLFs before it are skipped (RFC 9112 2.2), nothing else is."""
    start = 0
    while block.startswith(b"\r\n", start):
        start += 2
    return start


def _check_block(block: bytes) -> None:
    """Refuse early, before all of a hostile block has arrived."""
    if len(block) > MAX_HEADER_BYTES or block.count(b"\n") > MAX_HEADER_LINES + 2:
        raise Refusal("The header block is too large: at most 16 KiB and 100 lines.", 431)
    if BARE_LINE_END.search(block):
        raise Refusal("A line of the header block does not end in CRLF.")


def read_start_line(line: bytes) -> tuple[bytes, bytes, str]:
    """Method, target and version. Raises Refusal."""
    found = START_LINE.fullmatch(line)
    if found is None:
        raise Refusal("The start line is not METHOD target HTTP/1.1.")
    version = found["version"].decode()
    if version not in ("1.0", "1.1"):
        raise Refusal("This server speaks HTTP/1.1 and HTTP/1.0.", 505)
    if found["method"] != found["method"].upper():
        raise Refusal("The method is not upper case.")
    return found["method"], found["target"], version


def read_header_lines(lines: list[bytes]) -> dict[bytes, bytes]:
    """Lower-case name -> value; repeated list headers joined with ", " as RFC 9110 5.3 has it. Raises Refusal."""
    read: dict[bytes, bytes] = {}
    for line in lines:
        found = HEADER_LINE.fullmatch(line)
        if found is None:
            raise Refusal("A header line can't be read.")
        name, value = found["name"].lower(), found["value"]
        if name in read and name in SINGLE:
            raise Refusal("A header that has one value came twice.")
        read[name] = read[name] + b", " + value if name in read else value
    return read


def read_host(lines: dict[bytes, bytes], version: str) -> bytes:
    """The Host header, b"" for HTTP/1.0 without one. Raises Refusal."""
    host = lines.get(b"host")
    if host is None and version == "1.0":
        return b""
    if host is None or not HOST.fullmatch(host):
        raise Refusal("The Host header is missing or can't be read.")
    return host


def require_target(method: bytes, target: bytes, host: bytes) -> bytes:
    """The target in origin form. Raises Refusal for every other form but `OPTIONS *`."""
    absolute = ABSOLUTE_FORM.fullmatch(target)
    if absolute is not None:
        if absolute["host"].lower() != host.lower():
            raise Refusal("The target names another host than the Host header.")
        rest = absolute["rest"]
        target = rest if rest.startswith(b"/") else b"/" + rest
    if target == b"*" and method == b"OPTIONS":
        return b"/"
    path = target.partition(b"?")[0]
    if not target.startswith(b"/") or b"#" in target or b"\\" in path:
        raise Refusal("The target is not a path.")
    if BAD_ESCAPE.search(path) or FORBIDDEN_ESCAPE.search(path) or ESCAPED_DOTS.search(path):
        raise Refusal("The path has an escape that can be read in two ways.")
    return target


def read_length(lines: dict[bytes, bytes]) -> int:
    """Content-Length in bytes, 0 without one. Raises Refusal."""
    text = lines.get(b"content-length")
    if text is None:
        return 0
    if not LENGTH.fullmatch(text):
        raise Refusal("Content-Length is not a number.")
    return int(text)


def has_chunked_body(lines: dict[bytes, bytes], version: str) -> bool:
    """Whether the body comes in chunks. Raises Refusal for everything ambiguous (RFC 9112 6.1)."""
    coding = lines.get(b"transfer-encoding")
    if coding is None:
        return False
    if b"content-length" in lines or version == "1.0":
        raise Refusal("Transfer-Encoding stands beside a Content-Length or on HTTP/1.0.")
    if coding.lower() != b"chunked":
        raise Refusal("The only Transfer-Encoding here is chunked.", 501)
    return True


def wsgi_headers(lines: dict[bytes, bytes]) -> dict[str, str]:
    """The headers as WSGI names them. A name with an underscore could pass for one with a dash: it is dropped."""
    return {
        name.decode("ascii").upper().replace("-", "_"): value.decode("latin-1")
        for name, value in lines.items()
        if b"_" not in name
    }
