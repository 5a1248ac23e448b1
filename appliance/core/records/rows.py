"""Records as rows: the few statements that saving needs, each built once for a table and its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from appliance.core.collection import Collection
from appliance.core.fields.base import Field
from appliance.core.fields.json import JsonField
from appliance.core.record import Record
from appliance.core.sql_names import quoted

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.fields.relation import RelationField

Columns = tuple[str, ...]


def insert_row(app: App, record: Record) -> None:
    """Inside a write: store a new record. Raises ConstraintError."""
    collection = record.collection
    sql = _insert_sql(collection.name, collection.column_names)
    app.database.execute(sql, _row(record), touches=(collection.name, record.id))


def update_row(app: App, record: Record) -> bool:
    """Inside a write: store what has changed in a record; False when it isn't there any more. Raises ConstraintError.

    Only changed columns are written, so that a job which loaded the record earlier takes nothing back that others
    have changed since.
    """
    values, before = record.values, record.original
    changed = [each for each in record.collection.fields if _is_changed(each, values[each.name], before)]
    columns = tuple(each.name for each in changed) or ("id",)
    row = [each.to_column(values[each.name]) for each in changed] or [record.id]
    sql = _update_sql(record.collection.name, columns)
    return app.database.execute(sql, [*row, record.id], touches=(record.collection.name, record.id)) > 0


def _is_changed(field: Field, value: Any, before: Mapping[str, Any]) -> bool:
    """A json value always counts: it may have been changed in place, and Python takes 1 and True for equal."""
    return value != before.get(field.name) or isinstance(field, JsonField)


def delete_row(app: App, record: Record) -> bool:
    """Inside a write: delete a record; False when it was gone already."""
    statement = f"DELETE FROM {quoted(record.collection.name)} WHERE id = ?"  # noqa: S608 - a table of the schema
    return app.database.execute(statement, (record.id,), touches=(record.collection.name, record.id)) > 0


def load_where(app: App, collection: Collection, values: dict[str, str]) -> list[Record]:
    """The records whose fields have these values."""
    condition = " AND ".join(f"{quoted(name)} = ?" for name in values)
    return _load(app, collection, condition, list(values.values()))


def load_referring(app: App, collection: Collection, field: RelationField, record_id: str) -> list[Record]:
    """The records of `collection` that point to `record_id` with `field`.

    A list is found by its text: the whole table is read, as in the original.
    """
    if not field.is_multiple:
        return _load(app, collection, f"{quoted(field.name)} = ?", [record_id])
    pattern = f'%"{_escaped(record_id)}"%'
    found = _load(app, collection, f"CAST({quoted(field.name)} AS TEXT) LIKE ? ESCAPE '!'", [pattern])
    return [each for each in found if record_id in each[field.name]]


def count_rows(app: App, collection: Collection, most: int) -> int:
    """How many records there are, counting no further than `most`."""
    statement = f"SELECT COUNT(*) FROM (SELECT 1 FROM {quoted(collection.name)} LIMIT ?)"  # noqa: S608 - a table of the schema
    return int(app.database.query(statement, (most,))[0][0])


def _load(app: App, collection: Collection, condition: str, parameters: Sequence[Any]) -> list[Record]:
    columns = ", ".join(map(quoted, collection.column_names))
    statement = f"SELECT {columns} FROM {quoted(collection.name)} WHERE {condition}"  # noqa: S608 - names of the schema
    return [Record.from_row(collection, row) for row in app.database.query(statement, parameters)]


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _row(record: Record) -> list[Any]:
    collection = record.collection
    row = list(map(record.values.__getitem__, collection.column_names))
    for place, cast in collection.column_casts:
        row[place] = cast(row[place])
    return row


@lru_cache(maxsize=512)
def _insert_sql(table: str, columns: Columns) -> str:
    listed, places = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
    return f"INSERT INTO {quoted(table)} ({listed}) VALUES ({places})"  # noqa: S608 - names of the schema


@lru_cache(maxsize=512)
def _update_sql(table: str, columns: Columns) -> str:
    changes = ", ".join(f"{quoted(each)} = ?" for each in columns)
    return f"UPDATE {quoted(table)} SET {changes} WHERE id = ?"  # noqa: S608 - names of the schema
