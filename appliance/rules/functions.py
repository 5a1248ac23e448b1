"""The functions of the language: geoDistance(lonA, latA, lonB, latB) and strftime(format, time, modifiers...)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from appliance.errors import RuleError
from appliance.rules.dialect import SqlDialect
from appliance.rules.limits import MAX_FUNCTION_ARGUMENTS
from appliance.rules.resolver import Operand
from appliance.rules.scanner import quote_text
from appliance.rules.tree import Argument, Call, Identifier, Number, Text
from appliance.sql import Sql, parameter, sql


class Operands(Protocol):
    """What a function needs of the compiler."""

    dialect: SqlDialect

    def operand(self, argument: Argument) -> Operand:
        """The operand of an argument."""


def compile_call(call: Call, compiler: Operands) -> Operand:
    """The operand of a call. Raises RuleError for an unknown function or wrong arguments."""
    function = FUNCTIONS.get(call.name)
    if function is None:
        hint = f"There is no function {call.name}; there are {', '.join(FUNCTIONS)}."
        raise RuleError(f"unknown function {quote_text(call.name)}", call.column, hint)
    return function(call, compiler)


def _geo_distance(call: Call, compiler: Operands) -> Operand:
    if len(call.arguments) != 4:
        raise _fault(call, f"expected 4 arguments, got {len(call.arguments)}")
    points = [_geo_argument(call, position, compiler) for position in range(4)]
    return Operand(compiler.dialect.geo_distance(*points), is_exact=True)


def _geo_argument(call: Call, position: int, compiler: Operands) -> Sql:
    argument = call.arguments[position]
    if not isinstance(argument, (Identifier, Number)):
        raise _fault(call, f"argument {position} must be an identifier or number")
    return _resolve(call, argument, f"argument {position}", compiler).value


def _resolve(call: Call, argument: Argument, what: str, compiler: Operands) -> Operand:
    try:
        return compiler.operand(argument)
    except RuleError as error:
        raise _fault(call, f"failed to resolve {what}: {error.message}", error.hint) from error


def _strftime(call: Call, compiler: Operands) -> Operand:
    _check_strftime(call)
    arguments = [parameter(each.value) if isinstance(each, Text) else Sql("") for each in call.arguments]
    if len(arguments) == 1:
        return Operand(compiler.dialect.strftime(arguments))
    moment = _resolve(call, call.arguments[1], "time-value argument", compiler)
    arguments[1] = moment.value
    return Operand(compiler.dialect.strftime(arguments), many=_strftime_of_many(arguments, moment, compiler))


def _strftime_of_many(arguments: list[Sql], moment: Operand, compiler: Operands) -> Sql | None:
    if moment.many is None:
        return None
    column = Sql(compiler.dialect.quote("value"))
    formatted = compiler.dialect.strftime([arguments[0], column, *arguments[2:]])
    return sql("SELECT {} AS {} FROM ({}) AS moments", formatted, column, moment.many)


def _check_strftime(call: Call) -> None:
    count = len(call.arguments)
    if count == 0:
        raise _fault(call, "expected at least 1 arguments, got 0")
    if count > MAX_FUNCTION_ARGUMENTS:
        raise _fault(call, f"too many arguments (max allowed {MAX_FUNCTION_ARGUMENTS}, got {count})")
    if not isinstance(call.arguments[0], Text):
        raise _fault(call, "expects the first argument to be a format string")
    if count > 1 and isinstance(call.arguments[1], Call):
        raise _fault(call, "expects the second argument to be of a valid time-value type")
    for position, modifier in enumerate(call.arguments[2:]):
        if not isinstance(modifier, Text):
            raise _fault(call, f"invalid modifier argument {position} - can be only string")


def _fault(call: Call, message: str, hint: str = "") -> RuleError:
    return RuleError(f"[{call.name}] {message}", call.column, hint or f"{call.name}: {message}.")


FUNCTIONS: Final[Mapping[str, Callable[[Call, Operands], Operand]]] = {
    "geoDistance": _geo_distance,
    "strftime": _strftime,
}
