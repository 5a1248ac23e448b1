"""The header block: what the gate makes of the bytes between the start line and the empty line.

One client sends the same block with each of its requests, so what was made of it is remembered by its bytes: reading
twelve lines costs 20 us, finding them 0.3. Nothing here depends on the start line, and nothing may be changed later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from appliance.http.refusal import Refusal

MAX_HEADER_LINES: Final = 100
BLOCKS: Final = 1024  # remembered, each of at most so many bytes: at the very worst 20 MiB, of a hostile crowd
BLOCK_BYTES: Final = 2048

TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# Spaces around the value are stripped afterwards: a pattern that names them on both sides takes cubic time to refuse.
HEADER_LINE = re.compile(rb"(?P<name>" + TOKEN + rb"):(?P<value>[^\x00-\x08\x0a-\x1f\x7f]*)")
HOST = re.compile(rb"(?:[A-Za-z0-9\-._~]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
LENGTH = re.compile(rb"[0-9]{1,15}")
PORT = re.compile(r":[0-9]*\Z")
BEARER: Final = "bearer "

# Headers that have one value or none; a second line of them would be read differently by different readers.
SINGLE = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"expect", b"origin")
)

# What the express lane may see: nothing in these asks for another answer than the plain one.
HARMLESS = frozenset(
    (
        b"accept", b"accept-encoding", b"accept-language", b"authorization", b"cache-control", b"content-length",
        b"content-type", b"cookie", b"dnt", b"host", b"origin", b"pragma", b"priority", b"referer", b"sec-ch-ua",
        b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site",
        b"sec-fetch-user", b"sec-gpc", b"user-agent", b"via", b"x-forwarded-for", b"x-forwarded-host",
        b"x-forwarded-proto", b"x-real-ip", b"x-requested-with",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """One block, read. Shared by all requests that sent the same bytes: not to be changed.

    `lines` are lower-case names as sent, `wsgi` the names of WSGI, `sent` what handlers get. `host` is None without
    a Host header; `host_name` is without port and brackets. `is_plain`: the express lane knows every line of it.
    """

    lines: Mapping[bytes, bytes]
    wsgi: dict[str, str]
    sent: Mapping[str, str]
    host: bytes | None
    host_name: str
    origin: str
    token: str
    length: int
    is_chunked: bool
    is_expecting: bool
    closes: bool
    keeps_alive: bool
    is_plain: bool

    def may_stay_open(self, version: str) -> bool:
        """Whether the connection goes on after this request (RFC 9112 9.3)."""
        return not self.closes and (version == "1.1" or self.keeps_alive)


NOT_READ: Final = HeaderBlock({}, {}, {}, None, "", "", "", 0, False, False, True, False, False)
"""Before a block has been read."""


def read_header_block(block: bytes) -> HeaderBlock:
    """Read lines that end in CRLF each, the last one's left out. Raises Refusal."""
    return _remembered(block) if len(block) <= BLOCK_BYTES else _read(block)


def _read(block: bytes) -> HeaderBlock:
    lines = read_header_lines(block.split(b"\r\n") if block else [])
    host = read_host(lines)
    options = _connection_options(lines)
    sent = _sent_headers(lines)
    return HeaderBlock(
        lines=lines,
        wsgi=_wsgi_headers(lines, options),
        sent=sent,
        host=host,
        host_name=host_name((host or b"").decode("ascii")),
        origin=sent.get("origin", ""),
        token=read_token(sent),
        length=read_length(lines),
        is_chunked=has_chunked_body(lines),
        is_expecting=expects_continue(lines),
        closes="close" in options,
        keeps_alive="keep-alive" in options,
        is_plain=lines.keys() - {b"connection"} <= HARMLESS and options <= {"keep-alive"},
    )


_remembered = lru_cache(BLOCKS)(_read)


def read_header_lines(lines: list[bytes]) -> dict[bytes, bytes]:
    """Lower-case name -> value; repeated list headers joined with ", " as RFC 9110 5.3 has it. Raises Refusal."""
    if len(lines) > MAX_HEADER_LINES:
        raise too_many()
    read: dict[bytes, bytes] = {}
    for line in lines:
        found = HEADER_LINE.fullmatch(line)
        if found is None:
            raise Refusal("A header line can't be read.")
        name, value = found["name"].lower(), found["value"].strip(b" \t")
        if name in read and name in SINGLE:
            raise Refusal("A header that has one value came twice.")
        read[name] = read[name] + b", " + value if name in read else value
    return read


def too_many() -> Refusal:
    """431, for lines and bytes alike."""
    return Refusal("The header block is too large: at most 16 KiB and 100 lines.", 431)


def read_host(lines: Mapping[bytes, bytes]) -> bytes | None:
    """The Host header, None without one. Raises Refusal."""
    host = lines.get(b"host")
    if host is not None and not HOST.fullmatch(host):
        raise Refusal("The Host header can't be read.")
    return host


def read_length(lines: Mapping[bytes, bytes]) -> int:
    """Content-Length in bytes, 0 without one. Raises Refusal."""
    text = lines.get(b"content-length")
    if text is None:
        return 0
    if not LENGTH.fullmatch(text):
        raise Refusal("Content-Length is not a number.")
    return int(text)


def has_chunked_body(lines: Mapping[bytes, bytes]) -> bool:
    """Whether the body comes in chunks. Raises Refusal for everything ambiguous (RFC 9112 6.1)."""
    coding = lines.get(b"transfer-encoding")
    if coding is None:
        return False
    if b"content-length" in lines:
        raise Refusal("Transfer-Encoding stands beside a Content-Length.")
    if coding.lower() != b"chunked":
        raise Refusal("The only Transfer-Encoding here is chunked.", 501)
    return True


def expects_continue(lines: Mapping[bytes, bytes]) -> bool:
    """Whether the client waits for a word before it sends its body. Raises Refusal."""
    expected = lines.get(b"expect", b"").lower()
    if expected not in (b"", b"100-continue"):
        raise Refusal("The Expect header asks for something this server doesn't do.", 417)
    return bool(expected)


def _connection_options(lines: Mapping[bytes, bytes]) -> set[str]:
    text = lines.get(b"connection", b"").decode("latin-1")
    return {option.strip().lower() for option in text.split(",")} - {""}


def _wsgi_headers(lines: Mapping[bytes, bytes], options: set[str]) -> dict[str, str]:
    """The headers as WSGI names them. A name with an underscore could pass for one with a dash: it is dropped.

    waitress compares the whole Connection with "close"; a list that contains it means the same (RFC 9110 7.6.1).
    """
    named = {
        name.decode("ascii").upper().replace("-", "_"): value.decode("latin-1")
        for name, value in lines.items()
        if b"_" not in name
    }
    if "close" in options:
        named["CONNECTION"] = "close"
    return named


def _sent_headers(lines: Mapping[bytes, bytes]) -> dict[str, str]:
    """The headers as handlers get them, both lanes alike: an empty Content-Type is none."""
    return {
        name.decode("ascii"): value.decode("latin-1")
        for name, value in lines.items()
        if b"_" not in name and (value or name != b"content-type")
    }


def read_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """The same from a WSGI environment."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def read_token(headers: Mapping[str, str]) -> str:
    """The token of the Authorization header, with or without `Bearer`."""
    text = headers.get("authorization", "")
    return text[len(BEARER) :] if text[: len(BEARER)].lower() == BEARER else text


def host_name(header: str) -> str:
    """The Host header without its port and brackets, lower case."""
    return PORT.sub("", header).strip("[]").rstrip(".").lower() if not header.endswith("]") else header[1:-1].lower()
