"""A server on a disk that is steered while it runs, and what every such test asks of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.boxes import open_box
from tests.faults.after_cut import state_of
from tests.faults.history import History
from tests.faults.killed import Box
from tests.faults.workload import Administrator, Writer

NOTES = "/api/collections/notes/records"


class Served:
    """A box with the notes collection, its clients and what was acknowledged to them."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.history = History()
        self.history.add(("setting", "appName"), "Acme", 0).answered = 0
        self.history.add(("superuser", "first"), True, 0).answered = 0
        self._place = 0
        self._lock = threading.Lock()
        self.http = httpx.Client(base_url=box.url, timeout=60)
        self.administrator = Administrator(box.url, self.history, self.next_place)
        self.administrator.make_collection()

    def next_place(self) -> int:
        """Time as the history counts it: there is no journal here."""
        with self._lock:
            self._place += 1
            return self._place

    def writer(self, name: str, page_share: float = 0.2) -> Writer:
        """One more client."""
        return Writer(self.box.url, self.history, self.next_place, name, page_share)

    def write(self, name: str, requests: int) -> Counter[int]:
        """Let one client send that many requests; how many were answered how."""
        writer = self.writer(name)
        writer.run(requests)
        return Counter(writer.statuses)

    @contextmanager
    def writing(self, clients: int, requests: int) -> Iterator[list[Writer]]:
        """Meanwhile clients write notes, all at once; on leaving they are done."""
        writers = [self.writer(f"one of {clients}: {number}", page_share=0) for number in range(clients)]
        threads = [threading.Thread(target=writer.run, args=(requests,)) for writer in writers]
        for thread in threads:
            thread.start()
        try:
            yield writers
        finally:
            for thread in threads:
                thread.join()

    def reads(self) -> Counter[int]:
        """What a list, a search that no cache holds, and a view of each note are answered."""
        listed = self.http.get(NOTES, params={"perPage": 500})
        searched = self.http.get(NOTES, params={"filter": f"text !~ 'never {self.next_place()}'"})
        viewed = [self.http.get(f"{NOTES}/{each['id']}") for each in listed.json().get("items", ())]
        return Counter(answer.status_code for answer in (listed, searched, *viewed))

    def restart(self) -> None:
        """Kill it and start it again."""
        self.box.kill()
        self.box.start()
        for client in (self.http, self.administrator.http):
            client.base_url = httpx.URL(self.box.url)

    def problems(self) -> list[str]:
        """Kill it and look for what is lost, broken or left over."""
        self.box.kill()
        with open_box(self.box.data) as app:
            ((integrity,),) = app.database.query("PRAGMA integrity_check(1)")
            found, problems = state_of(app)
            problems += self.history.problems(found, self.next_place())
            problems += strays(app.files.keys(), app.database.query("SELECT `id`, `page` FROM `notes`"))
        return problems if integrity == "ok" else [f"damaged: {integrity}", *problems]


def strays(keys: Iterator[str], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """Files that no row names."""
    named = {(record, page) for record, page in rows if page}
    for key in keys:
        _, record, name = key.split("/")
        if (record, name) not in named:
            yield f"a file that no row names: {key}"


@contextmanager
def served(box: Box) -> Iterator[Served]:
    """Start the box, and kill it at the end."""
    box.make_superuser()
    box.start()
    try:
        yield Served(box)
    finally:
        box.kill()


def require_json_error(answer: httpx.Response, status: int) -> None:
    """The wire's form of an error, with nothing of the inside in it."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert body["status"] == status
    assert body["data"] == {}
    assert "sqlite" not in answer.text.lower() and "/" not in body["message"]
