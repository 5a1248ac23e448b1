"""What hangs on an auth record by its id alone: external auths, MFAs, OTPs and auth origins.

They name it in two text fields (collectionRef, recordRef), not by a relation, so they are kept in step here:
a new token key (a changed password or email brings one) ends its OTPs, a new password ends MFAs and known origins,
and a deleted record takes all of them along.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from appliance.core.collection import AUTH_ORIGINS, EXTERNAL_AUTHS, MFAS, OTPS
from appliance.core.record import Record
from appliance.core.records.rows import load_where

if TYPE_CHECKING:
    from appliance.core.app import App

ALL_LINKS = (EXTERNAL_AUTHS, MFAS, OTPS, AUTH_ORIGINS)


def links_of(app: App, record: Record, names: Iterable[str] = ALL_LINKS) -> list[Record]:
    """The records of these system collections that belong to an auth record."""
    found: list[Record] = []
    for name in names if record.collection.is_auth else ():
        collection = app.collections.find(name)
        if collection is not None:
            found += load_where(app, collection, {"collectionRef": record.collection.id, "recordRef": record.id})
    return found


def stale_links(app: App, record: Record) -> list[Record]:
    """Those that the changes of an auth record, not yet stored, make worthless."""
    if not record.collection.is_auth:
        return []
    names: list[str] = []
    if record.get("tokenKey") != record.original.get("tokenKey"):
        names.append(OTPS)
    if record["password"].plain:
        names += [MFAS, AUTH_ORIGINS]
    return links_of(app, record, names)
