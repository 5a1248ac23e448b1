"""May they? The one authorisation function: every path to a record asks this file, and nothing else decides.

    list, filter, sort     list_allowed         the rule is part of the SELECT
                           allowed_page         the same page as rows
    view, files, expand    find_allowed         by ids, one SELECT for all of them
                           get_allowed_row      one of them as a row
    back-relations         find_allowed_back
    batch, sync            can                  one stored record
    realtime               can_watch            the values of one change; watchers_allowed for many at once
    create                 require_draft        a record that is not stored yet
    update, delete         require_rule
    fields of an answer    readable_fields, readable_emails
    fields of a body       writable_names

A rule is a text in the filter language; None lets superusers only, "" lets everyone; superusers are bound by none.
What a caller may not see is answered like what isn't there, so that an answer never tells the two apart.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from appliance.core.app import App
from appliance.core.bounded import Bounded
from appliance.core.collection import Collection
from appliance.core.fields.base import Field
from appliance.core.record import Record
from appliance.core.records.cache import StoredRow
from appliance.core.records.page import ListQuery, PageRead, RecordPage, list_records
from appliance.core.records.query import (
    find_allowed_records,
    find_allowed_row,
    find_back_records,
    matches_rule,
    values_match,
)
from appliance.core.records.watching import Watcher, judge
from appliance.core.request_info import RequestInfo
from appliance.errors import BadRequest, Forbidden, NotFound, RuleError

log = logging.getLogger("homeport.rules")
_writable_names: Final[Bounded[tuple[str, int, bool], frozenset[str]]] = Bounded(4096)  # of one collection each

LIST: Final = "list"
VIEW: Final = "view"
CREATE: Final = "create"
UPDATE: Final = "update"
DELETE: Final = "delete"

ONLY_SUPERUSERS: Final = "Only superusers can perform this action."
REFUSED_DRAFT: Final = "Failed to create record."

# What no answer shows, not even to superusers, whatever the schema says of them.
SECRET_FIELDS: Final = frozenset(("password", "tokenKey"))


def rule_of(collection: Collection, action: str, request: RequestInfo) -> str | None:
    """The rule that binds this request: "" when none does, None when only superusers may."""
    return "" if request.is_superuser else collection.rules[f"{action}Rule"]


def get_rule(collection: Collection, action: str, request: RequestInfo) -> str:
    """Like `rule_of`, but raises Forbidden where only superusers may."""
    rule = rule_of(collection, action, request)
    if rule is None:
        raise Forbidden(ONLY_SUPERUSERS)
    return rule


def can(app: App, record: Record, action: str, request: RequestInfo) -> bool:
    """Whether the request may do `action` with this record, stored or (for create) as the draft that it is."""
    return _passes(app, record, rule_of(record.collection, action, request), request)


def can_watch(app: App, record: Record, action: str, request: RequestInfo, client_filter: str = "") -> bool:
    """Whether a subscriber may see this change: the record's values of that moment decide, not what is stored by now.

    Raises Forbidden, BadRequest or RuleError for a filter or rule that can't be read.
    """
    return values_match(app, record, rule_of(record.collection, action, request), client_filter, request)


def watchers_allowed(app: App, record: Record, watchers: Sequence[Watcher], seconds: float) -> list[bool]:
    """`can_watch` for many at once, in their order: every distinct question is asked once, all within `seconds`.

    A filter or rule that can't be read, or that takes too long, shows nothing.
    """
    return judge(app, record, watchers, rule_of, seconds)


def require_rule(app: App, record: Record, action: str, request: RequestInfo) -> None:
    """Refuse unless the rule lets the request: Forbidden where only superusers may, else NotFound."""
    if not _passes(app, record, get_rule(record.collection, action, request), request):
        raise NotFound()


def require_draft(app: App, draft: Record, request: RequestInfo) -> None:
    """Refuse to create this record: Forbidden where only superusers may, else BadRequest without any detail."""
    if not _passes(app, draft, get_rule(draft.collection, CREATE, request), request):
        raise BadRequest(REFUSED_DRAFT)


def list_allowed(app: App, collection: Collection, query: ListQuery, request: RequestInfo) -> RecordPage:
    """One page of the records that the list rule shows. Raises Forbidden, BadRequest for a filter or sort."""
    return list_records(app, collection, query, request)


def allowed_page(app: App, collection: Collection, query: ListQuery, request: RequestInfo) -> PageRead:
    """One page of the rows that the list rule shows, ready to be read. Raises as `list_allowed`."""
    return PageRead(app, collection, query, request)


def get_allowed_row(app: App, collection: Collection, record_id: str, request: RequestInfo) -> StoredRow:
    """The row of that id, if the view rule shows it. Raises Forbidden, NotFound."""
    rule = get_rule(collection, VIEW, request)
    try:
        found = find_allowed_row(app, collection, record_id, rule, request)
    except RuleError as error:
        _report_broken(collection, VIEW, error)
        raise NotFound from error
    if found is None:
        raise NotFound
    return found


def get_allowed(app: App, collection: Collection, record_id: str, request: RequestInfo) -> Record:
    """The record of that id, if the view rule shows it. Raises Forbidden, NotFound."""
    get_rule(collection, VIEW, request)
    found = find_allowed(app, collection, (record_id,), request)
    if not found:
        raise NotFound()
    return found[record_id]


def find_allowed(app: App, collection: Collection, ids: Sequence[str], request: RequestInfo) -> Mapping[str, Record]:
    """Those of the records with these ids that the view rule shows, by id; one SELECT."""
    rule = rule_of(collection, VIEW, request)
    try:
        return {each.id: each for each in find_allowed_records(app, collection, ids, rule, request)}
    except RuleError as error:
        _report_broken(collection, VIEW, error)
        return {}


def find_allowed_back(
    app: App, collection: Collection, via: str, ids: Sequence[str], request: RequestInfo
) -> Mapping[str, list[Record]]:
    """For each id the records whose relation `via` holds it and that the view rule shows; one SELECT."""
    rule = rule_of(collection, VIEW, request)
    try:
        return find_back_records(app, collection, via, ids, rule, request)
    except RuleError as error:
        _report_broken(collection, VIEW, error)
        return {}


def can_manage(app: App, record: Record, request: RequestInfo) -> bool:
    """Whether the request may set this auth record's email, password and verified state without proof.

    Superusers may, and whoever is signed in and satisfies the manageRule. A record that is not stored yet is
    judged as the draft that it is, a stored one as it is stored.
    """
    if request.is_superuser:
        return True
    rule = _manage_rule(record.collection)
    return rule is not None and request.auth is not None and _passes(app, record, rule, request)


def readable_fields(collection: Collection, is_superuser: bool) -> tuple[Field, ...]:
    """The fields that an answer to a superuser, or to anybody else, may show."""
    return tuple(each for each in collection.fields if can_read_field(collection, each, is_superuser))


def can_read_field(collection: Collection, field: Field, is_superuser: bool) -> bool:
    """Whether a field is shown, filtered and sorted by, expanded, and served as a file."""
    if collection.is_auth and field.name in SECRET_FIELDS:
        return False
    return is_superuser or not field.hidden or field.name == "id"


def can_write_field(collection: Collection, field: Field, is_superuser: bool) -> bool:
    """Whether a body may set the field: a hidden one is a superuser's, but everybody has a password to choose."""
    return is_superuser or not field.hidden or (collection.is_auth and field.name == "password")


