"""Compares a server with the real PocketBase, case by case.

python -m tests.wire list [PATTERN]             the ids of all cases
python -m tests.wire run [--only PATTERN]       our server, started through run.py
python -m tests.wire run --target URL --email E --password P
                                                a running server; ITS COLLECTIONS ARE DELETED and seeded anew
python -m tests.wire run --target oracle        a second PocketBase: must show no difference
python -m tests.wire show PATTERN               both raw answers of the cases that match
python -m tests.wire random [--seed N] [--count N]
                                                N random filters, lists and bodies each
python -m tests.wire differences                writes docs/reference/differences.md
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.oracle import EMAIL, PASSWORD, Server, start_oracle, start_ours
from tests.wire.compare import Arena, Outcome
from tests.wire.differences import PAGE, find_difference, page
from tests.wire.random_cases import MAKERS, make_cases
from tests.wire.scenarios import Case, find_cases


def main() -> int:
    """Read the arguments, run, answer the exit code: 1 when anything differs."""
    arguments = _parse()
    if arguments.command == "differences":
        PAGE.write_text(page())
        return 0
    cases = _cases(arguments)
    if arguments.command == "list":
        print("\n".join(case.id for case in cases))
        return 0
    with _arena(arguments) as arena:
        play = _show if arguments.command == "show" else _run
        return play(arena, cases)


def _cases(arguments: argparse.Namespace) -> list[Case]:
    if arguments.command == "random":
        return [case for kind in MAKERS for case in make_cases(kind, arguments.seed, arguments.count)]
    return find_cases(arguments.only)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.wire", description=__doc__, formatter_class=_Plain)
    parser.add_argument("command", choices=["run", "show", "list", "random", "differences"])
    parser.add_argument("only", nargs="?", help="a part of the case ids, or a glob with *")
    parser.add_argument("--only", dest="only_option", help="the same as an option")
    parser.add_argument("--target", help="URL of a running server, or `oracle`; default: start ours")
    parser.add_argument("--email", default=EMAIL)
    parser.add_argument("--password", default=PASSWORD)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    arguments.only = arguments.only_option or arguments.only
    return arguments


_Plain = argparse.RawDescriptionHelpFormatter


@contextmanager
def _arena(arguments: argparse.Namespace) -> Iterator[Arena]:
    with tempfile.TemporaryDirectory() as folder:
        oracle = start_oracle(Path(folder) / "oracle")
        target = None
        try:
            target = _target(arguments, Path(folder))
            with Arena(oracle, target) as arena:
                yield arena
        finally:
            oracle.stop()
            if target:
                target.stop()


def _target(arguments: argparse.Namespace, folder: Path) -> Server:
    if arguments.target == "oracle":
        return start_oracle(folder / "second")
    if arguments.target:
        return Server("target", arguments.target.rstrip("/"), arguments.email, arguments.password)
    return start_ours(folder / "ours")


def _run(arena: Arena, cases: list[Case]) -> int:
    failed: Counter[str] = Counter()
    for case in cases:
        problem = _problem(arena, case)
        if problem:
            failed[case.file] += 1
            print(f"\nDIFFERS {problem}")
    _print_summary(cases, failed)
    return 1 if failed else 0


def _problem(arena: Arena, case: Case) -> str:
    try:
        outcome = arena.play(case)
    except Exception as error:
        return f"case: {case.id}\n{type(error).__name__}: {error}"
    return "" if outcome.is_same or find_difference(case.id) else outcome.report()


def _print_summary(cases: list[Case], failed: Counter[str]) -> None:
    total = Counter(case.file for case in cases)
    print()
    for file, count in total.items():
        print(f"{file:40} {count - failed[file]:4} of {count:4} same")
    requests = sum(case.requests for case in cases)
    print(f"{len(cases)} cases, {requests} answers: {len(cases) - failed.total()} cases same, {failed.total()} differ")


def _show(arena: Arena, cases: list[Case]) -> int:
    outcomes = [arena.play(case) for case in cases]
    for outcome in outcomes:
        _print_raw(outcome)
    return 0 if all(outcome.is_same for outcome in outcomes) else 1


def _print_raw(outcome: Outcome) -> None:
    print(f"=== {outcome.case.id}: {'same' if outcome.is_same else 'DIFFERS'}")
    for expected, got in zip(outcome.expected, outcome.got, strict=True):
        print(f"--- {got.request}\n[oracle] {expected.raw}\n[target] {got.raw}")
    if not outcome.is_same:
        print(outcome.report())


if __name__ == "__main__":
    raise SystemExit(main())
