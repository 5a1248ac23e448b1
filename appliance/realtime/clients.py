"""Who listens: client ids, what each has subscribed to, and as whom. Safe to use from any thread."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, TypeVar

from appliance import clock
from appliance.core.record import Record
from appliance.realtime.topics import Subscription

ID_LENGTH: Final = 40

Account = tuple[str, str]  # collection id, record id
Key = TypeVar("Key")


class Client:
    """One open connection. `auth` is the record that its last POST came from; it is kept as its account changes."""

    __slots__ = ("auth", "id", "subscriptions")

    def __init__(self, client_id: str) -> None:
        self.id = client_id
        self.auth: Record | None = None
        self.subscriptions: tuple[Subscription, ...] = ()

    @property
    def account(self) -> Account | None:
        """Which account it listens as, None for a guest."""
        return None if self.auth is None else (self.auth.collection.id, self.auth.id)


def new_client_id() -> str:
    """An id that nobody guesses: whoever knows it may change the client's subscriptions."""
    return clock.random_secret(ID_LENGTH)


class Clients:
    """All clients, found by id, by topic key and by account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[str, Client] = {}
        self._by_key: defaultdict[str, dict[str, Client]] = defaultdict(dict)
        self._by_account: defaultdict[Account, dict[str, Client]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, client: Client) -> None:
        """Know a new client."""
        with self._lock:
            self._by_id[client.id] = client

    def find(self, client_id: str) -> Client | None:
        """The client of that id, or None."""
        return self._by_id.get(client_id)

    def remove(self, client_id: str) -> None:
        """Forget a client whose connection has ended."""
        with self._lock:
            client = self._by_id.pop(client_id, None)
            if client is not None:
                self._unlist(client)

    def subscribe(self, client: Client, subscriptions: Iterable[Subscription], auth: Record | None) -> None:
        """Replace everything that a client listens to, and as whom."""
        with self._lock:
            if client.id not in self._by_id:
                return
            self._unlist(client)
            client.subscriptions = tuple({each.topic: each for each in subscriptions}.values())
            client.auth = auth
            self._list(client)

    def watching(self, keys: Iterable[str]) -> list[Client]:
        """Each client that listens to at least one of these keys, once."""
        with self._lock:
            found: dict[str, Client] = {}
            for key in keys:
                found.update(self._by_key.get(key, {}))
            return list(found.values())

    def is_watched(self, keys: Iterable[str]) -> bool:
        """Whether anybody listens to one of these keys."""
        return any(key in self._by_key for key in keys)

    def update_auth(self, account: Account, auth: Record | None) -> None:
        """An account has changed: its clients go on as `auth`, or with None as guests."""
        with self._lock:
            for client in self._by_account.get(account, {}).values():
                client.auth = auth
            if auth is None:
                self._by_account.pop(account, None)

    def sign_out_collection(self, collection_id: str) -> None:
        """Every token of a collection has ended: its clients go on as guests."""
        with self._lock:
            accounts = [account for account in self._by_account if account[0] == collection_id]
        for account in accounts:
            self.update_auth(account, None)

    def _list(self, client: Client) -> None:
        for subscription in client.subscriptions:
            self._by_key[subscription.key][client.id] = client
        if client.account is not None:
            self._by_account[client.account][client.id] = client

    def _unlist(self, client: Client) -> None:
        for subscription in client.subscriptions:
            _drop(self._by_key, subscription.key, client.id)
        if client.account is not None:
            _drop(self._by_account, client.account, client.id)


def _drop(index: dict[Key, dict[str, Client]], key: Key, client_id: str) -> None:
    listed = index.get(key, {})
    listed.pop(client_id, None)
    if not listed:
        index.pop(key, None)