def writable_names(collection: Collection, is_superuser: bool) -> frozenset[str]:
    """The names of the fields that a body may set. A revision is never used twice, so no entry can be stale."""
    key = (collection.id, collection.revision, is_superuser)
    names = _writable_names.get(key)
    if names is None:
        names = frozenset(each.name for each in collection.fields if can_write_field(collection, each, is_superuser))
        if collection.revision:
            _writable_names.put(key, names)
    return names


def is_oneself(record: Record, request: RequestInfo) -> bool:
    """Whether the record is the one that is signed in."""
    auth = request.auth
    return auth is not None and auth.id == record.id and auth.collection.id == record.collection.id


def readable_emails(
    app: App, collection: Collection, records: Iterable[Record], request: RequestInfo
) -> frozenset[str]:
    """The ids of those records of one auth collection whose email this request may see.

    One's own, those whose owners show it, and those that one may manage; the latter cost one SELECT for all.
    """
    shown: set[str] = set()
    private: set[str] = set()
    for record in records:
        is_open = request.is_superuser or record.get("emailVisibility") or is_oneself(record, request)
        (shown if is_open else private).add(record.id)
    return frozenset(shown | _managed(app, collection, sorted(private), request))


def _managed(app: App, collection: Collection, ids: Sequence[str], request: RequestInfo) -> set[str]:
    """Unlike `can_manage` this asks no sign-in: the manageRule itself says whom it means, as on the wire."""
    rule = _manage_rule(collection)
    if rule is None or not ids:
        return set()
    try:
        return {each.id for each in find_allowed_records(app, collection, ids, rule, request)}
    except RuleError as error:
        _report_broken(collection, "manage", error)
        return set()


def _manage_rule(collection: Collection) -> str | None:
    """The rule, None when there is none: an empty one can't be stored, and would mean nobody."""
    return (collection.options.get("manageRule") or None) if collection.is_auth else None


def _passes(app: App, record: Record, rule: str | None, request: RequestInfo) -> bool:
    try:
        return rule == "" or matches_rule(app, record, rule, request)
    except RuleError as error:
        _report_broken(record.collection, "a record", error)
        return False


def _report_broken(collection: Collection, action: str, error: RuleError) -> None:
    """A stored rule that can't be compiled (it named a field that is gone) lets nobody but superusers: tell why."""
    log.error("%s of %s is refused: the rule can't be used: %s %s", action, collection.name, error.message, error.hint)
