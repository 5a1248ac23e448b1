"""THE list: what is measured, what it should reach, and what the figure leaves out."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench import calls
from bench.certificate import write_certificate
from bench.figures import Goal
from bench.measures import (
    STREAMS,
    Measure,
    cold_start,
    fan_out,
    idle_memory,
    load,
    reads_beside_idle,
    reads_beside_logins,
    reads_beside_slow,
)
from bench.servers import Side, add_logins

SMALL, LARGE = 10_000, 1_000_000
ANY_ROUNDS = 1000
WRITES_BESIDE = 50
SLOW_SECONDS = 4
"""Least run of requests that take long. Those under way at the end of a run are in its CPU but not in its count."""
LIMITS_OFF: Mapping[str, object] = {"rateLimits": {"enabled": False}}
LIMITS_ON: Mapping[str, object] = {
    "rateLimits": {"enabled": True, "rules": [{"label": "/api/", "maxRequests": 100_000_000, "duration": 60}]}
}


@dataclass(frozen=True)
class Scenario:
    """One row of the list.

    `fresh_turns`: a new server for every run, not one for all runs. `settings` are changed before and `undone` after.
    `needs` gives the reason why it can't run here, or "". --quick leaves out what is not `is_quick`.
    """

    name: str
    measure: Measure
    goals: Sequence[Goal] = ()
    leaves_out: str = ""
    rows: int = SMALL
    fresh_turns: bool = False
    most_rounds: int = ANY_ROUNDS
    is_quick: bool = True
    prepare: Callable[[Side], None] | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    undone: Mapping[str, object] = field(default_factory=dict)
    options: Callable[[Side], Sequence[str]] = lambda _side: ()
    needs: Callable[[], str] = lambda: ""


def tls_options(side: Side) -> Sequence[str]:
    """Ours with a certificate; the original has no option for one of your own."""
    if not side.is_ours:
        return ()
    certificate, key = write_certificate(side.data.parent)
    return ("--tls-cert", str(certificate), "--tls-key", str(key))


def needs_descriptors() -> str:
    """Whether a process may hold 15,000 connections here."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return "" if most >= 16_000 else f"the limit of open files is {most}: ulimit -Hn 20000"


def times(cpu: float, rate: float) -> tuple[Goal, Goal]:
    """So many times less CPU a request, and so many times the requests a second."""
    return Goal("cpu", cpu), Goal("rate", rate)


def at_most(figure: str, bound: float) -> Goal:
    """An absolute bound for ours."""
    return Goal(figure, bound, than="")


def rows_cost(than: str) -> tuple[Goal]:
    """A million rows may cost 1.3 times the CPU of 10,000."""
    return (Goal("cpu", 1.3, than=than),)


VIEW = "view, random id"
VIEW_OWN = "view, JWT + owner rule"
LIST = "list 30 with total, random pages"
LIST_SKIP = "list 30, skipTotal, random pages"
CLOSED_LOOP = "Every connection sends its next request at once: no think time, no network but the loopback."

