"""Names of stored files: what of the client's name is readable, ten random characters, a short extension.

`Test File.TXT` becomes `test_file_a54c161675.TXT`. The name can't be guessed, holds no path and needs no quoting.
"""

from __future__ import annotations

import posixpath
import re

from appliance import clock
from appliance.core.upload import Upload
from appliance.files.content_type import sniff_stream

RANDOM_LENGTH = 10
SHORTEST_BASE = 3
LONGEST_BASE = 100
LONGEST_EXTENSION = 20
NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
NOT_WORD = re.compile(r"[^A-Za-z0-9]+")
NOT_EXTENSION = re.compile(r"[^A-Za-z0-9_*\-+=#]")


class NewFile(str):
    """The future name of a file just uploaded; a plain str to everybody, so that rules and hooks see the name.

    `is_stored` once its bytes are on the disk; `owner` is the id of the record that was written with it, "" before.
    """

    __slots__ = ("is_stored", "owner", "upload")
    upload: Upload
    is_stored: bool
    owner: str

    @classmethod
    def of(cls, upload: Upload) -> NewFile:
        """Name an upload."""
        made = cls(stored_name(upload))
        made.upload = upload
        made.is_stored = False
        made.owner = ""
        return made


def stored_name(upload: Upload) -> str:
    """A name for a file to be stored, as the wire's original makes it."""
    name = posixpath.basename(upload.name.rstrip("/"))
    parts = name.split(".")
    cut = max(1, len(parts) - 2)  # `x.tar.gz` has an extension of two parts
    extension = _extension(parts[cut:]) or sniff_stream(upload.stream).extension
    return f"{_base('.'.join(parts[:cut]))}_{clock.random_text(RANDOM_LENGTH)}{extension}"


def _base(name: str) -> str:
    words = NOT_WORD.sub("_", NEW_WORD.sub("_", name)).strip("_").lower()
    if len(words) < SHORTEST_BASE:
        words += clock.random_text(RANDOM_LENGTH)
    return words[:LONGEST_BASE]


def _extension(parts: list[str]) -> str:
    clean = [NOT_EXTENSION.sub("", each) for each in parts]
    joined = ".".join(each for each in clean if each)
    return f".{joined[-LONGEST_EXTENSION:]}" if joined else ""
