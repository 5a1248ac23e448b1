"""Text to tree: `parse_expression`. A small hand parser, because the wire shows its error messages word for word."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from appliance.errors import RuleError
from appliance.rules.limits import MAX_DEPTH, MAX_EXPRESSIONS, MAX_RULE_BYTES
from appliance.rules.scanner import Scanner, Token, quote_text
from appliance.rules.tree import AND, Argument, Comparison, Group, Term

EMPTY: Final = "empty filter expression"
SHORT: Final = 500  # characters
INCOMPLETE: Final = "invalid or incomplete filter expression"
_EXPECTED_OPERAND: Final = {
    "left": "expected left operand (identifier, function, text or number)",
    "right": "expected right operand (identifier, function text or number)",
}


def parse_expression(text: str) -> Group:
    """Parse a rule or filter. Trees of short texts are kept: a list rule is parsed for each join to its collection.

    Raises RuleError: `message` is the sentence (without full stop) that the wire shows for a bad rule,
    `column` its place, `hint` both for the operator.
    """
    return _parse_short(text) if len(text) <= SHORT else _parse(text)


@lru_cache(maxsize=512)
def _parse_short(text: str) -> Group:
    return _parse(text)


def _parse(text: str) -> Group:
    if len(text) > MAX_RULE_BYTES:
        raise RuleError("the expression is too long", 0, f"A rule may have {MAX_RULE_BYTES:,} characters.")
    group = _Parser(text, 0, 0).parse()
    if count_comparisons(group) > MAX_EXPRESSIONS:
        hint = f"An expression may hold {MAX_EXPRESSIONS} comparisons. Split it or move a part into the rule."
        raise RuleError("max filter expressions limit reached", 0, hint)
    return group


def count_comparisons(group: Group) -> int:
    """How many comparisons the group holds, nested ones included."""
    return sum(count_comparisons(term.expression) if isinstance(term.expression, Group) else 1 for term in group.terms)


class _Parser:
    """One pass over one group: left operand, sign, right operand, join, and again."""

    def __init__(self, text: str, offset: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise RuleError(f"more than {MAX_DEPTH} nested brackets", offset + 1)
        self.scanner = Scanner(text, offset)
        self.depth = depth
        self.terms: list[Term] = []
        self.join = AND
        self.after_join = False
        self.left: Argument | None = None
        self.sign = ""

    def parse(self) -> Group:
        while (token := self.scanner.next_token()) is not None:
            self._accept(token)
        if not self.terms and self.left is None:
            raise self._fault(EMPTY)
        if self.left is not None or self.after_join:
            raise self._fault(INCOMPLETE)
        return Group(tuple(self.terms))

    def _accept(self, token: Token) -> None:
        if token.kind == "group":
            self._accept_group(token)
        elif self.left is None and self.terms and not self.after_join:
            self._accept_join(token)
        elif self.left is None:
            self.left = self._operand(token, "left")
        elif not self.sign:
            self._accept_sign(token)
        else:
            self._finish_comparison(self.left, self._operand(token, "right"))

    def _accept_group(self, token: Token) -> None:
        """Two groups side by side share the last join, as on the wire. A group in the middle of a comparison is
        refused: the original drops the half comparison silently, so that `owner = (x = 1)` means `x = 1`."""
        if self.left is not None:
            raise self._fault(INCOMPLETE, token.column)
        self._add(_Parser(token.literal, token.column, self.depth + 1).parse())

    def _accept_join(self, token: Token) -> None:
        if token.kind != "join":
            raise self._unexpected("expected && or ||", token)
        self.join = token.literal
        self.after_join = True

    def _accept_sign(self, token: Token) -> None:
        if token.kind != "sign":
            raise self._unexpected("expected a sign operator", token)
        self.sign = token.literal

    def _operand(self, token: Token, side: str) -> Argument:
        if token.argument is None:
            raise self._unexpected(_EXPECTED_OPERAND[side], token)
        return token.argument

    def _finish_comparison(self, left: Argument, right: Argument) -> None:
        self._add(Comparison(left, self.sign.removeprefix("?"), right, is_any=self.sign.startswith("?")))
        self.left, self.sign = None, ""

    def _add(self, expression: Comparison | Group) -> None:
        self.terms.append(Term(self.join, expression))
        self.after_join = False

    def _unexpected(self, expected: str, token: Token) -> RuleError:
        return self._fault(f"{expected}, got {quote_text(token.literal)} ({token.kind})", token.column)

    def _fault(self, message: str, column: int | None = None) -> RuleError:
        column = column or self.scanner.column
        return RuleError(message, column, f"Column {column}: {message}.")
