"""What a text means once it is parsed: a tree of frozen values. `column` counts characters from 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

AND: Final = "&&"
OR: Final = "||"

EQUAL: Final = "="
DIFFERENT: Final = "!="
LIKE: Final = "~"
NOT_LIKE: Final = "!~"


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text, escapes undone."""

    value: str
    column: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number; `literal` as written."""

    value: float
    literal: str
    column: int


@dataclass(frozen=True, slots=True)
class Identifier:
    """A field path, a macro, `@request...`, `@collection...`, or one of null, true, false."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Argument, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`. `is_any` is set by the `?` forms; `operator` comes without the `?`."""

    left: Argument
    operator: str
    right: Argument
    is_any: bool


@dataclass(frozen=True, slots=True)
class Term:
    """One member of a group and the join (`&&`, `||`) before it; the first term's join has no meaning."""

    join: str
    expression: Comparison | Group


@dataclass(frozen=True, slots=True)
class Group:
    """Terms in the order written. `&&` binds tighter than `||`, as in SQL."""

    terms: tuple[Term, ...]


Argument: TypeAlias = Text | Number | Identifier | Call


def literal_of(argument: Argument) -> str:
    """The argument as an error names it: a text without quotes, a function without arguments."""
    if isinstance(argument, Text):
        return argument.value
    return argument.literal if isinstance(argument, Number) else argument.name
