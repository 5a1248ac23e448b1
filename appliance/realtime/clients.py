"""Who listens: client ids, what each has subscribed to, and as whom. Safe to use from any thread.

Clients that subscribe to the same topic as the same account (or all as guests) hear the same: they are one audience,
which is judged once. Changes are numbered; a client hears of those that came after it had subscribed, so that nobody
needs to be listed when a change is committed.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from appliance import clock
from appliance.core.record import Record
from appliance.core.records.access import LIST, VIEW
from appliance.core.records.watching import Watcher
from appliance.core.request_info import CONTEXT_REALTIME, RequestInfo
from appliance.realtime.frames import ID_LENGTH
from appliance.realtime.topics import Subscription

if TYPE_CHECKING:
    from appliance.realtime.hub import Connection

Account = tuple[str, str]  # collection id, record id
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
NO_BODY: Final[Mapping[str, Any]] = {}


class Audience(Watcher):
    """All clients that watch one topic as one account. `members` tells the number of the last change before each
    came."""

    __slots__ = ("members", "subscription")

    def __init__(self, subscription: Subscription, auth: Record | None) -> None:
        action = VIEW if subscription.record_id else LIST
        super().__init__(action, _request(subscription, auth), subscription.query.get("filter", ""))
        self.subscription = subscription
        self.members: dict[Client, int] = {}

    def follow(self, auth: Record | None) -> None:
        """Its account has new values."""
        self.request = _request(self.subscription, auth)


def _request(subscription: Subscription, auth: Record | None) -> RequestInfo:
    return RequestInfo("GET", CONTEXT_REALTIME, subscription.query, subscription.headers, NO_BODY, auth)


class Client:
    """One open connection. `auth` is the record that its last POST came from, kept as the account changes, and
    `ends_at` (Unix seconds, 0 for never) when that POST's token expires."""

    __slots__ = ("audiences", "auth", "connection", "ends_at", "id")

    def __init__(self, client_id: str) -> None:
        self.id = client_id
        self.auth: Record | None = None
        self.ends_at: float = 0
        self.audiences: tuple[Audience, ...] = ()
        self.connection: Connection | None = None  # the hub's

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
        self._by_key: defaultdict[str, dict[tuple[str, Account | None], Audience]] = defaultdict(dict)
        self._by_account: defaultdict[Account, set[Client]] = defaultdict(set)
        self._number = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, client: Client) -> None:
        """Know a new client."""
        with self._lock:
            self._by_id[client.id] = client

    def find(self, client_id: str) -> Client | None:
        """The client of that id, or None."""
        return self._by_id.get(client_id)

    def remove(self, clients: Iterable[Client]) -> None:
        """Forget clients whose connections end: from now on nothing is meant for them."""
        with self._lock:
            for client in clients:
                if self._by_id.pop(client.id, None) is not None:
                    self._unlist(client)

    def subscribe(
        self, client: Client, subscriptions: Iterable[Subscription], auth: Record | None, ends_at: float = 0
    ) -> None:
        """Replace everything that a client listens to, and as whom. What it has listened to before it goes on
        hearing without a gap."""
        with self._lock:
            if client.id not in self._by_id:
                return
            left, account = client.audiences, client.account
            since = {each.subscription.topic: each.members[client] for each in left}
            self._leave(client)
            client.auth, client.ends_at = auth, ends_at
            wanted = {each.topic: each for each in subscriptions}.values()
            client.audiences = tuple(self._audience(each, client) for each in wanted)
            for audience in client.audiences:
                audience.members[client] = since.get(audience.subscription.topic, self._number)
            if client.account is not None:
                self._by_account[client.account].add(client)
            self._drop_empty(left, account)  # last: who judges a change just now holds the audience that was rejoined

    def next_number(self) -> int:
        """The number of one more change."""
        with self._lock:
            self._number += 1
            return self._number

    @property
    def has_watchers(self) -> bool:
        """Whether anybody listens to anything."""
        return bool(self._by_key)

    def is_watched(self, keys: Iterable[str]) -> bool:
        """Whether anybody listens to one of these keys."""
        return any(key in self._by_key for key in keys)

    def watching(self, keys: Iterable[str]) -> list[Audience]:
        """The audiences of these keys."""
        with self._lock:
            return [audience for key in keys if key in self._by_key for audience in self._by_key[key].values()]

    def watchers(self, keys: Iterable[str]) -> list[Client]:
        """The clients that listen to one of these keys, each once."""
        audiences = self.watching(keys)
        with self._lock:
            return list({client for each in audiences for client in each.members})

    def members(self, audiences: Iterable[Audience], number: int) -> list[list[Client]]:
        """Of each audience those clients that have listened since before the change of that number."""
        with self._lock:
            return [[client for client, since in each.members.items() if since < number] for each in audiences]

    def update_auth(self, account: Account, auth: Record) -> None:
        """An account has new values: its clients go on with them."""
        with self._lock:
            clients = self._by_account.get(account, ())
            for client in clients:
                client.auth = auth
            for audience in {each for client in clients for each in client.audiences}:
                audience.follow(auth)

    @property
    def has_accounts(self) -> bool:
        """Whether anybody but guests listens."""
        return bool(self._by_account)

    def token_keys(self) -> dict[str, dict[str, str]]:
        """The tokenKey of every account that listens, as it was when its token was checked: by collection, by id."""
        found: defaultdict[str, dict[str, str]] = defaultdict(dict)
        with self._lock:
            for (collection_id, record_id), clients in self._by_account.items():
                auth = next(iter(clients)).auth
                found[collection_id][record_id] = auth.get("tokenKey", "") if auth else ""
        return found

    def of_account(self, account: Account) -> list[Client]:
        """The clients that listen as this account."""
        with self._lock:
            return list(self._by_account.get(account, ()))

    def of_collection(self, collection_id: str) -> list[Client]:
        """The clients that listen as any account of an auth collection."""
        with self._lock:
            found = [clients for account, clients in self._by_account.items() if account[0] == collection_id]
            return [each for clients in found for each in clients]

    def _audience(self, subscription: Subscription, client: Client) -> Audience:
        listed = self._by_key[subscription.key]
        key = (subscription.topic, client.account)
        audience = listed.get(key)
        if audience is None:
            audience = listed[key] = Audience(subscription, client.auth)
        return audience

    def _unlist(self, client: Client) -> None:
        left, account = client.audiences, client.account
        self._leave(client)
        self._drop_empty(left, account)

    def _leave(self, client: Client) -> None:
        for audience in client.audiences:
            del audience.members[client]
        client.audiences = ()
        if client.account is not None:
            accounts = self._by_account[client.account]
            accounts.discard(client)
            if not accounts:
                del self._by_account[client.account]

    def _drop_empty(self, audiences: Iterable[Audience], account: Account | None) -> None:
        for audience in audiences:
            if not audience.members:
                subscription = audience.subscription
                _drop(self._by_key, subscription.key, (subscription.topic, account))


def _drop(index: dict[str, dict[Key, Value]], name: str, key: Key) -> None:
    del index[name][key]
    if not index[name]:
        del index[name]
