"""Rich text: HTML as an editor makes it, limited in bytes. Cleaning it is the reader's business, as in the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.core.fields.base import option, read_flag, read_whole
from appliance.core.fields.checks import REQUIRED, between
from appliance.core.fields.plain_text import PlainTextField
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record

DEFAULT_MAX_SIZE = 5 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class EditorField(PlainTextField):
    """HTML. `maxSize` in bytes, 0 for 5 MiB; `convertURLs` only tells dashboards to strip domains."""

    type = "editor"

    max_size: int = option("maxSize", read_whole, 0)
    convert_urls: bool = option("convertURLs", read_flag, False)

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """The size."""
        return {"maxSize": between(self.max_size, 0)}

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, and the size in bytes."""
        if not value:
            return REQUIRED if self.required else None
        most = self.max_size or DEFAULT_MAX_SIZE
        if len(value.encode()) <= most:
            return None
        sentence = f"The maximum allowed content size is {most} bytes."
        return FieldError("validation_content_size_limit", sentence, {"maxSize": most})
