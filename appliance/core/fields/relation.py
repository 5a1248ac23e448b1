"""The ids of one or many records of another collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import Field, option, read_flag, read_text, read_whole
from appliance.core.fields.checks import REQUIRED, between
from appliance.core.fields.many import ManyField
from appliance.core.sql_names import quoted
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record

MISSING_COLLECTION = FieldError(
    "validation_field_relation_missing_collection", "The relation collection doesn't exist."
)
COLLECTION_CHANGE = FieldError("validation_field_relation_change", "The relation collection cannot be changed.")
VIEW_TARGET = FieldError(
    "validation_relation_field_non_view_base_collection",
    "Only view collections are allowed to have relations to other views.",
)
MISSING_RECORDS = FieldError(
    "validation_missing_rel_records", "Failed to find all relation records with the provided ids."
)
IDS_A_QUERY = 500  # SQLite's default bound is 32,766 parameters a statement


@dataclass(frozen=True, kw_only=True)
class RelationField(ManyField):
    """Ids of records of `collectionId`. With `cascadeDelete` a record goes when one it points to goes."""

    type = "relation"

    collection_id: str = option("collectionId", read_text, "")
    cascade_delete: bool = option("cascadeDelete", read_flag, False)
    min_select: int = option("minSelect", read_whole, 0)

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """How many, and the collection they point to (one of its own is fine)."""
        return {
            "collectionId": self._target_error(app, collection),
            "minSelect": between(self.min_select, 0),
            "maxSelect": self._most_error(),
        }

    def _most_error(self) -> FieldError | None:
        if self.min_select > 0 and self.max_select == 0:
            return REQUIRED
        return between(self.max_select, self.min_select)

    def _target_error(self, app: App, collection: Collection) -> FieldError | None:
        if not self.collection_id:
            return REQUIRED
        stored = app.collections.find(collection.id)
        if any(self._points_elsewhere(each) for each in (stored.fields if stored else ())):
            return COLLECTION_CHANGE
        target = app.collections.find(self.collection_id)
        if target is None or target.id != self.collection_id:
            return MISSING_COLLECTION
        return VIEW_TARGET if target.is_view and not collection.is_view else None

    def _points_elsewhere(self, before: Field) -> bool:
        if not isinstance(before, RelationField) or before.id != self.id:
            return False
        return before.collection_id != self.collection_id

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, how many, and that each record exists."""
        ids = self.elements(value)
        if not ids:
            return REQUIRED if self.required else None
        if len(ids) < self.min_select:
            sentence = f"Select at least {self.min_select}."
            return FieldError("validation_not_enough_values", sentence, {"minSelect": self.min_select})
        most = max(self.max_select, 1)
        if len(ids) > most:
            return FieldError("validation_too_many_values", f"Select no more than {most}.", {"maxSelect": most})
        return self._missing_error(app, record, ids)

    def _missing_error(self, app: App, record: Record, ids: list[str]) -> FieldError | None:
        """Only ids that are new to the record are looked up: one that went meanwhile does not block other changes."""
        target = app.collections.find(self.collection_id)
        if target is None:
            return FieldError(
                "validation_missing_rel_collection",
                "Relation connection is missing or cannot be accessed.",
            )
        held = set(self.elements(record.original.get(self.name)))
        return None if all_exist(app, target.name, [each for each in ids if each not in held]) else MISSING_RECORDS


def all_exist(app: App, table: str, ids: list[str]) -> bool:
    """Whether each id (all distinct) is that of a record of the table."""
    return all(
        _count(app, table, ids[start : start + IDS_A_QUERY]) == len(ids[start : start + IDS_A_QUERY])
        for start in range(0, len(ids), IDS_A_QUERY)
    )


def _count(app: App, table: str, ids: list[str]) -> int:
    places = ", ".join("?" * len(ids))
    sql = f"SELECT COUNT(*) FROM {quoted(table)} WHERE id IN ({places})"  # noqa: S608 - a table of the schema
    return int(app.database.query(sql, ids)[0][0])
