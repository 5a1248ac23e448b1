"""The names of one or many files that belong to the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.core.fields.base import option, read_flag, read_texts, read_whole
from appliance.core.fields.casts import to_texts
from appliance.core.fields.file_names import NewFile
from appliance.core.fields.many import ManyField
from appliance.core.upload import Upload


@dataclass(frozen=True, kw_only=True)
class FileField(ManyField):
    """File names. One just uploaded is a `NewFile`: its future name as a str, with the upload it stands for.

    `max_size` in bytes, 0 for 5 MiB; `thumbs` are the sizes that may be asked for; `protected` asks for a file token.
    """

    type = "file"

    max_size: int = option("maxSize", read_whole, 0)
    mime_types: tuple[str, ...] = option("mimeTypes", read_texts, ())
    thumbs: tuple[str, ...] = option("thumbs", read_texts, ())
    protected: bool = option("protected", read_flag, False)

    def elements(self, raw: Any) -> list[str]:
        """Names and uploads, lists in lists flattened, each once."""
        return list(dict.fromkeys(_flatten(raw)))

    def value_as_json(self, value: Any) -> str | list[str]:
        """The name or names."""
        return [str(each) for each in value] if self.is_multiple else str(value)


def _flatten(raw: Any) -> list[str]:
    if isinstance(raw, Upload):
        return [NewFile.of(raw)]
    if isinstance(raw, NewFile):
        return [raw]
    if isinstance(raw, list | tuple):
        return [found for each in raw for found in _flatten(each)]
    return to_texts(raw)
