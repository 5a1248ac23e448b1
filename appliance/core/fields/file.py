"""The names of one or many files that belong to the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from appliance.core.fields.base import option, read_flag, read_texts, read_whole
from appliance.core.fields.casts import to_texts
from appliance.core.fields.checks import IN_LIST, REQUIRED, WRONG_FORMAT, between
from appliance.core.fields.file_names import NewFile
from appliance.core.fields.many import ManyField
from appliance.core.upload import Upload
from appliance.errors import FieldError
from appliance.files.content_type import sniff_stream

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.collection import Collection
    from appliance.core.record import Record

DEFAULT_MAX_SIZE = 5 * 1024 * 1024
THUMB = re2.compile(r"\d+x\d+[tbf]?")
NO_THUMB = re2.compile(r"0+x0+[tbf]?")


@dataclass(frozen=True, kw_only=True)
class FileField(ManyField):
    """File names. One just uploaded is a `NewFile`: its future name as a str, with the upload it stands for.

    `maxSize` in bytes, 0 for 5 MiB; `thumbs` are the sizes that may be asked for; `protected` asks for a file token.
    """

    type = "file"

    max_size: int = option("maxSize", read_whole, 0)
    mime_types: tuple[str, ...] = option("mimeTypes", read_texts, ())
    thumbs: tuple[str, ...] = option("thumbs", read_texts, ())
    protected: bool = option("protected", read_flag, False)

    def elements(self, raw: Any) -> list[str]:
        """Names and uploads, each once."""
        return list(dict.fromkeys(_names_of(raw)))

    def value_as_json(self, value: Any) -> str | list[str]:
        """The name or names."""
        return [str(each) for each in value] if self.is_multiple else str(value)

    def own_option_errors(self, app: App, collection: Collection) -> dict[str, Any]:
        """How many, how big, and the sizes of thumbs."""
        thumbs = {str(place): _thumb_error(each) for place, each in enumerate(self.thumbs)}
        return {
            "maxSelect": between(self.max_select, 0),
            "maxSize": between(self.max_size, 0),
            "thumbs": {place: error for place, error in thumbs.items() if error},
        }

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, how many, that names without an upload are the record's own, and size and type of each upload."""
        names = self.elements(value)
        if not names:
            return REQUIRED if self.required else None
        return self._strangers_error(record, names) or self._count_error(names) or self._uploads_error(names)

    def _count_error(self, names: list[str]) -> FieldError | None:
        most = max(self.max_select, 1)
        if len(names) <= most:
            return None
        return FieldError("validation_too_many_files", f"The maximum allowed files is {most}.", {"maxSelect": most})

    def _strangers_error(self, record: Record, names: list[str]) -> FieldError | None:
        held = self.elements(record.original.get(self.name))
        strangers = [str(each) for each in names if each not in held and not _is_new_to(record, each)]
        if not strangers:
            return None
        sentence = f"Invalid new files: [{' '.join(strangers)}]."
        return FieldError("validation_invalid_file", sentence, {"invalidFiles": strangers})

    def _uploads_error(self, names: list[str]) -> FieldError | None:
        uploads = [each for each in names if isinstance(each, NewFile)]
        found = (self._size_error(each.upload) or self._type_error(each) for each in uploads)
        return next(filter(None, found), None)

    def _size_error(self, upload: Upload) -> FieldError | None:
        most = self.max_size or DEFAULT_MAX_SIZE
        if upload.size <= most:
            return None
        sentence = f"Failed to upload {upload.name} - the maximum allowed file size is {most} bytes."
        return FieldError("validation_file_size_limit", sentence, {"file": upload.name, "maxSize": most})

    def _type_error(self, name: NewFile) -> FieldError | None:
        if not self.mime_types or sniff_stream(name.upload.stream).is_one_of(self.mime_types):
            return None
        sentence = f'"{name}" mime type must be one of: {", ".join(self.mime_types)}.'
        return FieldError("validation_invalid_mime_type", sentence)


def _is_new_to(record: Record, name: str) -> bool:
    return isinstance(name, NewFile) and name.owner in ("", record.id)


def _thumb_error(size: str) -> FieldError | None:
    if NO_THUMB.fullmatch(size):
        return IN_LIST
    return WRONG_FORMAT if size and not THUMB.fullmatch(size) else None


def _names_of(raw: Any) -> list[str]:
    if isinstance(raw, Upload):
        return [NewFile.of(raw)]
    if isinstance(raw, NewFile):
        return [raw]
    texts = raw if isinstance(raw, list | tuple) else to_texts(raw)
    if texts == [raw]:
        return [raw]
    each_found = [_names_of(each) for each in texts]
    return [found[0] for found in each_found if len(found) == 1]  # as the original: of lists in a list, those of one
