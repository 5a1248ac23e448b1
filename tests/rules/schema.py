"""The world's collections as values, without any server: for tests of the compiler alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from appliance.core.collection import RULE_NAMES, Collection
from appliance.core.fields import field_from_json
from tests.rules import world

ID = {"id": "text_id", "name": "id", "type": "text", "primaryKey": True, "system": True}
AUTH = (
    {"name": "password", "type": "password", "hidden": True},
    {"name": "tokenKey", "type": "text", "hidden": True},
    {"name": "email", "type": "email"},
    {"name": "emailVisibility", "type": "bool"},
    {"name": "verified", "type": "bool"},
)


class WorldSchema:
    """Finds the world's collections by name or id."""

    def __init__(self) -> None:
        self.collections = [_collection(each, place) for place, each in enumerate(world.collections(), 1)]

    def find(self, name_or_id: str) -> Collection | None:
        """The collection of that name or id."""
        return next((each for each in self.collections if name_or_id.lower() in (each.id, each.name)), None)

    def get(self, name: str) -> Collection:
        """The collection of that name, which must be there."""
        found = self.find(name)
        assert found is not None
        return found


@cache
def world_schema() -> WorldSchema:
    """The one schema that tests share."""
    return WorldSchema()


def _collection(definition: Mapping[str, Any], revision: int) -> Collection:
    fields = [ID, *(AUTH if definition["type"] == "auth" else ()), *definition.get("fields", ())]
    return Collection(
        id=definition["id"],
        name=definition["name"],
        type=definition["type"],
        fields=tuple(field_from_json({"id": f"f_{each['name']}", **each}) for each in fields),
        indexes=tuple(definition.get("indexes", ())),
        rules={name: definition.get(name) for name in RULE_NAMES},
        revision=revision,
    )
