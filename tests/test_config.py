"""Options come from flags, environment, file and defaults, in that order, and a wrong one is named with its source."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from appliance.config import (
    OPTIONS,
    Address,
    Config,
    load_config,
    read_address,
    read_count,
    read_list,
    read_switch,
    shown,
    unknown_variables,
)
from appliance.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent


def config_in(folder: Path, text: str = "", **more: Any) -> Config:
    """The configuration of a data folder whose homeport.toml says `text`."""
    (folder / "homeport.toml").write_text(text)
    return load_config({"dir": str(folder), **more.get("flags", {})}, more.get("environ", {}))


def test_the_table_and_the_value_have_the_same_options() -> None:
    names = [field.name for field in dataclasses.fields(Config)]
    assert names == [*(option.name for option in OPTIONS), "sources"]


def test_a_configuration_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        config_in(tmp_path).workers = 9  # type: ignore[misc]


def test_every_option_is_read_by_some_room() -> None:
    rooms = [path for path in (ROOT / "appliance").rglob("*.py") if path.name != "config.py"]
    source = "\n".join(path.read_text(encoding="utf-8") for path in [*rooms, *(ROOT / "dashboard").rglob("*.py")])
    for option in OPTIONS:
        if option.name != "local":  # becomes the host of `http`
            assert re.search(rf"config\.{option.name}\b", source), option.name


SOURCES = [
    pytest.param({}, {}, "", "0.0.0.0:8090", "default", id="nothing said"),
    pytest.param({}, {}, "http = '127.0.0.1:1'", "127.0.0.1:1", "file", id="the file"),
    pytest.param(
        {}, {"HOMEPORT_HTTP": ":2"}, "http = ':1'", "0.0.0.0:2", "environment", id="the environment beats the file"
    ),
    pytest.param(
        {"http": "[::1]:3"}, {"HOMEPORT_HTTP": ":2"}, "http = ':1'", "[::1]:3", "flag", id="a flag beats both"
    ),
    pytest.param({}, {"HOMEPORT_HTTP": ""}, "", "0.0.0.0:8090", "default", id="an empty variable counts as none"),
    pytest.param({"local": True}, {}, "http = ':1'", "127.0.0.1:1", "file", id="local keeps the port"),
]


@pytest.mark.parametrize(("flags", "environ", "text", "http", "source"), SOURCES)
def test_the_strongest_source_wins(
    tmp_path: Path, flags: dict[str, Any], environ: dict[str, str], text: str, http: str, source: str
) -> None:
    config = config_in(tmp_path, text, flags=flags, environ=environ)
    assert str(config.http) == http
    assert config.sources["http"].split()[0] == source


def test_only_an_unnamed_port_may_give_way(tmp_path: Path) -> None:
    assert not config_in(tmp_path).has_chosen_port
    assert config_in(tmp_path, "http = ':80'").has_chosen_port


WRONG = [
    pytest.param({"workers": "0"}, {}, "", "workers is '0' (flag --workers)", id="a flag"),
    pytest.param({"durability": "off"}, {}, "", "it must be full or normal", id="no such durability"),
    pytest.param(
        {}, {"HOMEPORT_LOCAL": "perhaps"}, "", "local is 'perhaps' (environment HOMEPORT_LOCAL)", id="a variable"
    ),
    pytest.param({}, {}, "workers = true", "workers is True (file", id="a file's value of the wrong type"),
    pytest.param({}, {}, "origins = [1]", "origins is [1] (file", id="a list of numbers"),
    pytest.param({}, {}, "worker = 3", "unknown option 'worker'", id="a misspelt key"),
    pytest.param({}, {}, "= =", "can't be read", id="no TOML"),
    pytest.param(
        {"config": "/no/such.toml"}, {}, "", "There is no configuration file /no/such.toml", id="a missing file"
    ),
]


@pytest.mark.parametrize(("flags", "environ", "text", "message"), WRONG)
def test_a_wrong_value_is_named_with_its_source_and_a_hint(
    tmp_path: Path, flags: dict[str, Any], environ: dict[str, str], text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config_in(tmp_path, text, flags=flags, environ=environ)
    assert message in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 3


def test_a_misspelt_key_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config_in(tmp_path, "worker = 3")
    assert caught.value.hint == "Did you mean workers?"


def test_a_named_file_may_name_the_data_folder(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere.toml"
    named.write_text(f"dir = '{tmp_path / 'box'}'\norigins = ['https://a.example', 'https://b.example']\n")
    config = load_config({}, {"HOMEPORT_CONFIG": str(named)})
    assert config.dir == tmp_path / "box"
    assert config.origins == ("https://a.example", "https://b.example")


READABLE = [
    pytest.param(read_address, "8090", Address("0.0.0.0", 8090), id="a port"),
    pytest.param(read_address, ":80", Address("0.0.0.0", 80), id="a colon and a port"),
    pytest.param(read_address, "[::1]:80", Address("::1", 80), id="an IPv6 address"),
    pytest.param(read_address, "box.local:0", Address("box.local", 0), id="port 0"),
    pytest.param(read_switch, "YES", True, id="yes"),
    pytest.param(read_switch, False, False, id="a TOML false"),
    pytest.param(read_count, "12", 12, id="a count"),
    pytest.param(read_list, " a , ,b", ("a", "b"), id="a list of texts"),
]


@pytest.mark.parametrize(("read", "text", "value"), READABLE)
def test_values_are_read(read: Any, text: Any, value: Any) -> None:
    assert read(text) == value


UNREADABLE = [
    pytest.param(read_address, "localhost", id="no port"),
    pytest.param(read_address, "a:65536", id="a port too high"),
    pytest.param(read_address, "a:-1", id="a negative port"),
    pytest.param(read_address, "a:٣", id="digits of another script"),
    pytest.param(read_switch, "2", id="neither true nor false"),
    pytest.param(read_count, "1001", id="too many"),
    pytest.param(read_count, "1.5", id="half a thread"),
    pytest.param(read_list, 5, id="a number for a list"),
]


@pytest.mark.parametrize(("read", "text"), UNREADABLE)
def test_what_cannot_be_read_says_what_is_expected(read: Any, text: Any) -> None:
    with pytest.raises(ValueError, match=r"\w+"):
        read(text)


def test_what_is_shown_can_be_given_back_as_flags(tmp_path: Path) -> None:
    config = config_in(tmp_path, "origins = ['https://a.example']\nlocal = true")
    rows = {row["option"]: row["value"] for row in shown(config)}
    again = load_config(rows, {})
    assert dataclasses.replace(again, sources={}) == dataclasses.replace(config, sources={})


def test_misspelt_variables_are_found() -> None:
    environ = {"HOMEPORT_HTPP": "1", "HOMEPORT_HTTP": ":1", "HOMEPORT_PYTHON_ENV": "current", "HOME": "/"}
    assert unknown_variables(environ) == ["HOMEPORT_HTPP"]
