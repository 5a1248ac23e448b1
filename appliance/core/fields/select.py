"""One or many of a fixed list of texts."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.fields.base import option, read_texts
from appliance.core.fields.many import ManyField


@dataclass(frozen=True, kw_only=True)
class SelectField(ManyField):
    """A choice among `values`."""

    type = "select"

    values: tuple[str, ...] = option("values", read_texts, ())
