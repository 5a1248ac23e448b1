"""Tells a file's type by its content: what a client says of a file is never trusted.

A table of magic numbers for binary types, then a few rules for text. The names follow the wire's original, so that
a `mimeTypes` option written for it means the same here.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple

HEAD_BYTES = 3072  # what the original looks at
CONTROL_BYTES = frozenset(range(0x20)) - frozenset(b"\t\n\f\r\x1b\b")


class ContentType(NamedTuple):
    """A media type and the extension (with its dot, or "") that a nameless file of it gets."""

    name: str
    extension: str

    def is_one_of(self, names: Iterable[str]) -> bool:
        """Whether one of the media types is this one; parameters like the charset don't count."""
        own = _essence(self.name)
        return any(_essence(each) == own for each in names)


def _essence(name: str) -> str:
    return name.partition(";")[0].strip().lower()


UNKNOWN = ContentType("application/octet-stream", "")
PLAIN_TEXT = ContentType("text/plain; charset=utf-8", ".txt")

# (offset, magic bytes, type, extension); the first that fits wins
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (0, b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (0, b"GIF87a", "image/gif", ".gif"),
    (0, b"GIF89a", "image/gif", ".gif"),
    (8, b"WEBPVP", "image/webp", ".webp"),
    (0, b"BM", "image/bmp", ".bmp"),
    (0, b"II*\x00", "image/tiff", ".tiff"),
    (0, b"MM\x00*", "image/tiff", ".tiff"),
    (0, b"\x00\x00\x01\x00", "image/x-icon", ".ico"),
    (0, b"8BPS", "image/vnd.adobe.photoshop", ".psd"),
    (4, b"ftypavif", "image/avif", ".avif"),
    (4, b"ftypheic", "image/heic", ".heic"),
    (4, b"ftypheix", "image/heic", ".heic"),
    (4, b"ftypmif1", "image/heif", ".heif"),
    (0, b"%PDF-", "application/pdf", ".pdf"),
    (0, b"PK\x03\x04", "application/zip", ".zip"),
    (0, b"PK\x05\x06", "application/zip", ".zip"),
    (0, b"\x1f\x8b", "application/gzip", ".gz"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", ".7z"),
    (0, b"Rar!\x1a\x07", "application/x-rar-compressed", ".rar"),
    (0, b"BZh", "application/x-bzip2", ".bz2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz", ".xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd", ".zst"),
    (257, b"ustar", "application/x-tar", ".tar"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3", ".sqlite"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage", ""),
    (0, b"ID3", "audio/mpeg", ".mp3"),
    (0, b"\xff\xfb", "audio/mpeg", ".mp3"),
    (0, b"\xff\xf3", "audio/mpeg", ".mp3"),
    (0, b"\xff\xf2", "audio/mpeg", ".mp3"),
    (0, b"fLaC", "audio/flac", ".flac"),
    (8, b"WAVE", "audio/wav", ".wav"),
    (0, b"OggS", "application/ogg", ".ogg"),
    (0, b"MThd", "audio/midi", ".midi"),
    (0, b"#!AMR", "audio/amr", ".amr"),
    (4, b"ftypM4A", "audio/x-m4a", ".m4a"),
    (4, b"ftypqt", "video/quicktime", ".mov"),
    (4, b"ftyp3gp", "video/3gpp", ".3gp"),
    (4, b"ftypM4V", "video/x-m4v", ".m4v"),
    (4, b"ftyp", "video/mp4", ".mp4"),
    (0, b"\xff\x0a", "image/jxl", ".jxl"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl", ".jxl"),
    (0, b"gimp xcf", "image/x-xcf", ".xcf"),
    (0, b"\x30&\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", "video/x-ms-asf", ".asf"),
    (0, b"FWS", "application/x-shockwave-flash", ".swf"),
    (0, b"CWS", "application/x-shockwave-flash", ".swf"),
    (0, b"\xca\xfe\xba\xbe", "application/x-java-applet", ".class"),
    (0, b"!<arch>\ndebian", "application/vnd.debian.binary-package", ".deb"),
    (0, b"!<arch>\n", "application/x-archive", ".a"),
    (0, b"\xed\xab\xee\xdb", "application/x-rpm", ".rpm"),
    (0, b"d8:announce", "application/x-bittorrent", ".torrent"),
    (0, b"\x1aE\xdf\xa3", "video/webm", ".webm"),
    (8, b"AVI LIST", "video/x-msvideo", ".avi"),
    (0, b"FLV\x01", "video/x-flv", ".flv"),
    (0, b"\x00asm", "application/wasm", ".wasm"),
    (0, b"\x7fELF", "application/x-elf", ""),
    (0, b"MZ", "application/vnd.microsoft.portable-executable", ".exe"),
    (0, b"wOFF", "font/woff", ".woff"),
    (0, b"wOF2", "font/woff2", ".woff2"),
    (0, b"OTTO\x00", "font/otf", ".otf"),
    (0, b"\x00\x01\x00\x00", "font/ttf", ".ttf"),
)

# A zip whose first entries bear these names is an office document or a program.
_ZIPPED: tuple[tuple[bytes, str, str], ...] = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx"),
    (b"mimetypeapplication/epub+zip", "application/epub+zip", ".epub"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text", ".odt"),
    (
        b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.spreadsheet",
        ".ods",
    ),
    (b"META-INF/MANIFEST.MF", "application/java-archive", ".jar"),
    (b"AndroidManifest.xml", "application/vnd.android.package-archive", ".apk"),
)

# (?>...): what was read as head is not read in another way; a row of comments could be split in exponentially many.
_MARKUP: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"(?>(?:<\?xml.*?\?>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE\s+svg[^>]*>\s*)?)<svg[\s>]", re.I | re.S),
     "image/svg+xml", ".svg"),
    (re.compile(
        rb"<(?:!DOCTYPE HTML|html|head|body|script|iframe|h1|div|font|table|a|style|title|b|br|p|!--)[\s>]", re.I
     ), "text/html; charset=utf-8", ".html"),
    (re.compile(rb"<\?xml.*?<rss", re.S), "application/rss+xml", ".rss"),
    (re.compile(rb"<\?xml.*?<feed[^>]*http://www.w3.org/2005/Atom", re.S), "application/atom+xml", ".atom"),
    (re.compile(rb"<\?xml.*?<kml", re.S), "application/vnd.google-earth.kml+xml", ".kml"),
    (re.compile(rb"<\?xml.*?<gpx", re.S), "application/gpx+xml", ".gpx"),
    (re.compile(rb"<\?xml"), "text/xml; charset=utf-8", ".xml"),
    (re.compile(rb"<\?php"), "text/x-php", ".php"),
    (re.compile(rb"#!\s*/(?:usr/)?bin/(?:env )?(?:ba|z|k)?sh\b"), "text/x-shellscript", ".sh"),
    (re.compile(rb"#!\s*/usr/bin/(?:env )?python"), "text/x-python", ".py"),
    (re.compile(rb"#!\s*/usr/bin/(?:env )?node"), "text/javascript", ".js"),
    (re.compile(rb"1\r?\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}\r?\n"), "application/x-subrip", ".srt"),
    (re.compile(rb"\{\\rtf"), "text/rtf", ".rtf"),
    (re.compile(rb"%!PS-Adobe-"), "application/postscript", ".ps"),
    (re.compile(rb"BEGIN:VCARD\r?\n"), "text/vcard", ".vcf"),
    (re.compile(rb"BEGIN:VCALENDAR\r?\n"), "text/calendar", ".ics"),
    (re.compile(rb"WEBVTT(?:\s|$)"), "text/vtt", ".vtt"),
)  # fmt: skip


