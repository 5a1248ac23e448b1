"""The patterns of `~`. A text without `%` is looked for anywhere, `%` in it makes it a pattern of its own."""

from __future__ import annotations

import re
from typing import Any

_FREE_PERCENT = re.compile(r"(?<!\\)(?:\\\\)*%")


def like_pattern(value: Any) -> str:
    """The LIKE pattern (escape character `\\`) for the right side of `~`."""
    text = _as_text(value)
    return text if _FREE_PERCENT.search(text) else f"%{_escape(text)}%"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _escape(text: str) -> str:
    """Escape `\\`, `%` and `_` unless they are escaped already.

    Read from the right, and the character before one that was just escaped is left as it is: the wire's original
    does so (`__` becomes `_\\_`), and a filter must find the same records here.
    """
    characters = list(text)
    index = len(characters) - 1
    while index >= 0:
        if characters[index] in "\\%_":
            if index == 0 or characters[index - 1] != "\\":
                characters[index] = "\\" + characters[index]
            index -= 1
        index -= 1
    return "".join(characters)
