"""The queue between the writer and the streams: in order, bounded, and nobody who puts waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from appliance.realtime.changes import BATCH, Changes
from appliance.realtime.clients import Client
from appliance.realtime.frames import Frame
from appliance.realtime.hub import Delivery
from appliance.realtime.room import Realtime
from tests.realtime.conftest import World
from tests.realtime.streams import Stream

Eventually = Callable[[Callable[[], object]], None]


class Told:
    """A queue whose deliveries wait for `go_on`."""

    def __init__(self, max_count: int = 10, max_bytes: int = 1000) -> None:
        self.go_on = threading.Event()
        self.batches: list[list[str]] = []
        self.changes = Changes(self._deliver, max_count, max_bytes)

    def put(self, name: str, size: int = 1) -> bool:
        client = Client(name)
        return self.changes.put(lambda: [Delivery(Frame(name, b"{}"), [client])], size)

    def hold_up(self) -> None:
        """Begin a batch that does not end before `go_on`."""
        began = threading.Event()

        def task() -> list[Delivery]:
            began.set()
            assert self.go_on.wait(5)
            return []

        assert self.changes.put(task, 1)
        assert began.wait(5)

    def finish(self) -> list[str]:
        self.go_on.set()
        self.changes.stop()
        return [name for batch in self.batches for name in batch]

    def _deliver(self, deliveries: list[Delivery]) -> None:
        self.batches.append([each.clients[0].id for each in deliveries])


@pytest.fixture
def told() -> Iterator[Told]:
    queue = Told()
    yield queue
    queue.finish()


def test_what_waits_is_told_in_order_and_together(told: Told) -> None:
    told.hold_up()
    assert all(told.put(str(number)) for number in range(9))
    assert told.finish() == [str(number) for number in range(9)]
    assert len(told.batches) == 1


def test_a_batch_has_a_bound() -> None:
    told = Told(max_count=10 * BATCH)
    told.hold_up()
    for number in range(BATCH + 1):
        told.put(str(number))
    told.finish()
    assert [len(batch) for batch in told.batches] == [BATCH, 1]


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        pytest.param([1] * 12, 10, id="too many"),
        pytest.param([400, 400, 400], 2, id="too many bytes"),
        pytest.param([5000], 1, id="one that is too long, alone"),
        pytest.param([5000, 1], 1, id="one more behind it"),
    ],
)
def test_the_queue_is_bounded(told: Told, sizes: list[int], taken: int) -> None:
    told.hold_up()
    assert [told.put("x", size) for size in sizes] == [True] * taken + [False] * (len(sizes) - taken)


def test_there_is_room_again_when_it_was_told(told: Told, eventually: Eventually) -> None:
    told.hold_up()
    assert [told.put("x", 600), told.put("x", 600)] == [True, False]
    told.go_on.set()
    eventually(lambda: told.batches)
    assert told.put("x", 600)


def test_one_that_fails_keeps_no_other_from_being_told(told: Told) -> None:
    told.hold_up()
    told.changes.put(lambda: [][0], 1)
    told.put("after")
    assert told.finish() == ["after"]


def test_nothing_is_taken_after_the_end(told: Told) -> None:
    told.finish()
    assert told.put("late") is False


class TestTooFast:
    """Changes come faster than they can be told."""

    @pytest.fixture
    def held_up(self, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
        """The queue of the world takes five changes, and tells none of them before the event."""
        room = world.app.realtime
        assert isinstance(room, Realtime)
        monkeypatch.setattr(room.changes, "_max_count", 5)
        monkeypatch.setattr(room, "_warned_at", -1000.0)
        go_on, began = threading.Event(), threading.Event()

        def task() -> list[Delivery]:
            began.set()
            assert go_on.wait(5)
            return []

        room.tell(task, 1, ("posts",))
        assert began.wait(5)
        yield go_on
        go_on.set()

    def titles(self, stream: Stream) -> list[str]:
        """What it hears until it ends or falls silent."""
        found: list[str] = []
        try:
            while (event := stream.next(0.5)) is not None:
                found.append(event.data["record"]["title"])
        except TimeoutError:
            found.append("silent")
        return found

    def test_writes_go_on_and_who_missed_something_is_made_to_reconnect(
        self, world: World, held_up: threading.Event, caplog: pytest.LogCaptureFixture
    ) -> None:
        missing, other = world.listen("posts/*"), world.listen("weather")
        for number in range(20):
            world.post(public=True, title=str(number))
        assert self.titles(missing) == []
        held_up.set()
        again = world.listen("posts/*")
        world.post(public=True, title="after")
        assert self.titles(again) == ["after", "silent"]
        assert other.is_silent(0.1)
        assert caplog.text.count("faster than they can be told") == 1

    def test_the_control_as_many_as_fit_are_told(self, world: World, held_up: threading.Event) -> None:
        stream = world.listen("posts/*")
        for number in range(5):
            world.post(public=True, title=str(number))
        held_up.set()
        assert self.titles(stream) == [*"01234", "silent"]
