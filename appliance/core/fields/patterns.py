"""Regular expressions that a collection's author writes: Go's dialect, run by RE2, which can't be made to hang.

`generate` makes a text that a pattern matches, for `autogeneratePattern`.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from typing import Any

import re2

from appliance import clock

MAX_REPEAT = 1000
MAX_DEPTH = 50
MAX_ATOMS = 20_000
MANY = 6  # how often * and + repeat at most when generating, as in the original
ONE_CLASS = re.compile(r"(\[[a-zA-Z0-9-]+\])\{([0-9]+)\}")  # what nearly every id and token key is made by
ID_PATTERN = "^[a-z0-9]+$"  # of nearly every id, checked at each save: Python's engine is ten times quicker on it
PLAIN_ID = re.compile("[a-z0-9]+")
QUOTED = re.compile(r"(?<!\\)((?:\\\\)*)\\Q(.*?)(?:\\E|\Z)", re.DOTALL)  # \Q...\E: as it stands
SINGLE_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
ANY_CHARACTER = string.ascii_letters + string.digits

# RE2's words for what is wrong -> those of Go's regexp/syntax, which the wire shows
_GO_WORDS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
}
_ANCHORS = {"^": 9, "$": 10}
_ESCAPED_ANCHORS = {"A": 9, "z": 10, "b": 11, "B": 12}


class UnsupportedPattern(ValueError):
    """`generate` can't make a text for this pattern; the message is the wire's sentence."""


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """The compiled pattern. Raises re2.error. `\\C`, half a character, is RE2's alone: Go refuses it."""
    if SINGLE_BYTE.search(pattern):
        raise re2.error(b"invalid escape sequence: \\C")
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options=options)


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text; a pattern that can't be compiled matches nothing."""
    if pattern == ID_PATTERN:
        return PLAIN_ID.fullmatch(text) is not None
    try:
        return compiled(pattern).search(text) is not None
    except re2.error:
        return False


def pattern_error(pattern: str) -> str:
    """The wire's sentence on why a pattern can't be compiled; "" when it can."""
    try:
        compiled(pattern)
    except re2.error as error:
        return f"Error parsing regexp: {_go_reason(error)}."
    return ""


def _go_reason(error: Exception) -> str:
    reason = error.args[0] if error.args else b""
    words, _, piece = (reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)).partition(": ")
    return f"{_GO_WORDS.get(words, words)}: `{piece}`"


def generate(pattern: str) -> str:
    """A random text that the pattern matches, drawn evenly at each choice. Raises UnsupportedPattern."""
    simple = _length_and_letters(pattern)
    if simple is not None:
        return clock.random_text(*simple)
    return _Generator(QUOTED.sub(lambda found: found[1] + re.escape(found[2]), pattern)).text()


@lru_cache(maxsize=512)
def _length_and_letters(pattern: str) -> tuple[int, str] | None:
    """What a pattern of one class and a count asks for."""
    simple = ONE_CLASS.fullmatch(pattern)
    return (int(simple[2]), _filtered(simple[1])) if simple and int(simple[2]) <= MAX_REPEAT else None