def sniff_stream(stream: BinaryIO) -> ContentType:
    """The type of what a stream holds; the stream is rewound to its start."""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    is_whole = not stream.read(1)
    stream.seek(0)
    return sniff(head, is_whole)


def sniff(head: bytes, is_whole: bool = True) -> ContentType:
    """The type of a file that begins with `head`; `is_whole` when nothing follows."""
    for offset, magic, name, extension in _MAGIC:
        if head.startswith(magic, offset):
            return _NEARER[name](head) if name in _NEARER else ContentType(name, extension)
    return UNKNOWN if CONTROL_BYTES.intersection(head) else _sniff_text(head, is_whole)


def _sniff_zip(head: bytes) -> ContentType:
    for entry, name, extension in _ZIPPED:
        if entry in head:
            return ContentType(name, extension)
    return ContentType("application/zip", ".zip")


def _sniff_matroska(head: bytes) -> ContentType:
    is_matroska = b"\x42\x82" in head and b"matroska" in head[:64]
    return ContentType("video/x-matroska", ".mkv") if is_matroska else ContentType("video/webm", ".webm")


_NEARER = {"application/zip": _sniff_zip, "video/webm": _sniff_matroska}


def _sniff_text(head: bytes, is_whole: bool) -> ContentType:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, name, extension in _MARKUP:
        if pattern.match(text):
            return ContentType(name, extension)
    if text[:1] in (b"{", b"[") and _is_json(text, is_whole):
        return ContentType("application/json", ".json")
    lines = text.decode(errors="replace").splitlines()
    if not is_whole:
        lines = lines[:-1]
    return next((kind for kind, fits in _LINED if fits(lines)), PLAIN_TEXT)


def _is_table(lines: list[str], delimiter: str) -> bool:
    """At least two rows of equally many columns, more than one."""
    kept = [line for line in lines if line and not line.startswith("#")]
    try:
        widths = {len(row) for row in csv.reader(kept, delimiter=delimiter, skipinitialspace=True, strict=True)}
    except csv.Error:
        return False
    return len(kept) > 1 and len(widths) == 1 and max(widths) > 1


def _is_json_lines(lines: list[str]) -> bool:
    kept = [line.encode() for line in lines if line.strip()]
    return len(kept) > 1 and all(line.lstrip()[:1] in (b"{", b"[") and _is_json(line, True) for line in kept)


_LINED: tuple[tuple[ContentType, Callable[[list[str]], bool]], ...] = (
    (ContentType("application/x-ndjson", ".ndjson"), _is_json_lines),
    (ContentType("text/csv; charset=utf-8", ".csv"), lambda lines: _is_table(lines, ",")),
    (ContentType("text/tab-separated-values; charset=utf-8", ".tsv"), lambda lines: _is_table(lines, "\t")),
)


def _is_json(text: bytes, is_whole: bool) -> bool:
    """A whole text must parse; of a cut one the error must lie at the cut."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        at_the_cut = error.msg.startswith("Unterminated string") or error.pos >= len(error.doc) - len("false")
        return not is_whole and at_the_cut
    except (ValueError, RecursionError):
        return False
    return True
