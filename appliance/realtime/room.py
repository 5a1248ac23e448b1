"""The realtime room: what handlers, hooks and plugins ask of it. `app.realtime` is one."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from appliance.core.record import Record
from appliance.realtime.clients import Client, Clients, new_client_id
from appliance.realtime.frames import as_json, connect_frame, frame
from appliance.realtime.hub import Connection, Hub


class Realtime:
    """All streams of one app."""

    def __init__(self, hub: Hub | None = None) -> None:
        self.clients = Clients()
        self.hub = hub or Hub()
        self._connections: dict[str, Connection] = {}  # touched in the hub's thread only

    def new_stream(self) -> ClientStream:
        """A stream for one more client."""
        return ClientStream(self, Client(new_client_id()))

    def send(self, topic: str, message: Any) -> None:
        """Say something to everybody who has subscribed to `topic` (a name of your own). `message` is a JSON value."""
        data = as_json(message)
        self.deliver(
            (client.id, frame(client.id, subscription.topic, data))
            for client in self.clients.watching((topic,))
            for subscription in client.subscriptions
            if subscription.key == topic
        )

    def deliver(self, frames: Iterable[tuple[str, bytes]]) -> None:
        """Hand (client id, frame) pairs to the hub, in order."""
        ready = list(frames)
        if ready:
            self.hub.call(lambda: self._send_all(ready))

    def stop(self) -> None:
        """End every stream."""
        self.hub.stop()

    def adopt(self, client: Client, sock: socket.socket, head: bytes, is_chunked: bool) -> None:
        """Take a connection over from the server's loop."""
        self.clients.add(client)
        self.hub.call(lambda: self._open(client, sock, head, is_chunked))

    def _open(self, client: Client, sock: socket.socket, head: bytes, is_chunked: bool) -> None:
        connection = self.hub.adopt(sock, is_chunked, lambda: self._close(client))
        self._connections[client.id] = connection
        connection.send_raw(head)
        connection.send(connect_frame(client.id))

    def _close(self, client: Client) -> None:
        self._connections.pop(client.id, None)
        self.clients.remove(client.id)

    def _send_all(self, frames: Iterable[tuple[str, bytes]]) -> None:
        for client_id, data in frames:
            connection = self._connections.get(client_id)
            if connection is not None:
                connection.send(data)


class ClientStream:
    """What `GET /api/realtime` answers with: the edge gives it the socket (api/request.py, Stream)."""

    def __init__(self, room: Realtime, client: Client) -> None:
        self._room = room
        self.client = client

    def take(self, connection: socket.socket, head: bytes, is_chunked: bool) -> None:
        """Own the socket from here on."""
        connection.setblocking(False)
        self._room.adopt(self.client, connection, head, is_chunked)


def same_account(one: Record | None, other: Record | None) -> bool:
    """Whether both are the same account, or both guests."""
    if one is None or other is None:
        return one is other
    return one.id == other.id and one.collection.id == other.collection.id
