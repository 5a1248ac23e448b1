"""Opens a folder as a power cut left it, with the real program, and says what is wrong with it."""

from __future__ import annotations

import shutil
from collections.abc import Hashable, Iterator
from pathlib import Path

import httpx

from appliance.core.app import App
from tests.boxes import open_box
from tests.faults.history import History, Key
from tests.faults.workload import page_of, text_of
from tests.oracle import start_ours

Image = dict[str, bytes | None]
QUESTION = "SELECT `id`, `title`, `version`, `text`, `page`, `page_version` FROM `notes`"


class Plate:
    """The folder into which one image after the other is laid; what has not changed is left lying."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._laid: dict[str, tuple[bytes, tuple[int, int]]] = {}

    def lay(self, image: Image) -> None:
        """Make the folder hold exactly this."""
        self._clear(image)
        for path, content in image.items():
            place = self.folder / path
            if content is None:
                place.mkdir(exist_ok=True)
            elif self._laid.get(path) != (content, stamp(place)):
                place.write_bytes(content)
                self._laid[path] = content, stamp(place)

    def _clear(self, image: Image) -> None:
        for path in sorted(self.folder.rglob("*"), reverse=True):
            name = path.relative_to(self.folder).as_posix()
            if name not in image or path.is_dir() != (image[name] is None):
                path.rmdir() if path.is_dir() else path.unlink()


def stamp(path: Path) -> tuple[int, int]:
    """Changes when the file does."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return (-1, -1)
    return status.st_mtime_ns, status.st_size


def problems_after_cut(data: Path, history: History, place: int) -> Iterator[str]:
    """Open the folder, compare it with what was acknowledged before `place`, and write to it."""
    try:
        yield from problems_in_box(data, history, place)
    except Exception as error:
        yield f"can't be opened: {error!r}"


def problems_in_box(data: Path, history: History, place: int) -> Iterator[str]:
    """The same, of a folder that can be opened."""
    with open_box(data) as app:
        ((integrity,),) = app.database.query("PRAGMA integrity_check(1)")
        if integrity != "ok":
            yield f"damaged: {integrity}"
        found, wrong = state_of(app)
        yield from wrong
        yield from history.problems(found, place)
        app.database.write(lambda: app.database.execute("UPDATE `_params` SET `updated` = `updated`"))


def state_of(app: App) -> tuple[dict[Key, Hashable], list[str]]:
    """What is stored, by its key, and which of it contradicts itself."""
    found: dict[Key, Hashable] = {("setting", "appName"): app.settings.get("meta")["appName"]}
    problems: list[str] = []
    if app.database.query("SELECT 1 FROM `_superusers`"):
        found["superuser", "first"] = True
    collection = app.collections.find("notes")
    if collection is None:
        return found, problems
    found["collection", "notes"] = "notes"
    found |= {("field", each.name): "text" for each in collection.fields if each.name.startswith("extra")}
    for record, title, version, text, page, page_version in app.database.query(QUESTION):
        found["note", title] = int(version), int(page_version)
        if text != text_of(title, int(version)):
            problems.append(f"half a row: {title} {version}")
        if bool(page) != bool(page_version):
            problems.append(f"half a row: {title} {version} with page {page!r}")
        if page:
            problems += problems_of_page(app, f"{collection.id}/{record}/{page}", page_of(title, int(page_version)))
    return found, problems


def problems_of_page(app: App, key: str, content: bytes) -> Iterator[str]:
    """Whether a file that a row names is there, whole."""
    stored = app.files.find(key)
    if stored is None or stored.path is None:
        yield f"a row names a file that is not there: {key}"
    elif stored.path.read_bytes() != content:
        yield f"a broken file: {key}"


def problems_when_served(folder: Path, data: Path, history: History, place: int) -> Iterator[str]:
    """The same with the whole server: it starts, lists, takes a write. `data` stays as it is."""
    copy = folder / "served"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy)
    server = start_ours(folder, copy, has_superuser=True)
    try:
        notes = f"{server.url}/api/collections/notes/records"
        listed = httpx.get(notes, params={"perPage": 1000}).json().get("items", [])
        found: dict[Key, Hashable] = {("note", it["title"]): (it["version"], it["page_version"]) for it in listed}
        wanted = History()
        wanted.steps.update({key: steps for key, steps in history.steps.items() if key[0] == "note"})
        yield from wanted.problems(found, place)
        if ("collection", "notes") in history.steps and None not in history.allowed(("collection", "notes"), place):
            answer = httpx.post(notes, json={"title": "after the cut", "text": "", "version": 1})
            if answer.status_code != 200:
                yield f"no write: {answer.status_code} {answer.text}"
    finally:
        server.stop()