class _Generator:
    """A reader of the pattern that writes while it reads; an alternative not chosen is read and thrown away.

    Knows literals, escapes, classes, groups, alternatives and repeats; no anchors, no look-around.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0
        self._depth = 0
        self._atoms = 0

    def text(self) -> str:
        """The whole pattern's text."""
        made = self._alternatives()
        if self._place < len(self._pattern):
            raise UnsupportedPattern("Unsupported pattern operator 1.")
        return made

    def _peek(self) -> str:
        return self._pattern[self._place : self._place + 1]

    def _take(self) -> str:
        taken = self._peek()
        if not taken:
            raise UnsupportedPattern("Unsupported pattern operator 1.")
        self._place += 1
        return taken

    def _alternatives(self) -> str:
        made = [self._sequence()]
        while self._peek() == "|":
            self._take()
            made.append(self._sequence())
        return clock.random_choice(made)

    def _sequence(self) -> str:
        made = []
        while self._peek() not in ("", "|", ")"):
            made.append(self._repeated())
        return "".join(made)

    def _repeated(self) -> str:
        start = self._place
        made = [self._atom()]
        times = clock.random_between(*self._repeat())
        after = self._place
        while len(made) < times:
            self._place = start
            made.append(self._atom())
        self._place = after
        return "".join(made[:times])

    def _repeat(self) -> tuple[int, int]:
        sign = self._peek()
        bounds = {"*": (0, MANY), "+": (1, MANY), "?": (0, 1)}.get(sign)
        if bounds:
            self._take()
        else:
            bounds = self._counted()
        if bounds != (1, 1) and self._peek() == "?":
            self._take()
        return bounds

    def _counted(self) -> tuple[int, int]:
        found = re.compile(r"\{(\d+)(,?)(\d*)\}").match(self._pattern, self._place)
        if not found:
            return 1, 1
        self._place = found.end()
        least = int(found[1])
        most = int(found[3]) if found[3] else least + MANY if found[2] else least
        if most > MAX_REPEAT:
            raise UnsupportedPattern(f"Error parsing regexp: invalid repeat count: `{found[0]}`.")
        return least, most

    def _atom(self) -> str:
        self._atoms += 1
        if self._atoms > MAX_ATOMS:
            raise UnsupportedPattern("The pattern makes too long a text.")
        sign = self._take()
        if sign in _ANCHORS:
            raise UnsupportedPattern(f"Unsupported pattern operator {_ANCHORS[sign]}.")
        if sign == "(":
            return self._group()
        if sign == "[":
            return clock.random_text(1, self._class())
        if sign == ".":
            return clock.random_text(1, ANY_CHARACTER)
        return clock.random_text(1, self._escaped()) if sign == "\\" else sign

    def _group(self) -> str:
        opening = re.compile(r"\?(?:[imsU]*:|P?<\w+>|[imsU]+\))").match(self._pattern, self._place)
        if opening:
            self._place = opening.end()
            if opening[0].endswith(")"):
                return ""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UnsupportedPattern("The pattern nests too deeply.")
        made = self._alternatives()
        self._depth -= 1
        self._take()
        return made

    def _escaped(self) -> str:
        """The characters that an escape stands for."""
        sign = self._take()
        if sign in _ESCAPED_ANCHORS:
            raise UnsupportedPattern(f"Unsupported pattern operator {_ESCAPED_ANCHORS[sign]}.")
        if sign in "pP":
            return self._named_class(sign)
        if sign == "x":
            return self._hexadecimal()
        return _ESCAPES.get(sign, sign)

    def _named_class(self, sign: str) -> str:
        name = re.compile(r"\{\^?\w+\}|\w").match(self._pattern, self._place)
        if not name:
            raise UnsupportedPattern("Unsupported pattern operator 1.")
        self._place = name.end()
        return _filtered(f"\\{sign}{name[0]}")

    def _hexadecimal(self) -> str:
        found = re.compile(r"\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2})").match(self._pattern, self._place)
        if not found:
            raise UnsupportedPattern("Unsupported pattern operator 1.")
        self._place = found.end()
        return chr(int(found[1] or found[2], 16))

    def _class(self) -> str:
        """The characters of a class whose `[` has been taken: those of it that are printable ASCII, if any are."""
        start = self._place - 1
        self._place += self._pattern[self._place : self._place + 1] == "^"
        self._place += self._peek() == "]"
        while self._take() != "]":
            self._skip_in_class()
        return _filtered(self._pattern[start : self._place])

    def _skip_in_class(self) -> None:
        taken = self._pattern[self._place - 1]
        if taken == "\\":
            self._take()
        named = re.compile(r":\^?\w+:\]").match(self._pattern, self._place)
        if taken == "[" and named:
            self._place = named.end()


_ESCAPES = {
    "d": string.digits,
    "w": string.digits + string.ascii_letters + "_",
    "s": " \t\n\f\r",
    "D": "".join(each for each in PRINTABLE if not each.isdigit()),
    "W": "".join(each for each in PRINTABLE if not each.isalnum() and each != "_"),
    "S": PRINTABLE[1:],
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "f": "\f",
    "v": "\v",
    "a": "\a",
}
_LATER_CHARACTERS = "".join(chr(code) for code in range(0xA0, 0x3000) if chr(code).isprintable())


@lru_cache(maxsize=128)
def _filtered(one_character: str) -> str:
    """The characters that a class matches, ASCII before anything else: RE2 itself says which."""
    test = compiled(one_character)
    for candidates in (PRINTABLE, "\t\n\f\r\v", _LATER_CHARACTERS):
        found = "".join(each for each in candidates if test.fullmatch(each))
        if found:
            return found
    raise UnsupportedPattern("Unsupported pattern operator 1.")
