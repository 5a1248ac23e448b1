"""A plain reader of server-sent events for the realtime scenarios."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 4.0
ACTIONS = ("create", "update", "delete")
SENTINEL_TOPIC = "sentinel/*"
SILENCE = "<silence>"
NO_SENTINEL = "<no sentinel came>"
LATE_SECONDS = 0.03
"""How long an event may come after the sentinel that followed it."""


def _place(event: dict[str, Any]) -> tuple[str, int, str]:
    data = event["data"]
    action = data.get("action", "") if isinstance(data, dict) else ""
    return event["event"], ACTIONS.index(action) if action in ACTIONS else -1, json.dumps(data, sort_keys=True)


class Stream:
    """One open realtime connection; a thread reads its events into a queue until it is closed."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        self._connection.request("GET", "/api/realtime", headers={"Accept": "text/event-stream", **(headers or {})})
        self._response = self._connection.getresponse()
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.status = self._response.status
        self.content_type = self._response.getheader("Content-Type", "")
        threading.Thread(target=self._read, daemon=True).start()
        self.first = self.next_event()
        self.client_id = str(self.first.get("data", {}).get("clientId", ""))

    def next_event(self, patience: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next event, or an event SILENCE when none comes."""
        try:
            return self._events.get(timeout=patience)
        except queue.Empty:
            return {"event": SILENCE, "data": {}}

    def events_until(self, mark: str) -> list[dict[str, Any]]:
        """All events before the one of the sentinel record that carries `mark`; other sentinels are left out.

        They come sorted, not as they arrived: PocketBase tells each change from a task of its own, in any order.
        (That ours come in the order of their changes is for tests/realtime to show.)
        """
        got: list[dict[str, Any]] = [{"event": NO_SENTINEL, "data": {}}]
        end = time.monotonic() + PATIENCE_SECONDS
        while (left := end - time.monotonic()) > 0:
            event = self.next_event(left)
            if mark in json.dumps(event["data"]):
                end = min(end, time.monotonic() + LATE_SECONDS)
                got = [each for each in got if each["event"] != NO_SENTINEL]
            elif event["event"] not in {SENTINEL_TOPIC, SILENCE}:
                got.append(event)
        return sorted(got, key=_place)

    def close(self) -> None:
        """Hang up, as a browser does that leaves the page."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _read(self) -> None:
        event: dict[str, Any] = {}
        try:
            for line in self._response:
                event = self._take(event, line.decode().rstrip("\r\n"))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self._events.put({"event": "<closed>", "data": {}})

    def _take(self, event: dict[str, Any], line: str) -> dict[str, Any]:
        if not line:
            if event:
                self._events.put(event)
            return {}
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        return {**event, name: json.loads(value) if name == "data" else value}
