"""Cuts a text into tokens, lazily: an error on the left is reported before one further right.

    identifier   letter _ @ # then letters digits _ . :      (may not end in . or :)
    number       -? digits [. digits]
    text         '...' or "..."; \\ escapes the quote and itself
    sign         a run of = ! < > ~ ?                        (must be one of SIGNS)
    join         && or ||
    group        ( ... ) kept as its inner text, parsed later
    call         identifier immediately followed by (
    comment      // to the end of the line

A zero byte ends a comment and is refused everywhere else, as in the original.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from appliance.errors import RuleError
from appliance.rules.limits import MAX_DEPTH
from appliance.rules.tree import Argument, Call, Identifier, Number, Text, literal_of

SIGNS: Final = frozenset(
    ("=", "!=", "~", "!~", "<", "<=", ">", ">=", "?=", "?!=", "?~", "?!~", "?<", "?<=", "?>", "?>=")
)
JOINS: Final = frozenset(("&&", "||"))

_KINDS: Final = {Identifier: "identifier", Call: "function", Number: "number", Text: "text"}
_BAD_LITERALS: Final = {"invalid number": "number", "invalid quoted text": "text", "invalid identifier": "identifier"}
_BLANK = re.compile(r"[ \t\n]+")
_IDENTIFIER = re.compile(r"[A-Za-z_@#][A-Za-z0-9_.:]*")
_NUMBER = re.compile(r"-?[0-9]*(?:\.[0-9]*)?")
_GOOD_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_SIGN = re.compile(r"[=!<>~?]+")
_JOIN = re.compile(r"[&|]+")
_COMMENT = re.compile(r"//[^\n\0]*\0?")
_PLAIN_IN_GROUP = re.compile(r"[^()'\"]+")


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `kind` is a word an error may show; `argument` is set for what can be compared."""

    kind: str
    literal: str
    column: int
    argument: Argument | None = None


