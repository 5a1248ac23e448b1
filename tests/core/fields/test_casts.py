"""No text, however long and crooked, makes reading a value slow."""

from __future__ import annotations

import io
import time

import pytest

from appliance.core.fields.casts import to_number, to_texts
from appliance.core.fields.dates import parse_date
from appliance.core.fields.email import is_email
from appliance.core.fields.file_names import stored_name
from appliance.core.fields.url import is_url
from appliance.core.upload import Upload

LONG = 50_000


@pytest.mark.parametrize(
    ("read", "text"),
    [
        pytest.param(to_number, "1" * LONG + "_", id="digits before a wrong character"),
        pytest.param(to_number, "1_" * LONG, id="digits with underscores"),
        pytest.param(to_number, "0x" + "f" * LONG + "p", id="half a hexadecimal number"),
        pytest.param(to_number, "1e" + "9" * LONG, id="an endless exponent"),
        pytest.param(to_texts, "[" * LONG, id="brackets without end"),
        pytest.param(parse_date, "2022-01-01 10:00:00." + "1" * LONG + "x", id="an endless fraction of a second"),
        pytest.param(is_email, "a@" + "a." * LONG + "1", id="an endless domain"),
        pytest.param(is_url, "http://" + "a-" * 1000 + "!", id="an endless host"),
        pytest.param(stored_name, "aB-" * LONG, id="an endless file name"),
    ],
)
def test_reading_takes_no_time(read: object, text: str) -> None:
    assert callable(read)
    argument = Upload(text, 0, open_nothing()) if read is stored_name else text
    started = time.monotonic()
    read(argument)
    assert time.monotonic() - started < 2


def open_nothing() -> io.BytesIO:
    return io.BytesIO()
