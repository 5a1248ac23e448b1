"""Which Host headers are this box's own."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from appliance import wiring
from appliance.config import load_config
from appliance.core.settings.store import update_settings
from appliance.http.middleware.hosts import KnownHosts, host_name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        pytest.param("Box.Local", "box.local", id="a name"),
        pytest.param("box.local:8090", "box.local", id="a name and a port"),
        pytest.param("box.local:", "box.local", id="an empty port"),
        pytest.param("box.local.", "box.local", id="a final dot"),
        pytest.param("192.168.1.5:80", "192.168.1.5", id="an address and a port"),
        pytest.param("[::1]", "::1", id="an IPv6 address"),
        pytest.param("[FE80::1]:8090", "fe80::1", id="an IPv6 address and a port"),
    ],
)
def test_reads_the_name_of_a_host(header: str, name: str) -> None:
    assert host_name(header) == name


def test_knows_the_names_that_belong_to_the_box(tmp_path: Path) -> None:
    app = wiring.build(load_config({"dir": str(tmp_path), "hosts": "box.example.com, 203.0.113.7,[2001:db8::7]"}, {}))
    try:
        known = KnownHosts(app)
        name = socket.gethostname().lower()
        own = [each.address.partition("%")[0] for found in psutil.net_if_addrs().values() for each in found]
        for host in ("localhost", "127.0.0.1", "::1", "app.localhost", name, f"{name.partition('.')[0]}.local", *own):
            assert known.has(host.lower()), host
        for host in ("box.example.com", "203.0.113.7", "2001:db8::7"):
            assert known.has(host), host
        for host in ("evil.com", "example.com", "x.box.example.com", "", "203.0.113.8", "localhost.evil.com"):
            assert not known.has(host), host
        update_settings(app, {"meta": {"appURL": "https://app.example.org:444/x"}})
        assert known.has("app.example.org")
        update_settings(app, {"meta": {"appURL": "https://other.example.org"}})
        assert not known.has("app.example.org")
    finally:
        app.close()
