"""`:excerpt(n,dots)` of the wire: the plain text of HTML, cut to n characters.

A browser would build a tree; this walks the tags once instead, with patterns that never look at a character twice
(a text of a client may be megabytes of `<`). It agrees with the original's tree on everything that an editor field
can hold: what counts as inline, what is skipped whole, comments, entities, tables.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

# Tags that don't part words. Every other tag does, before and after.
INLINE: Final = frozenset(
    (
        *("a", "abbr", "acronym", "b", "bdo", "big", "br", "cite", "code", "em", "embed", "i", "image", "img", "input"),
        *("label", "q", "small", "span", "strike", "strong", "sub", "sup", "time"),
    )
)
# Controls and drawings: skipped with everything in them.
SKIPPED: Final = frozenset(("applet", "button", "dialog", "form", "iframe", "object", "option", "select", "svg"))
RAW: Final = frozenset(("script", "style", "template", "textarea"))  # skipped up to their own end tag
HEAD_ONLY: Final = frozenset(("title", "noscript"))  # skipped before the first visible text
TABLE_PARTS: Final = frozenset(("caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"))
IGNORED: Final = frozenset(("html", "head", "body", "frame", "frameset"))
VOID: Final = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "meta", "param", "source"),
        *("track", "wbr"),
    )
)

TOKEN: Final = re.compile(
    r"""<!--(?:-?>|.*?(?:-->|\Z))
      | <(?:[!?]|/(?![a-zA-Z]))[^>]*(?:>|\Z)
      | <(?P<close>/?)(?P<tag>[a-zA-Z][^\s/>]*)(?:[^>"']|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))*+(?:>|\Z)
      | (?P<text>[^<]+|<+(?=<)|<)""",
    re.VERBOSE | re.DOTALL,
)
SPACES: Final = re.compile(r"[ \t\n\r\f\v]+")


def excerpt(text: str, limit: int, dots: bool = False) -> str:
    """The first `limit` characters of the text without tags and doubled spaces; "..." after it when asked and cut."""
    plain = plain_text(text, limit)
    if len(plain) <= limit:
        return plain
    return plain[:limit].rstrip() + ("..." if dots else "")


def plain_text(text: str, enough: int | None = None) -> str:
    """HTML without its tags: blocks parted by one space, entities resolved. Stops soon after `enough` characters."""
    if "<" not in text and "&" not in text:
        return SPACES.sub(" ", text).strip()
    pieces, length = [], 0
    for piece in _visible(text):
        pieces.append(piece)
        length += len(SPACES.sub("", piece))
        if enough is not None and length > enough:
            break
    return SPACES.sub(" ", "".join(pieces)).strip()


def _visible(text: str) -> Iterator[str]:
    """The visible pieces, with a space for each tag that parts words."""
    position, tables, has_begun = 0, 0, False
    while position < len(text):
        token = TOKEN.match(text, position)
        if token is None:
            return
        position = token.end()
        if token["text"]:
            has_begun = has_begun or not token["text"].isspace()
            yield html.unescape(token["text"])
        elif token["tag"]:
            tag, closes = token["tag"].lower(), bool(token["close"])
            if not closes and (tag in SKIPPED or tag in RAW or (tag in HEAD_ONLY and not has_begun)):
                position = _after_element(text, position, tag)
                continue
            tables += (tag == "table") * (-1 if closes else 1)
            if _parts_words(tag, tables > 0, closes):
                yield " "


def _parts_words(tag: str, in_table: bool, closes: bool) -> bool:
    if tag in INLINE or tag in IGNORED:
        return False
    if closes:
        return tag not in VOID and (tag not in TABLE_PARTS or in_table)
    return tag not in TABLE_PARTS or in_table


def _after_element(text: str, position: int, tag: str) -> int:
    """Where the element ends that has just begun; the text's end when it is never closed."""
    depth = 1
    for found in re.finditer(rf"<(/?){re.escape(tag)}(?![a-z0-9-])[^>]*(?:>|\Z)", text[position:], re.IGNORECASE):
        depth += -1 if found[1] else tag not in RAW
        if depth == 0:
            return position + found.end()
    return len(text)
