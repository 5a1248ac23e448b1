"""The Host allow-list.

Threat: DNS rebinding. A page on the internet lets its own name point to this box, and the visitor's browser then
treats our answers as that page's. Such requests carry the foreign name in Host; they get 421 and nothing else.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import flask
import psutil

from appliance import clock
from appliance.core.app import App
from appliance.errors import MisdirectedRequest
from appliance.http.headers import host_name

if TYPE_CHECKING:
    from appliance.http.edge import Edge

LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
REFRESH_SECONDS: Final = 5.0


class KnownHosts:
    """The names and addresses under which this box may be called. Addresses come and go (DHCP, Wi-Fi): an unknown
    host makes the list anew, at most every few seconds."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._own: frozenset[str] = frozenset()
        self._read_at = -REFRESH_SECONDS

    def require(self, host: str) -> None:
        """Raises MisdirectedRequest for a foreign name. HTTP/1.0 without a Host comes from no browser and passes."""
        if host and not self.has(host):
            raise MisdirectedRequest

    def has(self, host: str) -> bool:
        """Whether `host` (without port, lower case) is ours."""
        if host in LOOPBACK or host.endswith(".localhost") or host in self._own:
            return True
        moment = clock.monotonic()
        if moment - self._read_at < REFRESH_SECONDS and self._own:
            return host == self._app_host()
        self._read_at = moment
        self._own = own_hosts() | named_hosts(self._app.config.hosts)
        return host in self._own or host == self._app_host()

    def _app_host(self) -> str:
        """The host of the address that the administrator has entered as the app's own."""
        meta = self._app.settings.get("meta") or {}
        return (urlsplit(str(meta.get("appURL") or "")).hostname or "").lower()


def own_hosts() -> frozenset[str]:
    """This machine's names, with and without `.local`, and the addresses of its interfaces."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    names = {name, short, f"{short}.local"}
    for addresses in psutil.net_if_addrs().values():
        names.update(each.address.partition("%")[0].lower() for each in addresses)
    return frozenset(names - {""})


def named_hosts(hosts: tuple[str, ...]) -> frozenset[str]:
    """What the administrator has added with --hosts."""
    return frozenset(host.strip("[]").lower() for host in hosts)


def require_known_host(edge: Edge) -> flask.Response | None:
    """Refuse foreign names. Raises MisdirectedRequest."""
    edge.hosts.require(host_name(flask.request.environ.get("HTTP_HOST", "")))
    return None
