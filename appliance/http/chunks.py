"""Chunked bodies, strictly: RFC 9112 section 7.1.

    size in hex CRLF, that many bytes CRLF, ... 0 CRLF, trailer lines (read and forgotten), CRLF

A trailer that names a length, a coding or a host has no honest reason (RFC 9110 6.5.1) and is refused.

Chunk extensions are refused: nobody sends them, and readers that end them differently can be played against each
other. Control lines and trailers are short by limit, so nobody fills memory with a line that never ends.
"""

from __future__ import annotations

import re
from typing import Any, Final

from appliance.http.refusal import Refusal

MAX_SIZE_LINE: Final = 18
MAX_TRAILER_BYTES: Final = 4 * 1024
SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
FORBIDDEN_TRAILER: Final = rb"(?!(?:content-length|transfer-encoding|host):)"
TRAILER_LINE = re.compile(
    FORBIDDEN_TRAILER + rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*", re.IGNORECASE
)


class StrictChunkedReceiver:
    """Takes the bytes of one chunked body and keeps its content in `buffer`. Has waitress's receiver interface."""

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer
        self.size = 0
        self.completed = False
        self.error: Refusal | None = None
        self._held = b""
        self._remaining = 0  # bytes of the chunk still to come
        self._read = self._read_size

    def __len__(self) -> int:
        length: int = self.buffer.__len__()
        return length

    def received(self, data: bytes) -> int:
        """Take bytes; the number that belong to this body."""
        held = len(self._held)
        stream, self._held = self._held + data, b""
        position = 0
        try:
            while not self.completed:
                used = self._read(stream, position)
                if used < 0:
                    self._held = stream[position:]
                    return len(data)
                position += used
        except Refusal as refusal:
            self.error = refusal
            return len(data)
        return position - held

    def _read_size(self, stream: bytes, start: int) -> int:
        line = _read_line(stream, start, MAX_SIZE_LINE)
        if line is None:
            return -1
        if not SIZE.fullmatch(line):
            raise Refusal("A chunk's size can't be read.")
        self._remaining = int(line, 16)
        self._read = self._read_content if self._remaining else self._read_trailer
        return len(line) + 2

    def _read_content(self, stream: bytes, start: int) -> int:
        part = stream[start : start + self._remaining]
        if not part:
            return -1
        self.buffer.append(part)
        self.size += len(part)
        self._remaining -= len(part)
        if not self._remaining:
            self._read = self._read_content_end
        return len(part)

    def _read_content_end(self, stream: bytes, start: int) -> int:
        end = stream[start : start + 2]
        if end not in (b"", b"\r", b"\r\n"):
            raise Refusal("A chunk is longer than its size says.")
        if end != b"\r\n":
            return -1
        self._read = self._read_size
        return 2

    def _read_trailer(self, stream: bytes, start: int) -> int:
        line = _read_line(stream, start, MAX_TRAILER_BYTES)
        if line is None:
            return -1
        self._remaining += len(line)  # the trailers' bytes so far
        if not line:
            self.completed = True
        elif self._remaining > MAX_TRAILER_BYTES or not TRAILER_LINE.fullmatch(line):
            raise Refusal("The trailer of a chunked body can't be read.")
        return len(line) + 2

    def getfile(self) -> Any:
        """The content as a file, from its start."""
        return self.buffer.getfile()

    def getbuf(self) -> Any:
        """The buffer itself."""
        return self.buffer


def _read_line(stream: bytes, start: int, longest: int) -> bytes | None:
    """The line that begins at `start` without its CRLF; None when its end has not come yet."""
    end = stream.find(b"\r\n", start, start + longest + 2)
    if end >= 0:
        return stream[start:end]
    if len(stream) - start > longest:
        raise Refusal("A line of a chunked body is too long.")
    return None
