"""A file on its way in: read from the network into a temporary file or memory, not yet stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file. `name` is what the client called it, never trusted; `size` in bytes; `stream` can seek."""

    name: str
    size: int
    stream: BinaryIO
    content_type: str = ""
