"""What one expression may cost. The wire's numbers stand in docs/reference; the rest guards this process."""

from __future__ import annotations

from typing import Final

MAX_FILTER_BYTES: Final = 3500  # a client's filter, in UTF-8; a stored rule may be longer (a superuser wrote it)
MAX_RULE_BYTES: Final = 1_000_000
MAX_EXPRESSIONS: Final = 200  # comparisons in one text
MAX_DEPTH: Final = 100  # nested parentheses and calls: the parser and the compiler recurse once a level
MAX_SORT_KEYS: Final = 8
MAX_SORT_BYTES: Final = 3500
MAX_RELATIONS: Final = 6  # relations that one dotted path may cross
MAX_JOINS: Final = 60  # SQLite joins at most 64 tables in one SELECT
MAX_FUNCTION_ARGUMENTS: Final = 10
