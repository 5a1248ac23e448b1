"""Pieces of SQL with their parameters. Text from a rule or a request only ever travels as a parameter.

A parameter is a constant, or a `Slot`: a value that each execution reads from what is asking (the request, the
moment, the would-be record). So one compiled statement serves every request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

LARGEST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter that is known only when the statement runs. `read` gets whatever the caller passes to `bind`."""

    name: str
    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL: as many `?` in `text` as there are `parameters`."""

    text: str
    parameters: tuple[Any, ...] = ()


def parameter(value: Any) -> Sql:
    """One bound value or Slot."""
    return Sql("?", (value,))


def sql(template: str, *parts: Sql) -> Sql:
    """Put the parts into the template's `{}` places, parameters in the order of the text."""
    text = template.format(*(part.text for part in parts))
    return Sql(text, tuple(value for part in parts for value in part.parameters))


def join_sql(separator: str, parts: Iterable[Sql]) -> Sql:
    """The parts one after the other with `separator` between them."""
    parts = list(parts)
    text = separator.join(part.text for part in parts)
    return Sql(text, tuple(value for part in parts for value in part.parameters))


def bind(parameters: Sequence[Any], asking: Any) -> list[Any]:
    """The parameters with every Slot read from `asking`, each in a form that every driver takes."""
    return [bindable(value.read(asking) if isinstance(value, Slot) else value) for value in parameters]


def bindable(value: Any) -> Any:
    """A value as drivers take it: whole numbers over 64 bits as floats, half surrogates (JSON can send them) as `?`."""
    if isinstance(value, str) and not value.isascii():
        return value.encode(errors="replace").decode()
    if isinstance(value, int) and not -LARGEST <= value < LARGEST:
        return float(value) if abs(value) < 10**308 else math.inf * (1 if value > 0 else -1)
    return value
