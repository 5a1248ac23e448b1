"""Tree to SQL.

Meaning of a comparison, in short (tests/rules compare every line with the original):

* null and '' are the same for `=` and `!=`, except for JSON values;
* `~` without `%` in the right text means "contains", with it a pattern; ASCII case doesn't count;
* an operand that reaches many values (relation of many, back-relation, `@collection`, `:each`) must hold for
  all of them and for at least one; with a `?` form one is enough.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

from appliance.errors import RuleError
from appliance.rules.dialect import SqlDialect
from appliance.rules.functions import compile_call
from appliance.rules.like import like_pattern
from appliance.rules.macros import MACROS
from appliance.rules.resolver import EMPTY_TEXT, NULL, Kind, Operand, Resolver, known
from appliance.rules.scanner import quote_text
from appliance.rules.tree import (
    AND,
    DIFFERENT,
    EQUAL,
    LIKE,
    NOT_LIKE,
    Argument,
    Call,
    Comparison,
    Group,
    Identifier,
    Number,
    Text,
    literal_of,
)
from appliance.sql import Slot, Sql, join_sql, parameter, sql


class Asking(Protocol):
    """What the compiler's own slots read when a statement runs."""

    @property
    def moment(self) -> datetime:
        """The moment of the macros, in UTC."""


_CONSTANTS: Final = {
    "null": Operand(NULL, Kind.EMPTY),
    "true": Operand(Sql("1"), Kind.KNOWN),
    "false": Operand(Sql("0"), Kind.KNOWN),
}


def compile_expression(tree: Group, resolver: Resolver, dialect: SqlDialect) -> Sql:
    """The condition of a tree. Raises RuleError with the column of the operand that can't be resolved."""
    return Compiler(resolver, dialect).group(tree)


class Compiler:
    """Compiles one tree with one resolver."""

    def __init__(self, resolver: Resolver, dialect: SqlDialect) -> None:
        self.resolver = resolver
        self.dialect = dialect

    def group(self, group: Group) -> Sql:
        """The condition of a group, in parentheses when it has more than one term."""
        pieces: list[Sql] = []
        for position, term in enumerate(group.terms):
            if position:
                pieces.append(Sql("AND" if term.join == AND else "OR"))
            expression = term.expression
            pieces.append(self.group(expression) if isinstance(expression, Group) else self.comparison(expression))
        return pieces[0] if len(pieces) == 1 else sql("({})", join_sql(" ", pieces))

    def comparison(self, comparison: Comparison) -> Sql:
        """The condition of one comparison."""
        left = self._side(comparison.left, "left")
        right = self._side(comparison.right, "right")
        condition = self._compare(comparison.operator, left, right)
        if not comparison.is_any and (left.many or right.many):
            condition = sql("({} AND {})", condition, self._holds_for_all(comparison.operator, left, right))
        for side in (left, right):
            if side.visible is not None:
                condition = sql("({} AND {})", condition, side.visible)
        return condition

    def operand(self, argument: Argument) -> Operand:
        """The operand of a literal, a name or a call."""
        if isinstance(argument, Text):
            return known(argument.value) if argument.value else Operand(EMPTY_TEXT, Kind.EMPTY)
        if isinstance(argument, Number):
            return known(argument.value)
        if isinstance(argument, Call):
            return compile_call(argument, self)
        return self._named(argument)

    def _named(self, identifier: Identifier) -> Operand:
        macro = MACROS.get(identifier.name)
        if macro is not None:
            return known(Slot(identifier.name, lambda asking: macro(asking.moment)))
        return _CONSTANTS.get(identifier.name.lower()) or self.resolver.resolve(identifier.name)

    def _side(self, argument: Argument, side: str) -> Operand:
        try:
            return self.operand(argument)
        except RuleError as error:
            message = f"invalid {side} operand {quote_text(literal_of(argument))} - {error.message}"
            raise RuleError(message, argument.column, f"Column {argument.column}: {error.hint}") from error

    def _compare(self, operator: str, left: Operand, right: Operand) -> Sql:
        if operator in (EQUAL, DIFFERENT):
            return equality(left, right, operator == DIFFERENT, self.dialect)
        if operator in (LIKE, NOT_LIKE):
            return self.dialect.like(left.value, self._pattern(right), operator == NOT_LIKE)
        return sql(f"{{}} {operator} {{}}", left.value, right.value)

    def _pattern(self, right: Operand) -> Sql:
        if right.kind is Kind.EMPTY and right.value == EMPTY_TEXT:
            return parameter("%%")
        constant = right.constant
        if constant is None:
            return self.dialect.contains(right.value)
        return parameter(_pattern_slot(constant) if isinstance(constant, Slot) else like_pattern(constant))

    def _holds_for_all(self, operator: str, left: Operand, right: Operand) -> Sql:
        """No value (or pair of values) of the paths may fail."""
        tables: list[Sql] = []
        sides = []
        for name, side in (("every_left", left), ("every_right", right)):
            if side.many is None:
                sides.append(Operand(side.value, _kind_beside_many(side), constant=side.constant))
                continue
            tables.append(sql(f"({{}}) AS {name}", side.many))
            sides.append(Operand(Sql(f"{name}.{self.dialect.quote('value')}"), is_exact=side.is_exact))
        source = sql("{} LEFT JOIN {} ON 1 = 1", *tables) if len(tables) == 2 else tables[0]
        return sql("NOT EXISTS (SELECT 1 FROM {} WHERE NOT ({}))", source, self._compare(operator, *sides))


def equality(left: Operand, right: Operand, negated: bool, dialect: SqlDialect) -> Sql:
    """`left = right` (or not) with the language's meaning of null and ''."""
    if left.kind is Kind.EMPTY and right.kind is Kind.EMPTY:
        return Sql("1 = 0" if negated else "1 = 1")
    if left.is_exact or right.is_exact:
        return dialect.is_same(left.value, right.value, negated)
    if left.kind is Kind.EMPTY or right.kind is Kind.EMPTY:
        return _emptiness(right if left.kind is Kind.EMPTY else left, negated, dialect)
    if left.kind is Kind.KNOWN or right.kind is Kind.KNOWN:
        return _plain_equality(left.value, right.value, negated, dialect)
    return _plain_equality(sql("COALESCE({}, '')", left.value), sql("COALESCE({}, '')", right.value), negated, dialect)


def _plain_equality(left: Sql, right: Sql, negated: bool, dialect: SqlDialect) -> Sql:
    return dialect.is_same(left, right, negated=True) if negated else sql("{} = {}", left, right)


def _emptiness(operand: Operand, negated: bool, dialect: SqlDialect) -> Sql:
    if operand.kind is Kind.KNOWN:
        return _plain_equality(EMPTY_TEXT, operand.value, negated, dialect)
    if negated:
        return sql("({} AND {} IS NOT NULL)", dialect.is_same(operand.value, EMPTY_TEXT, True), operand.value)
    return sql("({} = '' OR {} IS NULL)", operand.value, operand.value)


def _kind_beside_many(one: Operand) -> Kind:
    """A column with a bound part (strftime's format) counts as known beside many values, as on the wire."""
    return Kind.KNOWN if one.kind is Kind.COLUMN and one.value.parameters and not one.is_exact else one.kind


def _pattern_slot(slot: Slot) -> Slot:
    def read(asking: Any) -> str:
        return like_pattern(slot.read(asking))

    return Slot(f"{slot.name} ~", read)
