"""Rich text: HTML as an editor makes it, limited in bytes. Cleaning it is the reader's business, as in the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.core.fields.base import Field, option, read_flag, read_whole
from appliance.core.fields.casts import to_text


@dataclass(frozen=True, kw_only=True)
class EditorField(Field):
    """HTML. `max_size` in bytes, 0 for 5 MiB; `convert_urls` only tells dashboards to strip domains."""

    type = "editor"

    max_size: int = option("maxSize", read_whole, 0)
    convert_urls: bool = option("convertURLs", read_flag, False)

    def zero(self) -> str:
        """The empty text."""
        return ""

    def normalise(self, raw: Any) -> str:
        """A text; numbers and booleans are spelled out."""
        return to_text(raw)
