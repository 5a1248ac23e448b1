"""Whether a rule can be read and names only what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.core.collection import Collection
from appliance.core.records.statement import EXISTS, Spec, build_plan
from appliance.core.request_info import RequestInfo
from appliance.core.resolvers.record import Schema
from appliance.errors import FieldError, RuleError

if TYPE_CHECKING:
    from appliance.core.app import App


class _SchemaWithDraft:
    """The stored collections with one draft in the place of its stored self."""

    def __init__(self, schema: Schema, draft: Collection) -> None:
        self._schema = schema
        self._draft = draft

    def find(self, name_or_id: str) -> Collection | None:
        """The draft by its name or id, else what is stored."""
        if name_or_id == self._draft.id or name_or_id.lower() == self._draft.name.lower():
            return self._draft
        return self._schema.find(name_or_id)


def check_rule(app: App, collection: Collection, rule: str | None) -> FieldError | None:
    """None for a rule that compiles against the collection, which need not be stored yet."""
    if not rule:
        return None
    try:
        build_plan(_SchemaWithDraft(app.collections, collection), collection, Spec(EXISTS, rule), RequestInfo())
    except RuleError as error:
        return FieldError("validation_invalid_rule", f"Invalid rule. Raw error: {error.message}.")
    return None
