"""Bringing a whole list of collections in one write: known ones change, new ones are made, the others may go.

    read all -> drop what goes -> put all in memory, so that they see each other -> tables -> views

Fields and collections that the list doesn't name stay, unless the missing are to be deleted; system ones always stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from appliance import clock
from appliance.core.collection import Collection
from appliance.core.collections.check import find_errors
from appliance.core.collections.draft import changed_draft, named_indexes, new_draft
from appliance.core.collections.save import (
    drop_stored,
    follow_views,
    insert_collection,
    require_usable,
    run_hooks,
    store_changed,
    usable_views,
    with_identity,
    with_view_fields,
)
from appliance.core.collections.table import change_table, create_table
from appliance.core.events import CollectionCreate, CollectionDelete, CollectionUpdate
from appliance.errors import BadRequest, FieldError, SchemaError, ValidationFailed

if TYPE_CHECKING:
    from appliance.core.app import App

CODE: Final = "validation_collections_import_failure"

# Inside the report the wire shows the sentences of these codes without capital and full stop...
_PLAIN_CODES: Final = frozenset(
    (
        "validation_required",
        "validation_nil",
        "validation_nil_or_not_empty_required",
        "validation_match_invalid",
        "validation_not_in_invalid",
        "validation_length_out_of_range",
        "validation_min_greater_equal_than_required",
        "validation_max_less_equal_than_required",
        "validation_is_url",
    )
)
# ...and of these without the full stop.
_OPEN_CODES: Final = frozenset(("validation_invalid_rule", "validation_invalid_view_query"))


@dataclass(frozen=True, slots=True)
class _Change:
    """One collection of the list: what it becomes, and what it was; None for a new one."""

    new: Collection
    old: Collection | None


def import_collections(app: App, listed: Sequence[Mapping[str, Any]], delete_missing: bool) -> None:
    """Bring the listed collections, all or none. Raises ValidationFailed whose entry `collections` says why not."""
    app.collections.change(lambda: _import(app, listed, delete_missing))


def _import(app: App, listed: Sequence[Mapping[str, Any]], delete_missing: bool) -> None:
    changes = [_read(app, body, delete_missing) for body in listed]
    touched = {each.new.id for each in changes}
    _require_distinct(app, changes, delete_missing)
    if delete_missing:
        _drop_missing(app, touched)
    usable = [each for each in usable_views(app) if each.id not in touched]
    _stage(app, changes)
    for change in changes:
        if not change.new.is_view:
            _store(app, change)
    _store_views(app, [each for each in changes if each.new.is_view])
    follow_views(app, touched)
    _or_failed(lambda: require_usable(app, usable), "")


def _read(app: App, body: Mapping[str, Any], delete_missing: bool) -> _Change:
    try:
        old = app.collections.find(str(body.get("id") or body.get("name") or ""))
        if old is None:
            return _Change(with_identity(app, new_draft(body), body), None)
        draft = changed_draft(old, _with_kept_fields(old, {**body, "id": old.id}, delete_missing))
    except BadRequest as error:
        raise _failed(error.message) from error
    return _Change(named_indexes(replace(draft, updated=clock.now_text())), old)


def _with_kept_fields(old: Collection, body: dict[str, Any], delete_missing: bool) -> dict[str, Any]:
    """The body with the old fields that stay behind its own; one without an id is the old one of its name and type."""
    if not isinstance(body.get("fields"), list):
        return body
    listed = [_with_old_id(old, each) for each in body["fields"]]
    named = {each.get("id") for each in listed if isinstance(each, Mapping)}
    kept = [each for each in old.fields if each.id not in named and (each.system or not delete_missing)]
    return {**body, "fields": [*listed, *(each.as_json() for each in kept)]}


def _with_old_id(old: Collection, raw: Any) -> Any:
    before = old.find_field(raw["name"]) if isinstance(raw, Mapping) and isinstance(raw.get("name"), str) else None
    if before is None or raw.get("id") or raw.get("type") != before.type:
        return raw
    return {**raw, "id": before.id}


def _require_distinct(app: App, changes: Sequence[_Change], delete_missing: bool) -> None:
    """No two collections that are there afterwards share a name or an id."""
    ids = [each.new.id for each in changes]
    kept = [each for each in app.collections.all() if each.id not in ids and (each.system or not delete_missing)]
    names = {each.name.lower() for each in kept}
    for place, change in enumerate(changes):
        same = "name" if change.new.name.lower() in names else "id" if change.new.id in ids[:place] else ""
        if same:
            raise _failed(
                f'failed to save collection "{change.new.name}": constraint failed: UNIQUE constraint failed: '
                f"_collections.{same} ({1555 if same == 'id' else 2067})"
            )
        names.add(change.new.name.lower())


def _drop_missing(app: App, touched: set[str]) -> None:
    missing = [each for each in app.collections.all() if each.id not in touched and not each.system]
    for collection in sorted(missing, key=lambda each: not each.is_view):
        run_hooks(app, CollectionDelete(app=app, collection=collection))
        drop_stored(app, collection)


def _stage(app: App, changes: Sequence[_Change]) -> None:
    """Show all in memory, and take the listed views away: they are made anew when their sources stand."""
    for change in changes:
        if change.old is not None and change.old.is_view:
            app.database.schema.drop_view(change.old.name)
        app.collections.put(change.new)


def _store(app: App, change: _Change) -> None:
    _check(app, change)
    _run_hooks(app, change)
    if change.old is None:
        _or_failed(lambda: insert_collection(app, change.new), change.new.name)
    else:
        _or_failed(lambda: change_table(app.database.schema, change.old or change.new, change.new), change.new.name)
        store_changed(app, change.new)


def _store_views(app: App, changes: Sequence[_Change]) -> None:
    """Make the views; one that reads from another waits until that one stands."""
    waiting = [replace(each, new=with_view_fields(app, each.new)) for each in changes]
    ready = [each for each in waiting if each.new.fields] or waiting
    for change in ready:
        _check(app, change)
        _run_hooks(app, change)
        if change.old is None:
            insert_collection(app, change.new)
        else:
            create_table(app.database.schema, change.new)
            store_changed(app, change.new)
    if len(ready) < len(waiting):
        _store_views(app, [each for each in waiting if each not in ready])


def _run_hooks(app: App, change: _Change) -> None:
    if change.old is None:
        run_hooks(app, CollectionCreate(app=app, collection=change.new))
    else:
        run_hooks(app, CollectionUpdate(app=app, collection=change.new, old=change.old))


def _check(app: App, change: _Change) -> None:
    if errors := find_errors(app, change.new, change.old):
        report = json.dumps(_sentences(errors), ensure_ascii=False, indent=2, sort_keys=True)
        message = f'Data validations failed for collection "{change.new.name}" ({change.new.id}):\n{report}.'
        raise ValidationFailed({"collections": FieldError(CODE, message)})


def _sentences(errors: Any) -> Any:
    """The tree of errors with plain sentences, as the wire's report has them."""
    if isinstance(errors, Mapping):
        return {name: _sentences(each) for name, each in errors.items()}
    message: str = errors.message
    if errors.code in _PLAIN_CODES:
        return f"{message[:1].lower()}{message[1:].removesuffix('.')}"
    return message.removesuffix(".") if errors.code in _OPEN_CODES else message


def _or_failed(step: Any, name: str) -> None:
    try:
        step()
    except (SchemaError, ValidationFailed) as error:
        reason = " ".join(_messages(error.data)) if isinstance(error, ValidationFailed) else error.message
        raise _failed(f'failed to save collection "{name}": {reason}' if name else reason) from error


def _messages(errors: Mapping[str, Any]) -> Iterator[str]:
    for each in errors.values():
        if isinstance(each, Mapping):
            yield from _messages(each)
        else:
            yield each.message


def _failed(reason: str) -> ValidationFailed:
    message = f"Failed to import the collections configuration. Raw error:\n{reason.removesuffix('.')}."
    return ValidationFailed({"collections": FieldError(CODE, message)})
