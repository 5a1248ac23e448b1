"""Server-sent events as bytes: `id:`, `event:` and `data:` lines without spaces, as the wire's original writes them."""

from __future__ import annotations

from typing import Any

import orjson

LAST_CHUNK = b"0\r\n\r\n"


def frame(client_id: str, event: str, data: bytes) -> bytes:
    """One event. Line ends in a topic would let its sender write frames of its own: they become spaces."""
    name = event.replace("\r", " ").replace("\n", " ")
    return b"id:%b\nevent:%b\ndata:%b\n\n" % (client_id.encode(), name.encode(), data)


def connect_frame(client_id: str) -> bytes:
    """The first event of every connection."""
    return frame(client_id, "PB_CONNECT", as_json({"clientId": client_id}))


def as_json(payload: Any) -> bytes:
    """A payload on one line."""
    return orjson.dumps(payload)


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
