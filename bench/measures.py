"""How each scenario is measured: one run on one side gives one sample."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench import calls
from bench.calls import Call, Maker
from bench.figures import Sample
from bench.generators import generating
from bench.servers import Side
from bench.wrk import run_wrk, running_wrk

CONNECTIONS = 16
IDLE, STREAMS, SLOW = 10_000, 5_000, 10_000


@dataclass(frozen=True)
class Turn:
    """One run of one scenario: its number (0 is the warm-up, not counted) and how long it loads."""

    number: int
    seconds: int

    @property
    def is_warm_up(self) -> bool:
        """Whether the sample will be thrown away."""
        return self.number == 0


Measure = Callable[[Side, Turn], Sample]


def load(
    maker: Maker,
    connections: int = CONNECTIONS,
    *,
    count: int = 20_000,
    writes: int = 0,
    least_seconds: int = 0,
    warm_seconds: int = 0,
) -> Measure:
    """wrk sends `count` different calls in turn, with `writes` updates a second beside it.

    Runs that count last at least `least_seconds`, the warm-up at least `warm_seconds`.
    """

    def measure(side: Side, turn: Turn) -> Sample:
        made = list(calls.calls(maker, side.world, f"turn {turn.number}", count))
        with writing(side, writes):
            least = warm_seconds if turn.is_warm_up else least_seconds
            return loaded(side, made, connections, max(turn.seconds, least))

    return measure


def loaded(side: Side, made: Sequence[Call], connections: int, seconds: int) -> dict[str, float]:
    """One run of wrk, and the CPU time that the server used meanwhile."""
    before = side.usage()
    seen = run_wrk(side.url, made, connections, seconds)
    spent = side.usage().cpu_seconds - before.cpu_seconds
    return {
        "rate": seen.requests / seen.seconds,
        "p50": seen.p50,
        "p99": seen.p99,
        "cpu": spent / max(1, seen.requests) * 1e6,
        "failed": seen.failed,
        "generator": seen.cpu_share * 100,
    }


@contextmanager
def writing(side: Side, per_second: int) -> Iterator[None]:
    """Updates beside what is measured; none when 0."""
    if not per_second:
        yield
        return
    with generating("writer", url=side.url, rows=side.world.rows, per_second=per_second):
        yield


def fan_out(count: int, events: int, *, own_filters: bool = False) -> Measure:
    """Subscribers, each another user; memory and connecting first, then events one after another."""

    def measure(side: Side, turn: Turn) -> Sample:
        subscribers = 50 if turn.is_warm_up else count
        before = side.usage()
        with generating(
            "subscribers", **audience(side, subscribers, 2 if turn.is_warm_up else events, own_filters)
        ) as crowd:
            connected = side.usage()
            seen = crowd.tell("publish")
            spent = side.usage().cpu_seconds - connected.cpu_seconds
        return {
            "connect_rate": subscribers / crowd.ready["seconds"],
            "fan_out_p50": seen["p50"],
            "fan_out_p99": seen["p99"],
            "cpu_event": spent / max(1, seen["delivered"]) * 1e6,
            "lost": seen["lost"],
            "failed": seen["refused"],
            "kib_client": (connected.resident - before.resident) / subscribers / 1024,
            "generator": seen["cpu_share"] * 100,
        }

    return measure


def audience(side: Side, count: int, events: int = 0, own_filters: bool = False) -> dict[str, object]:
    """The options of bench.subscribers: a token each, and a topic each when everybody has a filter of their own."""
    tokens = [side.world.user_token(number) for number in range(count)]
    topics = [own_topic(number) for number in range(count)] if own_filters else ["chat/*"]
    return {"url": side.url, "tokens": tokens, "topics": topics, "events": events}


def own_topic(number: int) -> str:
    """All chat records but those with one title, another one for each subscriber."""
    options = {"query": {"filter": f"title != 'nobody {number}'"}}
    return f"chat/*?options={json.dumps(options)}"


def reads_beside_logins(side: Side, turn: Turn) -> Sample:
    """Views by wrk, while another wrk signs in on 16 connections."""
    logins = list(calls.calls(calls.login, side.world, "logins", 500))
    views = list(calls.calls(calls.view, side.world, f"turn {turn.number}", 20_000))
    with running_wrk(side.url, logins, calls.LOGINS, turn.seconds + 5):
        time.sleep(1)
        return loaded(side, views, CONNECTIONS, turn.seconds)


def reads_beside_idle(side: Side, turn: Turn) -> Sample:
    """Views, while 10,000 keep-alive connections and 5,000 streams lie idle."""
    idle, streams = (100, 50) if turn.is_warm_up else (IDLE, STREAMS)
    views = list(calls.calls(calls.view, side.world, f"turn {turn.number}", 20_000))
    with (
        generating("crowd", url=side.url, count=idle, is_slow=False) as crowd,
        generating("subscribers", **audience(side, streams)),
    ):
        seen = loaded(side, views, CONNECTIONS, turn.seconds)
        return {**seen, "memory": side.usage().resident / 1e6, **crowd.tell("count")}


def reads_beside_slow(side: Side, turn: Turn) -> Sample:
    """Views, while 10,000 connections send their headers a byte every five seconds."""
    views = list(calls.calls(calls.view, side.world, f"turn {turn.number}", 20_000))
    with generating("crowd", url=side.url, count=100 if turn.is_warm_up else SLOW, is_slow=True) as crowd:
        seen = loaded(side, views, CONNECTIONS, turn.seconds)
        return {**seen, **crowd.tell("count")}


def idle_memory(side: Side, turn: Turn) -> Sample:
    """What a server holds that has answered one request and rested."""
    time.sleep(0 if turn.is_warm_up else 2)
    return {"memory": side.usage().resident / 1e6}


def cold_start(side: Side, turn: Turn) -> Sample:
    """From starting the program to its first answer."""
    return {"seconds": side.restart(), "cpu_seconds": side.usage().cpu_seconds}
