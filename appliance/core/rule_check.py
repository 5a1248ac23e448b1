"""Whether a rule can be read and names only what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.core.collection import Collection
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App


def check_rule(app: App, collection: Collection, rule: str | None) -> FieldError | None:
    """None for a rule that compiles against the collection."""
    return None
