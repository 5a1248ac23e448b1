"""The ids of one or many records of another collection."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.fields.base import option, read_flag, read_text, read_whole
from appliance.core.fields.many import ManyField


@dataclass(frozen=True, kw_only=True)
class RelationField(ManyField):
    """Ids of records of `collection_id`. With `cascade_delete` a record goes when one it points to goes."""

    type = "relation"

    collection_id: str = option("collectionId", read_text, "")
    cascade_delete: bool = option("cascadeDelete", read_flag, False)
    min_select: int = option("minSelect", read_whole, 0)