class Scanner:
    """Reads tokens from `text`. `offset` is where the text starts inside the whole expression."""

    def __init__(self, text: str, offset: int = 0) -> None:
        self.text = text
        self.position = 0
        self.offset = offset

    @property
    def column(self) -> int:
        """The column of the next character, from 1, in the whole expression."""
        return self.offset + self.position + 1

    def next_token(self) -> Token | None:
        """The next token, or None at the end. Raises RuleError with the column of the fault."""
        self._skip_blank()
        if self.position >= len(self.text):
            return None
        return self._read_token(self.text[self.position])

    def _read_token(self, character: str) -> Token:
        column = self.column
        argument = self._read_comparable(character, depth=0)
        if argument is not None:
            return Token(_KINDS[type(argument)], literal_of(argument), column, argument)
        if character in "=!<>~?":
            return self._read_run(_SIGN, "sign", SIGNS)
        if character in "&|":
            return self._read_run(_JOIN, "join", JOINS)
        if character == "(":
            return self._read_group()
        raise self._fault(f"unexpected character {quote_character(character)}")

    def _fault(self, message: str, column: int | None = None) -> RuleError:
        column = column or self.column
        return RuleError(message, column, f"Column {column}: {message}.")

    def _skip_blank(self) -> None:
        while self.position < len(self.text):
            found = _BLANK.match(self.text, self.position) or _COMMENT.match(self.text, self.position)
            if found is None:
                break
            self.position = found.end()
        if self.text[self.position : self.position + 1] == "/":
            raise self._fault("invalid comment")

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.position)
        literal = found.group() if found else ""
        self.position += len(literal)
        return literal

    def _read_run(self, pattern: re.Pattern[str], kind: str, known: frozenset[str]) -> Token:
        column = self.column
        literal = self._take(pattern)
        if literal not in known:
            raise self._fault(f"invalid {kind} operator {quote_text(literal)}", column)
        return Token(kind, literal, column)

    def _read_number(self) -> Number:
        column = self.column
        literal = self._take(_NUMBER)
        if not _GOOD_NUMBER.fullmatch(literal):
            raise self._fault(f"invalid number {quote_text(literal)}", column)
        return Number(float(literal), literal, column)

    def _read_text(self) -> Text:
        column = self.column
        return Text(self._take_quoted(), column)

    def _take_quoted(self) -> str:
        """Move behind a quoted text and answer its value."""
        start, quote = self.column, self.text[self.position]
        value: list[str] = []
        self.position += 1
        while self.position < len(self.text):
            character = self.text[self.position]
            self.position += 1
            if character == quote:
                return "".join(value)
            if character == "\0":
                break
            value.append(self._take_escaped(quote) if character == "\\" else character)
        raise self._fault(f"invalid quoted text {quote_text(quote + ''.join(value))}", start)

    def _take_escaped(self, quote: str) -> str:
        following = self.text[self.position : self.position + 1]
        self.position += 1
        return following if following in ("", quote, "\\") else "\\" + following

    def _read_group(self) -> Token:
        """Keep the text between balanced parentheses; quotes hide parentheses."""
        column = self.column
        start = self.position + 1
        depth = 0
        while self.position < len(self.text):
            depth = self._skip_in_group(depth)
            if depth == 0:
                return Token("group", self.text[start : self.position - 1], column)
        raise self._fault(f"invalid formatted group - missing {depth} closing bracket(s)", column)

    def _skip_in_group(self, depth: int) -> int:
        character = self.text[self.position]
        if character in "'\"":
            self._take_quoted()
        elif character in "()":
            self.position += 1
            depth += 1 if character == "(" else -1
        else:
            self._take(_PLAIN_IN_GROUP)
        if depth > MAX_DEPTH:
            raise self._fault(f"more than {MAX_DEPTH} nested brackets")
        return depth

    def _read_name(self, depth: int) -> Identifier | Call:
        column = self.column
        name = self._take(_IDENTIFIER)
        if name[-1] in ".:":
            raise self._fault(f"invalid identifier {quote_text(name)}", column)
        if self.text[self.position : self.position + 1] != "(":
            return Identifier(name, column)
        self.position += 1
        return Call(name, self._read_arguments(name, depth + 1), column)

    def _read_arguments(self, name: str, depth: int) -> tuple[Argument, ...]:
        if depth > MAX_DEPTH:
            raise self._fault(f"more than {MAX_DEPTH} nested calls")
        arguments: list[Argument] = []
        while (character := self._skip_to_argument(name)) != ")":
            arguments.append(self._read_argument(name, character, depth))
            self._end_argument(name)
        self.position += 1
        return tuple(arguments)

    def _skip_to_argument(self, name: str) -> str:
        """The next character inside a call's brackets that is neither blank nor comment."""
        try:
            self._skip_blank()
        except RuleError as error:
            raise self._fault(f"failed to scan comment in function {quote_text(name)}: {error.message}") from error
        if self.position >= len(self.text):
            raise self._fault(f"invalid or incomplete function {quote_text(name)} (expected ')')")
        return self.text[self.position]

    def _end_argument(self, name: str) -> None:
        """An argument ends at a comma, which may be the last thing in the call, or at the closing bracket."""
        character = self._skip_to_argument(name)
        if character == ",":
            self.position += 1
        elif character != ")":
            raise self._fault(f"expected comma after the last argument in function {quote_text(name)}")

    def _read_argument(self, name: str, character: str, depth: int) -> Argument:
        if character == ",":
            raise self._fault(f"unexpected comma in function {quote_text(name)}")
        argument = self._try_argument(name, character, depth)
        if argument is None:
            shown = quote_character(character)
            raise self._fault(f"unsupported argument character {shown} in function {quote_text(name)}")
        return argument

    def _try_argument(self, name: str, character: str, depth: int) -> Argument | None:
        try:
            return self._read_comparable(character, depth)
        except RuleError as error:
            kind, mark, rest = error.message.partition(' "')
            if kind not in _BAD_LITERALS:
                raise
            where = f"invalid {_BAD_LITERALS[kind]} argument{mark}{rest} in function {quote_text(name)}"
            raise self._fault(f"{where}: {error.message}", error.column) from error

    def _read_comparable(self, character: str, depth: int) -> Argument | None:
        """What may stand on a side of a comparison, when `character` starts it."""
        if _IDENTIFIER.match(character):
            return self._read_name(depth)
        if character in "-0123456789":
            return self._read_number()
        return self._read_text() if character in "'\"" else None


def quote_text(text: str) -> str:
    """The text between double quotes with the escapes that the wire's error messages use."""
    return '"' + "".join(_escape(each, '"') for each in text) + '"'


def quote_character(character: str) -> str:
    """One character between single quotes with the same escapes."""
    return "'" + _escape(character, "'") + "'"


_ESCAPES: Final = dict(zip("\\\n\r\t\a\b\f\v", ("\\\\", *(f"\\{letter}" for letter in "nrtabfv")), strict=True))


def _escape(character: str, quote: str) -> str:
    if character == quote:
        return "\\" + quote
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
