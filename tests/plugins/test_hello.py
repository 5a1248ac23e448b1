"""The annotated sample does what its comments say, on a real box."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from appliance.api.collections import create_collection
from appliance.api.request import Request
from appliance.core.app import App
from appliance.core.record import Record
from appliance.core.records.query import find_record
from appliance.core.records.save import create_record
from appliance.errors import BadRequest, PluginError
from appliance.plugins import PluginApp, load_plugin
from plugins import hello
from tests.boxes import open_box

GREETINGS = {
    "name": "greetings",
    "type": "base",
    "fields": [{"name": "name", "type": "text"}, {"name": "text", "type": "text"}],
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with open_box(tmp_path_factory.mktemp("hello")) as box:
        load_plugin(box, "hello", hello.register)
        create_collection(Request(box, "POST", "/api/collections", body=GREETINGS))
        yield box


def greeting_for(app: App, name: str) -> Record:
    record = Record(app.collections.get("greetings"))
    record["name"] = name
    return record


def test_a_hook_changes_the_record_before_it_is_stored(app: App) -> None:
    stored = create_record(app, greeting_for(app, "Ada"))
    found = find_record(app, stored.collection, stored.id)
    assert found is not None
    assert found["text"] == "Hello, Ada"


def test_a_hook_goes_on_after_the_commit(app: App, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "homeport.plugins.hello"):
        stored = create_record(app, greeting_for(app, "Bob"))
    assert f"greeted {stored.id}" in caplog.text


def test_a_hook_that_raises_vetoes_and_nothing_is_stored(app: App) -> None:
    before = app.database.query("SELECT count(*) FROM greetings")
    with pytest.raises(BadRequest, match="shout"):
        create_record(app, greeting_for(app, "ADA"))
    assert app.database.query("SELECT count(*) FROM greetings") == before


def test_hooks_are_listed_in_the_plugins_name(app: App) -> None:
    assert [each.owner for each in app.hooks.bindings() if each.owner == "hello"] == ["hello", "hello"]


def test_a_plugin_that_fails_to_load_leaves_no_hook_behind(app: App) -> None:
    def register(plugin: PluginApp) -> None:
        plugin.on.record_create()(print)
        raise RuntimeError("no such setting")

    with pytest.raises(PluginError, match="no such setting"):
        load_plugin(app, "broken", register)
    assert not [each for each in app.hooks.bindings() if each.owner == "broken"]
