"""The listening socket: bound before anything else is built, so that a taken port costs no start."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from appliance.cli.folder import remember_port, remembered_port
from appliance.cli.terminal import PortTakenError
from appliance.config import Address, Config
from appliance.errors import ConfigError

TRIES = 20
BACKLOG = 1024


def listen(config: Config) -> tuple[socket.socket, Address]:
    """A listening socket and its address.

    A port that somebody named is used or refused (PortTakenError); the default gives way to the next free one,
    which the data folder remembers.
    """
    if config.has_chosen_port:
        listener = listen_on(config.http)
        return listener, Address(config.http.host, int(listener.getsockname()[1]))
    return listen_nearby(config.http, config.dir)


def listen_nearby(address: Address, folder: Path) -> tuple[socket.socket, Address]:
    """The remembered or default port, or the first free one after it."""
    first = remembered_port(folder, address.port)
    for port in range(first, min(first + TRIES, 65536)):
        try:
            listener = listen_on(Address(address.host, port))
        except PortTakenError:
            continue
        if port != first:
            remember_port(folder, port)
        return listener, Address(address.host, port)
    raise PortTakenError(
        f"The ports {first} to {first + TRIES - 1} are all taken.", "Name a free one: --http 0.0.0.0:PORT"
    )


def listen_on(address: Address) -> socket.socket:
    """A listening socket on exactly this address. Port 0 lets the system choose."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise listening_error(address, error) from error
    listener.setblocking(False)
    return listener


def listening_error(address: Address, error: OSError) -> Exception:
    """Why the address can't be used, and what to do."""
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        hint = "Stop the program that uses it, or name another port: --http HOST:PORT"
        return PortTakenError(f"Port {address.port} is taken by another program.", hint)
    if isinstance(error, PermissionError):
        hint = "Use a port from 1024 up, or give the program the right (setcap cap_net_bind_service=+ep, or systemd)."
        return ConfigError(f"This user may not listen on port {address.port}.", hint)
    reason = error.strerror or str(error)
    return ConfigError(
        f"{address} can't be listened on: {reason}.", "Use an address of this machine, or 0.0.0.0 for all."
    )


def lan_address() -> str:
    """This machine's address in its network, "" when it has none. Asks the routing table; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        host = str(probe.getsockname()[0])
    return "" if host.startswith("127.") else host
