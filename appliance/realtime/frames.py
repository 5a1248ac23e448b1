"""Server-sent events as bytes: `id:`, `event:` and `data:` lines without spaces, as the wire's original writes them.

The frames of one event differ in the client's id alone, which always has the same length: what stands before and
behind it is built once, the head of its chunk included, and shared by everybody it is sent to.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

LAST_CHUNK: Final = b"0\r\n\r\n"
ID_LENGTH: Final = 40
_CHUNK_END: Final = b"\r\n"


class Frame:
    """One event, for any number of clients. `holders` counts those for whom it waits (see hub.py)."""

    __slots__ = ("_head", "_tail", "holders")

    def __init__(self, topic: str, data: bytes) -> None:
        """`data` is JSON on one line. Line ends in a topic would let its sender write frames of its own: they become
        spaces."""
        name = topic.replace("\r", " ").replace("\n", " ")
        tail = b"\nevent:%b\ndata:%b\n\n" % (name.encode(), data)
        self._head = b"%x\r\nid:" % (len(b"id:") + ID_LENGTH + len(tail))
        self._tail = tail + _CHUNK_END
        self.holders = 0

    @property
    def size(self) -> int:
        """How many bytes each client gets, in a chunk."""
        return len(self._head) + ID_LENGTH + len(self._tail)

    def bytes_for(self, client_id: str, is_chunked: bool) -> bytes:
        """What one client gets."""
        if is_chunked:
            return b"".join((self._head, client_id.encode(), self._tail))
        return b"id:%b%b" % (client_id.encode(), self._tail[: -len(_CHUNK_END)])


class Opening(Frame):
    """The bytes that a connection starts with: the head of the answer, as it is, and the event that tells its id."""

    __slots__ = ("_before",)

    def __init__(self, before: bytes, client_id: str) -> None:
        super().__init__("PB_CONNECT", as_json({"clientId": client_id}))
        self._before = before

    @property
    def size(self) -> int:
        """Head and event."""
        return len(self._before) + super().size

    def bytes_for(self, client_id: str, is_chunked: bool) -> bytes:
        """Head and event."""
        return self._before + super().bytes_for(client_id, is_chunked)


def retry_hint(milliseconds: int) -> bytes:
    """How long a browser's EventSource waits before it comes back. It is no event: nobody's handler sees it, and
    clients with a schedule of their own (PocketBase's SDKs) keep to that."""
    return b"retry:%d\n\n" % milliseconds


def ending(last_words: bytes, is_chunked: bool) -> bytes:
    """The last bytes of a stream."""
    if not is_chunked:
        return last_words
    chunk = b"%x\r\n%b\r\n" % (len(last_words), last_words) if last_words else b""
    return chunk + LAST_CHUNK


def as_json(payload: Any) -> bytes:
    """A payload on one line."""
    return orjson.dumps(payload)
