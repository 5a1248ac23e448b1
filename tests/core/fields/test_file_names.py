"""Names of stored files, in the form that PocketBase 0.40.6 gives them (# is a random character)."""

from __future__ import annotations

import io
import re

import pytest

from appliance.core.fields.file_names import NewFile, stored_name
from appliance.core.upload import Upload

RANDOM = "#" * 10


@pytest.mark.parametrize(
    ("name", "form"),
    [
        pytest.param("test.txt", f"test_{RANDOM}.txt", id="a plain name"),
        pytest.param("Test File.TXT", f"test_file_{RANDOM}.TXT", id="the extension keeps its case"),
        pytest.param("CamelCaseName.jpg", f"camel_case_name_{RANDOM}.jpg", id="words in capitals"),
        pytest.param("HTTPServer2.PDF", f"httpserver2_{RANDOM}.PDF", id="an abbreviation"),
        pytest.param("a.txt", f"a{RANDOM}_{RANDOM}.txt", id="a short name gets longer"),
        pytest.param("日本.txt", f"{RANDOM}_{RANDOM}.txt", id="nothing readable"),
        pytest.param(".htaccess", f"{RANDOM}_{RANDOM}.htaccess", id="only an extension"),
        pytest.param("noext", f"noext_{RANDOM}.txt", id="an extension from the content"),
        pytest.param("many.dots.in.name.tar.gz", f"many_dots_in_name_{RANDOM}.tar.gz", id="two extensions"),
        pytest.param("abc.0123456789012345678.gz", f"abc_{RANDOM}.23456789012345678.gz", id="20 characters of it"),
        pytest.param("../../etc/passwd", f"passwd_{RANDOM}.txt", id="a path"),
        pytest.param("C:\\dir\\file.txt", f"c_dir_file_{RANDOM}.txt", id="a path of Windows"),
        pytest.param("y" * 120 + ".txt", "y" * 100 + f"_{RANDOM}.txt", id="100 characters of it"),
        pytest.param("a<b>&c'd.t;x\nt", f"a_b_c_d_{RANDOM}.txt", id="characters that need quoting"),
    ],
)
def test_a_name_is_readable_and_cannot_be_guessed(name: str, form: str) -> None:
    pattern = re.escape(form).replace(re.escape(RANDOM), "[a-z0-9]{10}")
    assert re.fullmatch(pattern, stored_name(_upload(name)))


def test_two_uploads_of_one_name_differ() -> None:
    assert NewFile.of(_upload("a.txt")) != NewFile.of(_upload("a.txt"))


def _upload(name: str) -> Upload:
    return Upload(name=name, size=5, stream=io.BytesIO(b"hello"))
