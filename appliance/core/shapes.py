"""Shapes of JSON options, and how a request's values are laid over the present ones.

A value of the wrong type refuses the request as a whole, as the wire's original does; unknown names are ignored;
null means the empty value of the shape.

    str, int, bool      a value of exactly that type
    TEXT_OR_NULL, FLAG_OR_NULL    null is a value of its own
    OBJECT              any JSON object
    [shape]             a list, replaced as a whole
    {name: shape}       an object, laid over name by name
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LARGEST: Final = 2**63

TEXT_OR_NULL: Final = "text or null"
FLAG_OR_NULL: Final = "flag or null"
OBJECT: Final = "object"
_NAMED_TYPES: Final[Mapping[Any, type]] = {TEXT_OR_NULL: str, FLAG_OR_NULL: bool, OBJECT: dict}

Shape = Any


class WrongShape(Exception):
    """A value has another type than its shape; api/ answers that the body can't be read."""


def empty_value(shape: Shape) -> Any:
    """What an option is when nobody has set it."""
    if isinstance(shape, Mapping):
        return {name: empty_value(each) for name, each in shape.items()}
    if isinstance(shape, list):
        return []
    if shape == OBJECT:
        return {}
    return None if shape in _NAMED_TYPES else shape()


def lay_over(shape: Shape, present: Any, raw: Any) -> Any:
    """The value after `raw` is laid over the present one. Raises WrongShape."""
    if raw is None:
        return empty_value(shape)
    if isinstance(shape, Mapping):
        return _lay_over_object(shape, present, _require(raw, dict))
    if isinstance(shape, list):
        return [lay_over(shape[0], empty_value(shape[0]), each) for each in _require(raw, list)]
    return _require(raw, _NAMED_TYPES.get(shape, shape))


def _lay_over_object(shape: Mapping[str, Shape], present: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: present[name] if name in present else empty_value(each) for name, each in shape.items()}
    return {name: lay_over(each, kept[name], raw[name]) if name in raw else kept[name] for name, each in shape.items()}


def _require(raw: Any, expected: type) -> Any:
    right = isinstance(raw, expected) and not (expected is int and isinstance(raw, bool))
    if not right or (expected is int and not -LARGEST <= raw < LARGEST):
        raise WrongShape("a value has the wrong type")
    return raw
