"""PocketBase's official JavaScript client, unchanged, walks the whole round against our server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.engines import run_script
from tests.oracle import Server, run_ours, start_oracle, start_ours
from tests.oracle import oracle as oracle
from tests.oracle import ours as ours
from tests.wire.exchange import CONTENTS
from tests.wire.world import PEOPLE, World

pytestmark = pytest.mark.xdist_group("sdk")

UPLOAD = {"doc": ("kept.txt", CONTENTS["text"], "text/plain")}


def walk_the_round(server: Server) -> None:
    done = run_script("sdk_round.mjs", server.url, server.email, server.password)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{server.last_words()}"


def test_the_round_holds_on_the_real_pocketbase(oracle: Server) -> None:
    walk_the_round(oracle)


def test_the_round_holds_on_a_fresh_folder(ours: Server) -> None:
    walk_the_round(ours)


class Moved:
    """What a PocketBase held before its folder was imported: its answers, tokens and one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        source = start_oracle(folder)
        try:
            self.fill(World(source))
        finally:
            source.stop()

    def fill(self, world: World) -> None:
        """Make the world, upload a file, and remember what everybody is answered."""
        world.reset()
        answer = world.client.post("/api/collections/attachments/records", files=UPLOAD)
        self.file = f"/api/files/attachments/{answer.json()['id']}/{answer.json()['doc']}"
        self.tokens = world.tokens
        self.answers = {(who, path): ask(world.client, who, path, self.tokens) for who in self.tokens for path in PATHS}
        world.close()


PATHS = (
    "/api/collections/posts/records?sort=id&expand=author.team,editors,comments_via_post",
    "/api/collections/users/records?sort=id",
    "/api/collections/notes/records?sort=id",
    "/api/collections/kinds/records?sort=id",
    "/api/collections/post_stats/records?sort=id",
    "/api/collections/attachments/records",
    "/api/collections/_superusers/records",
    "/api/collections?sort=name&perPage=100",
    "/api/settings",
)


def ask(client: httpx.Client, who: str, path: str, tokens: dict[str, str]) -> tuple[int, object]:
    answer = client.get(path, headers={"Authorization": tokens[who]})
    return answer.status_code, answer.json()


@contextmanager
def serving(folder: Path, data: Path) -> Iterator[Server]:
    server = start_ours(folder, data, has_superuser=True)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Moved:
    """A PocketBase data folder that the real PocketBase filled and left."""
    return Moved(tmp_path_factory.mktemp("moved"))


@pytest.fixture(scope="module")
def imported(moved: Moved) -> Iterator[Server]:
    """Our server on an imported copy of that folder."""
    data = moved.folder / "imported"
    run_ours("import-pocketbase", str(moved.folder / "pb_data"), "--dir", str(data))
    with serving(moved.folder, data) as server:
        yield server


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("who", ["root", *PEOPLE])
def test_tokens_from_before_the_move_get_the_answers_from_before(
    imported: Server, moved: Moved, who: str, path: str
) -> None:
    with httpx.Client(base_url=imported.url) as client:
        assert ask(client, who, path, moved.tokens) == moved.answers[who, path]


@pytest.mark.parametrize("who", PEOPLE)
def test_passwords_from_before_the_move_sign_in_twice(imported: Server, who: str) -> None:
    world = World(imported)
    assert world.sign_in(*PEOPLE[who])
    assert world.sign_in(*PEOPLE[who]), "after the first sign-in the hash is a new one"
    world.close()


def test_the_superuser_from_before_the_move_signs_in(imported: Server) -> None:
    world = World(imported)
    assert world.sign_in("_superusers", imported.email, imported.password)
    world.close()


def test_files_from_before_the_move_are_served(imported: Server, moved: Moved) -> None:
    assert httpx.get(f"{imported.url}{moved.file}").content == CONTENTS["text"]


def test_the_round_holds_on_an_imported_folder(imported: Server) -> None:
    walk_the_round(imported)
