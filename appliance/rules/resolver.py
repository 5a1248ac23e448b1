"""What the compiler asks for the meaning of a name. rules/ knows no schema: a Resolver does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from appliance.sql import Sql, parameter

NULL = Sql("NULL")
EMPTY_TEXT = Sql("''")


class Kind(Enum):
    """What is known of an operand's value when the statement is built."""

    EMPTY = "empty"  # null or '': equal to each other, and to a NULL column
    KNOWN = "known"  # a literal or a request's value, not empty
    COLUMN = "column"  # anything: only the row tells


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison.

    `is_exact`: null and '' differ (JSON values). `many`: a SELECT of one column, `value`, with every value that the
    path reaches for the row; then a plain operator must hold for all of them. `visible`: a condition without which
    the comparison is false (e-mail addresses that their owners hide). `constant`: the value or Slot of a KNOWN
    operand that `~` may turn into a pattern.
    """

    value: Sql
    kind: Kind = Kind.COLUMN
    is_exact: bool = False
    many: Sql | None = None
    visible: Sql | None = None
    constant: Any = None


def known(value: Any) -> Operand:
    """An operand for a value or Slot that is bound as it is and is not empty."""
    return Operand(parameter(value), Kind.KNOWN, constant=value)


class Resolver(Protocol):
    """Gives identifiers their meaning. It collects the joins that they need; the caller takes them afterwards."""

    def resolve(self, name: str) -> Operand:
        """The operand of a field path, `@request...` or `@collection...`.

        Raises RuleError with what is wrong (`unknown field "x"`) and, as hint, what to do.
        """
