"""The realtime room: what handlers, hooks and plugins ask of it. `app.realtime` is one.

a change --tell--> Changes: judged in order on a thread of its own --deliver--> Hub: sent to every client
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from appliance import clock
from appliance.core.record import Record
from appliance.realtime.changes import Changes, Task
from appliance.realtime.clients import Client, Clients, new_client_id
from appliance.realtime.frames import Frame, Opening, as_json
from appliance.realtime.hub import Delivery, Hub

log = logging.getLogger("homeport.realtime")

WARN_SECONDS: Final = 60.0  # a flood of changes is worth one line of the log
SEND_SECONDS: Final = 10.0  # how long a batch may take to be sent before the next one is begun all the same


class Realtime:
    """All streams of one app."""

    def __init__(self) -> None:
        self.clients = Clients()
        self.hub = Hub(self._forget)
        self.changes = Changes(self.deliver)
        self._losing: set[tuple[str, ...]] = set()
        self._warned_at = -WARN_SECONDS

    def new_stream(self) -> ClientStream:
        """A stream for one more client."""
        return ClientStream(self, Client(new_client_id()))

    def send(self, topic: str, message: Any) -> None:
        """Say something to everybody who has subscribed to `topic` (a name of your own). `message` is a JSON value."""
        if self.clients.is_watched((topic,)):
            data, number = as_json(message), self.clients.next_number()
            self.tell(lambda: self._message(topic, data, number), len(data), (topic,))

    def tell(self, task: Task, size: int, keys: Sequence[str]) -> None:
        """Have something told in its turn: never waits. When too much waits already, it will never be told; then the
        streams that listen to its keys end, so that their clients reconnect and read again."""
        if not self.changes.put(task, size):
            self._lose(tuple(keys))

    def deliver(self, deliveries: list[Delivery]) -> None:
        """Send events; returns when their sockets have them."""
        sent = threading.Event()

        def send() -> None:
            try:
                self.hub.send(deliveries)
            finally:
                sent.set()

        self.hub.call(send)
        sent.wait(SEND_SECONDS)

    def end(self, clients: Iterable[Client]) -> None:
        """End streams: nothing more is meant for them, and their clients reconnect."""
        ending = list(clients)
        if ending:
            self.clients.remove(ending)
            self.hub.call(lambda: _end_all(ending))

    def stop(self) -> None:
        """Tell what waits, then end every stream."""
        self.changes.stop()
        self.hub.stop()

    def adopt(self, client: Client, sock: socket.socket, head: bytes, is_chunked: bool) -> None:
        """Take a connection over from the server's loop."""
        self.clients.add(client)
        self.hub.call(partial(self.hub.adopt, client, sock, is_chunked, Opening(head, client.id)))

    def _message(self, topic: str, data: bytes, number: int) -> list[Delivery]:
        audiences = self.clients.watching((topic,))
        frames = [Frame(each.subscription.topic, data) for each in audiences]
        return list(map(Delivery, frames, self.clients.members(audiences, number)))

    def _lose(self, keys: tuple[str, ...]) -> None:
        """Once for what is lost while their end is on its way."""
        if keys in self._losing:
            return
        self._losing.add(keys)
        if clock.monotonic() - self._warned_at > WARN_SECONDS:
            self._warned_at = clock.monotonic()
            log.warning("changes come faster than they can be told: who listens to %s is made to reconnect", keys[0])
        self.hub.call(partial(self._end_losing, keys))

    def _end_losing(self, keys: tuple[str, ...]) -> None:
        self._losing.discard(keys)
        self.end(self.clients.watchers(keys))

    def _forget(self, client: Client) -> None:
        self.clients.remove((client,))


def _end_all(clients: Iterable[Client]) -> None:
    for client in clients:
        if client.connection is not None:
            client.connection.end()


class ClientStream:
    """What `GET /api/realtime` answers with: the edge gives it the socket (api/request.py, Stream)."""

    __slots__ = ("_room", "client")

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