SCENARIOS: Sequence[Scenario] = (
    Scenario(
        VIEW,
        load(calls.view, writes=WRITES_BESIDE, warm_seconds=3),
        times(4, 2),
        f"{CLOSED_LOOP} 50 updates a second go on beside it, their CPU counted in. "
        "All 10,000 rows fit in both servers' caches; the warm-up takes 3 s here.",
    ),
    Scenario(
        VIEW_OWN,
        load(calls.view_own, writes=WRITES_BESIDE, warm_seconds=3),
        times(7, 3),
        "100 users' tokens at random on each connection; real clients send one token a connection. "
        "Updates beside it as above.",
    ),
    Scenario(
        LIST,
        load(calls.list_page(30, with_total=True)),
        times(15, 5),
        "The first 300 pages in the table's own order; no writes meanwhile: see below.",
    ),
    Scenario(LIST_SKIP, load(calls.list_page(30, with_total=False)), times(4, 2), "As above."),
    Scenario(
        "list 30 with total, 50 updates/s beside",
        load(calls.list_page(30, with_total=True), writes=WRITES_BESIDE),
        (),
        "As above, while any of the rows may change; the updates' CPU is counted in.",
        most_rounds=2,
        is_quick=False,
    ),
    Scenario(
        "list 500",
        load(calls.list_page(500, with_total=True), least_seconds=SLOW_SECONDS),
        times(3, 2),
        "20 pages, no writes meanwhile; 230 KB an answer, so sending is a good part of it. No compression asked for.",
    ),
    Scenario(
        "list 500, 50 updates/s beside",
        load(calls.list_page(500, with_total=True), writes=WRITES_BESIDE, least_seconds=SLOW_SECONDS),
        (),
        "As above, while any of the rows may change; the updates' CPU is counted in.",
        most_rounds=2,
        is_quick=False,
    ),
    Scenario(
        "filter + sort, varying values",
        load(calls.filtered(50_000_000), count=40_000, least_seconds=SLOW_SECONDS),
        times(10, 5),
        "No literal comes twice, so no answer can be remembered. No index helps. No writes meanwhile.",
    ),
    Scenario(
        "filter + sort, 8 values",
        load(calls.filtered(8), least_seconds=SLOW_SECONDS),
        (),
        "The same query with eight literals and no writes: what remembering answers can do at best.",
        most_rounds=2,
        is_quick=False,
    ),
    Scenario(
        "create, 16 connections",
        load(calls.create),
        times(4, 1.5),
        "Ours at synchronous=FULL (on the disk before it is answered), the original at its default NORMAL "
        "(a power cut may lose the last ones). Seven fields, no index but the id, nobody listens.",
    ),
    Scenario("create, 64 connections", load(calls.create, 64), times(4, 1.5), "As above."),
    Scenario("update, random id", load(calls.update), (), "As create; two fields of 10,000 rows."),
    Scenario(
        "mixed: 90 % Zipf reads, 10 % writes",
        load(calls.mixed),
        (),
        "Latencies of reads and writes are in one distribution.",
    ),
    Scenario(
        "login",
        load(calls.login, count=500, least_seconds=SLOW_SECONDS),
        (),
        "bcrypt there, argon2id here: both are slow on purpose, so this compares hashes more than servers.",
        prepare=add_logins,
        most_rounds=2,
    ),
    Scenario(
        "file download, 1 MB",
        load(calls.download, count=100),
        (),
        "From the page cache, whole files, no range. wrk's reading is a good part of what the machine does.",
        most_rounds=2,
    ),
    Scenario(
        "file upload, 1 MB, 8 connections",
        load(calls.upload, 8, count=50),
        (),
        "Ours flushes file and folder to the disk before the row; the original leaves them to the system.",
        most_rounds=2,
    ),
    Scenario(
        "view, ours over TLS, PB plain",
        load(calls.view),
        (),
        "TLS in our process against the original without any, which needs a proxy for a certificate of your own. "
        "Keep-alive connections: handshakes are few.",
        options=tls_options,
    ),
    Scenario(
        "view, rate limits on",
        load(calls.view),
        (),
        "What counting costs: a limit that is never reached. All other lines run with limits off on both sides.",
        settings=LIMITS_ON,
        undone=LIMITS_OFF,
        most_rounds=2,
        is_quick=False,
    ),
    Scenario(
        "view, request log off",
        load(calls.view),
        (),
        "Both with their log of requests off (logs.maxDays = 0); all other lines run with the defaults.",
        settings={"logs": {"maxDays": 0}},
        undone={"logs": {"maxDays": 5}},
        most_rounds=2,
        is_quick=False,
    ),
    Scenario(
        "SSE, 1,000 subscribers",
        fan_out(1000, 20),
        (Goal("cpu_event", 3), Goal("fan_out_p99", 2)),
        "Each a user of its own under a rule that asks who they are; one event at a time. The reader in Python takes "
        "some 4 us an event of the same two cores, and that is in the latencies.",
        fresh_turns=True,
    ),
    Scenario(
        "SSE, 1,000 subscribers, own filters",
        fan_out(1000, 20, own_filters=True),
        (),
        "As above, and each subscriber has another filter text.",
        fresh_turns=True,
        most_rounds=2,
        is_quick=False,
    ),
    Scenario(
        "SSE, 5,000 subscribers",
        fan_out(STREAMS, 8),
        (),
        "As above; the connect rate is of one Python program that opens one stream after another.",
        fresh_turns=True,
        most_rounds=2,
        is_quick=False,
    ),
    Scenario(
        "views beside 16 parallel logins",
        reads_beside_logins,
        (at_most("p99", 50),),
        "The logins' CPU is counted in the views'. Sixteen people who sign in without pause are many for a small box.",
        prepare=add_logins,
    ),
    Scenario(
        "views beside 10,000 idle + 5,000 SSE",
        reads_beside_idle,
        (at_most("p50", 2), at_most("p99", 25), at_most("memory", 150)),
        "Nothing is published meanwhile.",
        fresh_turns=True,
        most_rounds=1,
        needs=needs_descriptors,
        is_quick=False,
    ),
    Scenario(
        "views beside 10,000 slow headers",
        reads_beside_slow,
        (at_most("p99", 50),),
        "From 250 addresses; connections that the server closes are opened again, "
        "and the generator's work is on the same cores.",
        fresh_turns=True,
        most_rounds=1,
        needs=needs_descriptors,
        is_quick=False,
    ),
    Scenario(
        "idle memory",
        idle_memory,
        (at_most("memory", 64),),
        "2 s after the start; resident pages, shared libraries counted in full.",
        fresh_turns=True,
    ),
    Scenario(
        "cold start to the first /api/health",
        cold_start,
        (at_most("seconds", 0.8),),
        "Files in the page cache, modules compiled by an earlier start, environment already made.",
    ),
    Scenario(
        "view, random id, 1M rows",
        load(calls.view, writes=WRITES_BESIDE, warm_seconds=3),
        rows_cost(VIEW),
        "Most rows are in neither server's cache, all pages in the system's.",
        rows=LARGE,
        is_quick=False,
    ),
    Scenario(
        "list 30 with total, 1M rows",
        load(calls.list_page(30, with_total=True), least_seconds=10),
        rows_cost(LIST),
        "The first 300 pages again: deep pages cost both servers the rows that they skip. Runs of 10 s, because "
        "the original counts all rows for each answer.",
        rows=LARGE,
        most_rounds=1,
        is_quick=False,
    ),
    Scenario(
        "list 30, skipTotal, 1M rows",
        load(calls.list_page(30, with_total=False)),
        rows_cost(LIST_SKIP),
        "As above.",
        rows=LARGE,
        is_quick=False,
    ),
)
