"""The list of what we touch inside waitress holds against the installed package."""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import version

import pytest

from appliance.http.waitress_names import INSTANCE_NAMES, NAMES, VERSION


def test_the_pinned_version_is_installed() -> None:
    assert version("waitress") == VERSION


@pytest.mark.parametrize("place", NAMES)
def test_every_name_is_there(place: str) -> None:
    module, _, class_name = place.partition(":")
    found = getattr(importlib.import_module(module), class_name)
    source = inspect.getsource(found)
    for name in NAMES[place]:
        assert hasattr(found, name) or f"self.{name}" in source, name


def test_channels_set_what_we_read() -> None:
    from waitress.channel import HTTPChannel
    from waitress.wasyncore import dispatcher

    source = inspect.getsource(HTTPChannel.__init__) + inspect.getsource(dispatcher.__init__)
    for name in INSTANCE_NAMES:
        assert f"self.{name}" in source, name
