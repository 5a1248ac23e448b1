"""`/api/collections`: list, view, create, update, delete, truncate, import and scaffolds. Superusers only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from appliance.api.list_query import read_list_query
from appliance.api.request import Request, Response
from appliance.core.collection import Collection
from appliance.core.collections import importing, listing, save
from appliance.core.collections.scaffolds import scaffolds
from appliance.core.option_checks import BLANK
from appliance.core.records.field_picker import pick_fields
from appliance.core.shapes import OBJECT, WrongShape, lay_over
from appliance.errors import BadRequest, SchemaError, ValidationFailed

NOT_CREATED: Final = "Failed to create collection."
NOT_UPDATED: Final = "Failed to update collection."
NOT_DELETED: Final = "Failed to delete collection."
NOT_IMPORTED: Final = "Failed to import collections."
UNREADABLE_LIST: Final = "An error occurred while loading the submitted data."

Result = TypeVar("Result")


def list_collections(request: Request) -> Response:
    """A page of collections, filtered and sorted by their plain columns."""
    page = listing.list_collections(request.app, read_list_query(request.query), request.as_info())
    items = [each.as_json() for each in page["items"]]
    return Response({**page, "items": pick_fields(items, request.query.get("fields", ""))})


def view_collection(request: Request) -> Response:
    """One collection by name or id."""
    return _answer_one(request, request.app.collections.get(request.path["collection"]))


def create_collection(request: Request) -> Response:
    """Make a collection and its table."""
    return _answer_one(request, _saying(NOT_CREATED, lambda: save.create_collection(request.app, _body(request))))


def update_collection(request: Request) -> Response:
    """Change a collection and bring its table along."""
    name = request.app.collections.get(request.path["collection"]).id
    return _answer_one(request, _saying(NOT_UPDATED, lambda: save.update_collection(request.app, name, _body(request))))


def delete_collection(request: Request) -> Response:
    """Delete a collection with its records."""
    _saying(NOT_DELETED, lambda: save.delete_collection(request.app, request.path["collection"]))
    return Response(status=204)


def truncate_collection(request: Request) -> Response:
    """Delete all records of a collection."""
    save.truncate_collection(request.app, request.path["collection"])
    return Response(status=204)


def import_collections(request: Request) -> Response:
    """Bring a list of collections, all or none."""
    try:
        listed = lay_over([OBJECT], [], request.body.get("collections"))
        delete_missing = lay_over(bool, False, request.body.get("deleteMissing"))
    except WrongShape as error:
        raise BadRequest(UNREADABLE_LIST) from error
    if not listed:
        raise ValidationFailed({"collections": BLANK})
    _saying(NOT_IMPORTED, lambda: importing.import_collections(request.app, listed, delete_missing))
    return Response(status=204)


def view_scaffolds(request: Request) -> Response:
    """An empty new collection of each type."""
    return _answer(request, scaffolds())


def _body(request: Request) -> Mapping[str, Any]:
    body: Mapping[str, Any] = request.body
    return body


def _answer_one(request: Request, collection: Collection) -> Response:
    return _answer(request, collection.as_json())


def _answer(request: Request, answer: Any) -> Response:
    return Response(pick_fields(answer, request.query.get("fields", "")))


def _saying(sentence: str, work: Callable[[], Result]) -> Result:
    """Do the work; what goes wrong with the options is told under the endpoint's own sentence."""
    try:
        return work()
    except ValidationFailed as error:
        raise BadRequest(sentence, error.data, error.hint) from error
    except SchemaError as error:
        raise BadRequest(f"{sentence} Raw error: \n{error.message}.", hint=error.hint) from error
