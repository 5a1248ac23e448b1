"""What the load generators share: how they talk to the program that started them, and how they connect."""

from __future__ import annotations

import json
import re
import resource
import select
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PER_ADDRESS = 40
"""Connections from one source address. A whole crowd behind one address would meet the limits for one address."""
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def options() -> dict[str, Any]:
    """Inside a generator: what it was started with. Takes all descriptors that the system grants."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return dict(json.loads(sys.stdin.readline()))


def say(**line: Any) -> None:
    """Inside a generator: a line to the program."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def was_told(seconds: float = 0.0) -> str | None:
    """Inside a generator: the next word, "" at the end, None when nothing came within that time."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return sys.stdin.readline().strip() if ready else None


def address_of(url: str) -> tuple[str, int]:
    """Host and port of `http://127.0.0.1:1234`."""
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 80)


def connect(address: tuple[str, int], source: str = "") -> socket.socket:
    """A connection, from `source` when given."""
    sock = socket.create_connection(address, timeout=30, source_address=(source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def source_of(number: int) -> str:
    """One of many loopback addresses, PER_ADDRESS numbers each."""
    group = number // PER_ADDRESS
    return f"127.1.{group // 250}.{1 + group % 250}"


@dataclass(slots=True)
class Answers:
    """Cuts the bytes of one connection into answers. Knows Content-Length and 204, which is all it is used for."""

    held: bytes = b""

    def feed(self, received: bytes) -> list[int]:
        """The status of each answer that is now complete."""
        self.held += received
        statuses = []
        while (size := self._first_size()) is not None:
            statuses.append(int(self.held[9:12]))
            self.held = self.held[size:]
        return statuses

    def _first_size(self) -> int | None:
        head, end, body = self.held.partition(b"\r\n\r\n")
        if not end:
            return None
        found = CONTENT_LENGTH.search(head)
        length = int(found[1]) if found else 0
        return len(head) + len(end) + length if len(body) >= length else None


def cpu_now() -> float:
    """CPU seconds of this process so far."""
    return time.process_time()
