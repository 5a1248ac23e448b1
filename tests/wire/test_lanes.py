"""Both lanes answer alike, byte for byte: every scenario is played on two of our servers seeded alike. On one of them
each request has a header that the express lane does not know, which sends it through Flask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import argon2
import httpx
import pytest

from appliance.auth.superusers import create_superuser
from appliance.http import server as running
from appliance.http.express import Counts
from tests.boxes import open_box
from tests.http.servers import Reader, connect, serve, url_of
from tests.oracle import EMAIL, PASSWORD, Server
from tests.wire.compare import Arena
from tests.wire.normalise import Normaliser
from tests.wire.random_cases import MAKERS, make_cases
from tests.wire.scenarios import Case, find_cases, load_cases

pytestmark = pytest.mark.xdist_group("lanes")

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
FORCES_FLASK = {"X-Not-Known": "1"}
HTTP_DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
FILES = sorted({case.file for case in load_cases()})


@dataclass
class Lanes:
    """The two servers, and the raw answers of both since the last `take`."""

    arena: Arena
    counts: tuple[Counts, Counts]
    servers: tuple[running.Server, running.Server]
    answers: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))

    def differences(self, case: Case) -> list[str]:
        """Play one case; every answer that is not the same, both forms of it."""
        self.arena.prepare(case)
        for heard in self.answers:
            heard.clear()
        normalisers = Normaliser(), Normaliser()
        self.arena.play(case)
        express, ordinary = map(normal, normalisers, self.answers)
        assert len(express) == len(ordinary)
        return [f"{case.id}\n{one}\n---\n{other}" for one, other in zip(express, ordinary, strict=True) if one != other]


def normal(normaliser: Normaliser, answers: list[str]) -> list[str]:
    """Raw answers with placeholders for what no two servers have alike."""
    return [HTTP_DATE.sub("<date>", str(normaliser.normalise(answer))) for answer in answers]


def listen(client: httpx.Client, heard: list[str]) -> None:
    """Keep every answer of a client as it was on the wire."""

    def keep(response: httpx.Response) -> None:
        reason = response.extensions["reason_phrase"]
        lines = [b"%d %b" % (response.status_code, reason), *(b"%b: %b" % pair for pair in response.headers.raw)]
        heard.append(b"\r\n".join([*lines, b"", response.read()]).decode("latin-1"))

    client.event_hooks["response"].append(keep)


@contextmanager
def server_on(folder: Path) -> Iterator[running.Server]:
    with open_box(folder) as app:
        app.passwords._hasher = QUICK  # hashing is nobody's subject here, and takes two thirds of the time
        create_superuser(app, EMAIL, PASSWORD)
        with serve(app) as server:
            yield server


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(server_on(tmp_path_factory.mktemp(name))) for name in ("lane", "flask"))
        arena = stack.enter_context(Arena(Server("express", url_of(first)), Server("ordinary", url_of(second))))
        arena.worlds[1].client.headers.update(FORCES_FLASK)
        both = Lanes(arena, (first.listener.lane.counts, second.listener.lane.counts), (first, second))
        for world, heard in zip(arena.worlds, both.answers, strict=True):
            listen(world.client, heard)
        yield both


def plain_cases(file: str) -> Iterator[Case]:
    """The cases without streams: those leave both lanes."""
    return (case for case in find_cases(f"{file}: *") if not any("stream" in step for step in case.steps))


@pytest.mark.parametrize("file", FILES)
def test_scenarios_are_answered_alike(lanes: Lanes, file: str) -> None:
    differences = [each for case in plain_cases(file) for each in lanes.differences(case)]
    assert not differences, "\n\n".join(differences[:5])


@pytest.mark.parametrize("kind", MAKERS)
def test_random_requests_are_answered_alike(lanes: Lanes, kind: str) -> None:
    differences = [each for case in make_cases(kind, seed=2027, count=100) for each in lanes.differences(case)]
    assert not differences, "\n\n".join(differences[:5])


def test_the_lane_was_used_and_flask_was_too(lanes: Lanes) -> None:
    used, unused = lanes.counts
    assert used.by_loop >= 400
    assert used.by_writer >= 100
    assert unused == Counts()


@pytest.mark.parametrize("file", ["records_list", "records_view"])
def test_workers_answer_what_is_slow_alike(lanes: Lanes, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    lane = lanes.servers[0].listener.lane
    before = lane.counts.by_worker
    lane._slow.add(("something", "", ""))
    monkeypatch.setattr(lane._slow, "has", lambda _shape: True)
    differences = [each for case in plain_cases(file) for each in lanes.differences(case)]
    assert not differences, "\n\n".join(differences[:5])
    assert lane.counts.by_worker >= before + 20


def test_streams_begin_alike(lanes: Lanes) -> None:
    heads = []
    for more in (b"", b"X-Not-Known: 1\r\n"):
        with connect(lanes.servers[0]) as sock:
            sock.sendall(b"GET /api/realtime HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a.b\r\n" + more + b"\r\n")
            reader = Reader(sock)
            heads.append(HTTP_DATE.sub("<date>", reader.until(b"\r\n\r\n").decode()))
            assert b"PB_CONNECT" in reader.until(b"\n\n")
    assert heads[0] == heads[1]


Spoil = Callable[[bytes], bytes]
SPOILT = [
    pytest.param(lambda answer: answer.replace(b"collectionId", b"collectionID", 1), id="a letter of the JSON"),
    pytest.param(lambda answer: answer.replace(b"nosniff", b"Nosniff", 1), id="a letter of a header"),
    pytest.param(lambda answer: answer.replace(b" OK\r\n", b" Ok\r\n", 1), id="a letter of the status line"),
    pytest.param(lambda answer: answer.replace(b"Vary: Origin\r\n", b"", 1), id="a header missing"),
    pytest.param(lambda answer: answer.replace(b"Vary", b"vary", 1), id="a header's name in lower case"),
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_one_wrong_byte_is_seen(lanes: Lanes, monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> None:
    heads = lanes.servers[0].listener.lane._heads
    whole = heads.whole
    case = next(iter(find_cases("records_view: a published post, as guest")))
    assert not lanes.differences(case)
    monkeypatch.setattr(heads, "whole", lambda *arguments: spoil(whole(*arguments)))
    assert lanes.differences(case)
