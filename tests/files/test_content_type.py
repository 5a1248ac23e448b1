"""What a file is by its content, judged by the extensions that PocketBase 0.40.6 gives to files without one."""

from __future__ import annotations

import time

import pytest

from appliance.files.content_type import HEAD_BYTES, sniff

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("head", "name", "extension"),
    [
        pytest.param(b"\x89PNG\r\n\x1a\n", "image/png", ".png", id="png"),
        pytest.param(b"\xff\xd8\xff\xe0", "image/jpeg", ".jpg", id="jpeg"),
        pytest.param(b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", ".webp", id="webp"),
        pytest.param(b"%PDF-1.4", "application/pdf", ".pdf", id="pdf"),
        pytest.param(
            b"PK\x03\x04" + b"\x01" * 26 + b"word/document.xml", WORD, ".docx", id="an office document in a zip"
        ),
        pytest.param(b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x84webm", "video/webm", ".webm", id="webm"),
        pytest.param(b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x88matroska", "video/x-matroska", ".mkv", id="mkv"),
        pytest.param(b"", "text/plain; charset=utf-8", ".txt", id="nothing"),
        pytest.param(b"hello", "text/plain; charset=utf-8", ".txt", id="text"),
        pytest.param(b"\xe9 latin", "text/plain; charset=utf-8", ".txt", id="text that is not UTF-8"),
        pytest.param(b"  <!doctype html><p>", "text/html; charset=utf-8", ".html", id="html"),
        pytest.param(b"<?xml version='1.0'?><svg ></svg>", "image/svg+xml", ".svg", id="svg behind an xml head"),
        pytest.param(b"<?xml version='1.0'?><a/>", "text/xml; charset=utf-8", ".xml", id="xml"),
        pytest.param(b'{"a":1}', "application/json", ".json", id="json"),
        pytest.param(b'{"a":1', "text/plain; charset=utf-8", ".txt", id="broken json"),
        pytest.param(b'{"a":1}\n{"b":2}\n', "application/x-ndjson", ".ndjson", id="json lines"),
        pytest.param(b"a,b\n1,2\n", "text/csv; charset=utf-8", ".csv", id="a table with commas"),
        pytest.param(b"a,b\n1,2,3\n", "text/plain; charset=utf-8", ".txt", id="rows of unequal width"),
        pytest.param(b"a\tb\n1\t2\n", "text/tab-separated-values; charset=utf-8", ".tsv", id="a table with tabs"),
        pytest.param(b"\x00\x01\x02", "application/octet-stream", "", id="bytes of no known form"),
    ],
)
def test_content_tells_the_type(head: bytes, name: str, extension: str) -> None:
    assert sniff(head) == (name, extension)


def test_json_that_goes_on_after_the_head_is_still_json() -> None:
    whole = b'{"a":"' + b"x" * HEAD_BYTES
    assert sniff(whole[:HEAD_BYTES], is_whole=False).extension == ".json"


def test_a_charset_does_not_matter_for_a_list_of_types() -> None:
    assert sniff(b"hello").is_one_of(["image/png", "text/plain"])
    assert not sniff(b"<html>").is_one_of(["text/plain"])


def test_a_row_of_comments_takes_no_time() -> None:
    started = time.monotonic()
    assert sniff(b"<!---->" * 400 + b"x").extension == ".txt"
    assert time.monotonic() - started < 1
