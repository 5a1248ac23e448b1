"""Files that a view shows: they lie with the record that they were uploaded to, which the view's row only names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.core.app import App
from appliance.core.collection import Collection
from appliance.core.collections.view_words import ViewQueryError, read_view, unquoted
from appliance.core.fields.base import Field
from appliance.core.records.statement import DIALECT
from appliance.core.sql_names import quoted
from appliance.sql import Sql, sql

MAX_NESTED_VIEWS: Final = 5


def find_home(app: App, view: Collection, name: str) -> str | None:
    """The folder (`collectionId/recordId`) of a file that stands in a row of the view, or None."""
    for collection in _sources(app, view, MAX_NESTED_VIEWS):
        for field in collection.fields_of("file"):
            record_id = _find_holder(app, collection, field, name)
            if record_id is not None:
                return f"{collection.id}/{record_id}"
    return None


def _sources(app: App, view: Collection, levels: int) -> Iterator[Collection]:
    """The collections whose rows a view reads, through other views too."""
    for table in _tables(view):
        source = app.collections.find(table)
        if source is not None and not source.is_view:
            yield source
        elif source is not None and levels:
            yield from _sources(app, source, levels - 1)


def _tables(view: Collection) -> list[str]:
    try:
        return [unquoted(table.source) for table in read_view(view.options.get("viewQuery", "")).tables]
    except ViewQueryError:
        return []


def _find_holder(app: App, collection: Collection, field: Field, name: str) -> str | None:
    column = Sql(quoted(field.name))
    holds = sql("{} = ?", column) if not field.is_multiple else sql("? IN (SELECT value FROM {})", DIALECT.each(column))
    found = sql("SELECT id FROM {} WHERE {} LIMIT 1", Sql(quoted(collection.name)), holds)
    rows = app.database.query(found.text, (name,))
    return str(rows[0][0]) if rows else None
