"""Clients that create, update and delete records, upload files, change the schema and the settings, all at once."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Hashable
from typing import Any

import httpx

from tests.faults.history import History, Key
from tests.oracle import EMAIL, PASSWORD

COLLECTION = {
    "name": "notes",
    "type": "base",
    **{f"{action}Rule": "" for action in ("list", "view", "create", "update", "delete")},
    "fields": [
        {"name": "title", "type": "text", "required": True},
        {"name": "version", "type": "number"},
        {"name": "text", "type": "text"},
        {"name": "page", "type": "file"},
        {"name": "page_version", "type": "number"},
        {"name": "made", "type": "autodate", "onCreate": True},
    ],
    "indexes": ["CREATE UNIQUE INDEX one_title ON notes (title)"],
}
TITLE_KEPT = "the first note"


def text_of(title: str, version: int) -> str:
    """The text that belongs to a version of a note: up to 4 KiB, so that rows have pages of their own."""
    digest = hashlib.sha256(f"{title} {version}".encode()).hexdigest()
    return digest * (int(digest[:2], 16) // 4)


def page_of(title: str, version: int) -> bytes:
    """The bytes of an upload: up to 60 KiB of noise."""
    noise = random.Random(f"{title} {version}")
    return noise.randbytes(noise.randrange(100, 60_000))


class Visitor:
    """One client: sends, and notes what was acknowledged when. A connection that ends ends its work."""

    def __init__(self, url: str, history: History, position: Callable[[], int]) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        self.statuses: list[int] = []
        self.refusals: list[httpx.Response] = []
        self._history = history
        self._position = position

    def ask(self, key: Key, value: Hashable, method: str, path: str, **body: Any) -> Any:
        """Send one request that gives `key` its `value`; the answer's JSON if it was a good one, else None."""
        step = self._history.add(key, value, self._position())
        answer = self.http.request(method, path, **body)
        self.statuses.append(answer.status_code)
        if answer.status_code >= 300:
            self.refusals.append(answer)
            return None
        step.answered = self._position()
        return answer.json() if answer.content else {}

    def sign_in(self) -> None:
        """Go on as the superuser."""
        credentials = {"identity": EMAIL, "password": PASSWORD}
        answer = self.http.post("/api/collections/_superusers/auth-with-password", json=credentials)
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = answer.json()["token"]


class Writer(Visitor):
    """Works on notes of its own: creates, updates, deletes; every fifth time with a page."""

    def __init__(
        self, url: str, history: History, position: Callable[[], int], name: str, page_share: float = 0.2
    ) -> None:
        super().__init__(url, history, position)
        self._name = name
        self._page_share = page_share
        self._rng = random.Random(name)
        self._own: dict[str, tuple[str, int, int]] = {}  # title: id, version, page version
        self._made = 0

    def run(self, requests: int) -> None:
        """That many requests."""
        for _ in range(requests):
            action = self._rng.choices((self._create, self._update, self._delete), (5, 4, 1))[0]
            (action if len(self._own) > 2 else self._create)()

    def _create(self) -> None:
        self._made += 1
        title = f"{self._name} {self._made}"
        self._save(title, 1, 0, "POST", "/api/collections/notes/records")

    def _update(self) -> None:
        title = self._rng.choice(list(self._own))
        record, version, page_version = self._own[title]
        self._save(title, version + 1, page_version, "PATCH", f"/api/collections/notes/records/{record}")

    def _save(self, title: str, version: int, page_version: int, method: str, path: str) -> None:
        files = None
        if self._rng.random() < self._page_share:
            page_version = version
            files = {"page": ("page.bin", page_of(title, version))}
        note = {"title": title, "version": version, "text": text_of(title, version), "page_version": page_version}
        body = {"data": note, "files": files} if files else {"json": note}
        answer = self.ask(("note", title), (version, page_version), method, path, **body)
        if answer is not None:
            self._own[title] = answer["id"], version, page_version

    def _delete(self) -> None:
        title = self._rng.choice(list(self._own))
        self.ask(("note", title), None, "DELETE", f"/api/collections/notes/records/{self._own.pop(title)[0]}")


class Administrator(Visitor):
    """Makes the collection; then adds fields to it and renames the box."""

    def make_collection(self) -> None:
        """The collection that everybody may write to."""
        self.sign_in()
        assert self.ask(("collection", "notes"), "notes", "POST", "/api/collections", json=COLLECTION) is not None

    def run(self, rounds: int) -> None:
        """That many new fields and names."""
        for number in range(rounds):
            fields = self.http.get("/api/collections/notes").json()["fields"]
            fields.append({"name": f"extra{number}", "type": "text"})
            self.ask(("field", f"extra{number}"), "text", "PATCH", "/api/collections/notes", json={"fields": fields})
            name = f"Box {number}"
            self.ask(("setting", "appName"), name, "PATCH", "/api/settings", json={"meta": {"appName": name}})


def work_together(
    url: str, history: History, position: Callable[[], int], requests: int, writers: int = 6
) -> list[Visitor]:
    """All at once, to the end; who took part. A server that goes away in the middle ends it, too."""
    hands = [Writer(url, history, position, f"writer{number}") for number in range(writers)]
    administrator = Administrator(url, history, position)
    administrator.sign_in()
    runs = [(hand.run, requests // writers) for hand in hands] + [(administrator.run, max(requests // 150, 2))]
    threads = [threading.Thread(target=run_until_gone, args=run) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [*hands, administrator]


def run_until_gone(run: Callable[[int], None], count: int) -> None:
    """Until done, or the server is gone."""
    try:
        run(count)
    except httpx.HTTPError:
        return
