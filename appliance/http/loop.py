"""The loop that drives waitress's channels: selectors (epoll, kqueue) instead of asking every socket every time.

waitress's own loop rebuilds its list of sockets on each turn, so 2,000 idle connections cost more than all the work,
and select() ends at descriptor 1,024. Here a channel is looked at only when something may have changed for it:

    it is new              the map's __setitem__ tells
    its socket is ready    the selector tells
    a worker runs for it   `running`: looked at each turn, few by nature
    a worker has ended     `wake(channel)`, from the worker's thread

A worker that writes a large answer holds the channel's output lock for a moment; then `writable()` says no, and the
loop looks again `RETRY_SECONDS` later instead of spinning.
"""

from __future__ import annotations

import logging
import selectors
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from appliance import clock
from appliance.http.stalls import Stalls

log = logging.getLogger("homeport.http")

IDLE_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 0.005
POST_SECONDS: Final = 0.001  # for so long at most an answer waits for others of its turn


@dataclass
class Timer:
    """Something that is done every so many seconds, next at `due`."""

    seconds: float
    function: Callable[[float], None]
    due: float


class ChannelMap(dict[int, Any]):
    """Descriptor -> what waitress listens, is woken or serves with. Notes what comes; unregisters what goes."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop

    def __setitem__(self, descriptor: int, channel: Any) -> None:
        super().__setitem__(descriptor, channel)
        self._loop.touch(channel)

    def __delitem__(self, descriptor: int) -> None:
        super().__delitem__(descriptor)
        self._loop.unregister(descriptor)


class Loop:
    """One thread's turns. Other threads may use `wake`, `call` and `wake_up` only, and read `stalls`."""

    def __init__(self) -> None:
        self.map = ChannelMap(self)
        self.running: set[Any] = set()
        self.pull_trigger: Callable[[], None] = _no_trigger_yet
        self.stalls = Stalls()
        self._selector = selectors.DefaultSelector()
        self._events: dict[int, int] = {}  # descriptor -> what the selector waits for
        self._touched: set[Any] = set()
        self._ended: deque[Any] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._posted: list[tuple[Any, bytes]] = []  # (channel, answer)
        self._posted_at = 0.0  # when the oldest of them was
        self._is_woken = False  # the trigger is pulled, and the turn that it asks for has not begun
        self._must_retry = False
        self._stopped = False
        self._timers: list[Timer] = []

    def every(self, seconds: float, function: Callable[[float], None]) -> None:
        """Call `function(moment)` in the loop, again and again. Before `run` only."""
        self._timers.append(Timer(seconds, function, clock.monotonic() + seconds))

    def touch(self, channel: Any) -> None:
        """Look at this channel on the next turn."""
        self._touched.add(channel)

    def post(self, channel: Any, answer: bytes) -> None:
        """In the loop: let `channel.send_posted(answer)` run soon, after others who are ready now have been read.

        Sending to a client that sleeps wakes it, which costs its sender 10 to 40 us. Answers sent one after the other
        find it awake.
        """
        if not self._posted:
            self._posted_at = clock.monotonic()
        self._posted.append((channel, answer))

    def wake(self, channel: Any) -> None:
        """From a worker: its request has ended, look at the channel now."""
        self._ended.append(channel)
        self.wake_up()

    def call(self, function: Callable[[], None]) -> None:
        """From any thread: run `function` in the loop, soon."""
        self._calls.append(function)
        self.wake_up()

    def wake_up(self) -> None:
        """From any thread: begin another turn. One pull of the trigger is enough for all who ask before it begins."""
        if not self._is_woken:
            self._is_woken = True
            self.pull_trigger()

    def stop(self) -> None:
        """End `run` after this turn. Call it in the loop (`call(loop.stop)`)."""
        self._stopped = True

    def run(self) -> None:
        """Turn until stopped. A failure of one channel closes that channel, never the loop."""
        while not self._stopped:
            self.turn()
        self._selector.close()

    def turn(self) -> None:
        """Wait until something is due, and do everything that is."""
        ready = self._selector.select(self._patience())
        began = clock.monotonic()
        self._is_woken = False  # before the queues are looked at: who comes later pulls the trigger again
        for key, events in ready:
            self._serve(key.fd, events)
            if self._posted and clock.monotonic() - self._posted_at > POST_SECONDS:
                self._send_posted()
        while self._calls:
            self._guarded(None, self._calls.popleft())
        self._send_posted()
        while self._ended:
            self._end(self._ended.popleft())
        self._run_timers(began)
        self._must_retry = self._refresh()
        ended = clock.monotonic()
        self.stalls.note(ended - began, ended)

    def _send_posted(self) -> None:
        posted, self._posted = self._posted, []
        for channel, answer in posted:
            self._guarded(channel, channel.send_posted, answer)

    def _patience(self) -> float:
        if self._calls or self._ended or self._touched:
            return 0.0
        return RETRY_SECONDS if self._must_retry else IDLE_SECONDS

    def unregister(self, descriptor: int) -> None:
        """Stop watching a descriptor that is about to be closed or given away."""
        if self._events.pop(descriptor, 0):
            self._selector.unregister(descriptor)

    def _run_timers(self, moment: float) -> None:
        for timer in self._timers:
            if moment >= timer.due:
                timer.due = moment + timer.seconds
                self._guarded(None, timer.function, moment)

    def _refresh(self) -> bool:
        """Tell the selector what each touched channel waits for; whether one has output that is locked just now."""
        if not self._touched and not self.running:
            return False
        looked_at, self._touched = self._touched | self.running, set()
        for channel in looked_at:
            self._guarded(channel, self._watch, channel)
        return any(getattr(channel, "is_output_locked", False) for channel in tuple(self.running))

    def _watch(self, channel: Any) -> None:
        descriptor = channel._fileno
        if descriptor not in self.map or self.map[descriptor] is not channel:
            return
        wanted = selectors.EVENT_READ if channel.readable() else 0
        if not channel.accepting and channel.writable():
            wanted |= selectors.EVENT_WRITE
        self._register(descriptor, wanted)

    def _register(self, descriptor: int, wanted: int) -> None:
        known = self._events.get(descriptor, 0)
        if known == wanted:
            return
        if not wanted:
            self.unregister(descriptor)
            return
        change = self._selector.modify if known else self._selector.register
        change(descriptor, wanted)
        self._events[descriptor] = wanted

    def _serve(self, descriptor: int, ready: int) -> None:
        """Let a ready channel read and write. A descriptor that was closed and taken again within this turn has a
        new channel that waits for nothing yet: the old readiness is not its own."""
        if descriptor not in self.map or not self._events.get(descriptor, 0) & ready:
            return
        channel = self.map[descriptor]
        if ready & selectors.EVENT_READ:
            self._guarded(channel, channel.handle_read_event)
        if ready & selectors.EVENT_WRITE and channel._fileno == descriptor:
            self._guarded(channel, channel.handle_write_event)
        if ready != selectors.EVENT_READ or not getattr(channel, "is_quiet", False):
            self.touch(channel)

    def _end(self, channel: Any) -> None:
        if not channel.needs_worker:
            self.running.discard(channel)
        self.touch(channel)
        self._guarded(channel, channel.request_ended)

    def _guarded(self, channel: Any, function: Callable[..., object], *arguments: Any) -> None:
        try:
            function(*arguments)
        except OSError as error:
            log.debug("a connection ended: %s", error)
            _close(channel)
        except Exception:
            log.exception("a connection failed and is closed")
            _close(channel)


def _close(channel: Any) -> None:
    if channel is not None:
        channel.handle_close()


def _no_trigger_yet() -> None:
    """Before the server has its trigger nobody sleeps in the loop."""
