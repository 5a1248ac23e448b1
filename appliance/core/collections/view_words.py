"""Reading the SELECT of a view: its columns with their names, and its tables with theirs.

This is no SQL parser. It finds out where a view's columns come from, so that they get the fields of their source; what
it can't read it refuses, as the wire's original does. What is safe to run SQLite's own authorizer decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

COMMENT: Final = re.compile(r"--[^\n]*|/\*.*?\*/|('(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\])", re.DOTALL)
QUOTES: Final = "`\"'[]"
JOINS: Final = frozenset(("left", "right", "inner", "outer", "cross", "full"))
ENDS: Final = frozenset(("where", "group", "having", "order", "limit", "window"))
_IDENTIFIER_WORDS: Final = 3  # name AS alias


class ViewQueryError(ValueError):
    """The query can't be a view's. The message is the wire's sentence after "Invalid query - "."""


@dataclass(frozen=True, slots=True)
class Named:
    """An expression or table, and the name it goes by."""

    source: str
    alias: str


@dataclass(slots=True)
class ViewText:
    """What was read: columns in order, and tables with the main one first."""

    columns: list[Named] = field(default_factory=list)
    tables: list[Named] = field(default_factory=list)


def read_view(query: str) -> ViewText:
    """Read a SELECT. Raises ViewQueryError."""
    text = _without_comments(query).strip().rstrip(";").rstrip()
    columns, tables = _sections(_words(text))
    if any(part and (part[0] == "*" or part[0].endswith(".*")) for part in columns):
        raise ViewQueryError(
            "wildcard columns (*) are not supported - manually type the collection field names you want the view "
            "query to have"
        )
    return ViewText([_named(part) for part in columns if part], [_named(part) for part in tables if part])


def unquoted(name: str) -> str:
    """A name without its quotes."""
    return name.strip(QUOTES)


def _without_comments(query: str) -> str:
    return COMMENT.sub(lambda found: found[1] or " ", query)


_WORD: Final = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"[^"]*"|`[^`]*`|\[[^\]]*\])|(?P<bracket>[()])|(?P<space>\s+)|(?P<comma>,)"""
    r"""|(?P<other>[^'"`\[()\s,]+|.)""",
    re.DOTALL,
)


def _words(text: str) -> Iterator[str]:
    """Words between spaces, and commas; a quoted text and whatever is in brackets stay in their word."""
    word, depth = "", 0
    for found in _WORD.finditer(text):
        piece = found[0]
        if piece in ("(", ")"):
            depth += 1 if piece == "(" else -1
        elif found["other"] and ";" in piece:
            raise ViewQueryError("multiple statements are not supported")
        if depth > 0 or not (found["space"] or found["comma"]):
            word += piece
            continue
        yield from filter(None, (word, piece.strip()))
        word = ""
    yield from filter(None, (word,))


Parts = list[list[str]]


def _sections(words: Iterable[str]) -> tuple[Parts, Parts]:
    """The words of each column and of each table."""
    columns: Parts = [[]]
    tables: Parts = [[]]
    current: Parts | None = None
    skipping = False
    for word in words:
        lower = word.lower()
        if lower == "select":
            current, skipping = columns, False
        elif lower == "from":
            current, skipping = tables, False
        elif lower in ENDS:
            current = None
        elif current is not None and (word == "," or lower == "join"):
            current.append([])
            skipping = False
        elif current is tables and (lower in JOINS or lower == "on"):
            skipping = skipping or lower == "on"
        elif current is not None and not skipping and lower not in ("distinct", "all"):
            current[-1].append(word)
    return columns, tables


def _named(words: list[str]) -> Named:
    if len(words) == 1:
        return Named(words[0], unquoted(words[0].rpartition(".")[2]))
    if len(words) == _IDENTIFIER_WORDS and words[1].lower() != "as":
        raise ViewQueryError(f'invalid identifier part - expected "as", got {words[1]}')
    if len(words) > _IDENTIFIER_WORDS:
        raise ViewQueryError(f"invalid identifier parts [{' '.join(words)}]")
    return Named(words[0], unquoted(words[-1]))
