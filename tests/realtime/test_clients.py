"""Who listens to what, while it changes."""

from __future__ import annotations

from appliance.realtime.clients import Client, Clients, new_client_id
from appliance.realtime.topics import read_subscription


def test_a_change_that_is_being_judged_reaches_a_client_that_subscribes_to_more_meanwhile() -> None:
    clients, client = Clients(), Client(new_client_id())
    clients.add(client)
    all_posts, one_post = read_subscription("posts/*"), read_subscription("posts/one")
    clients.subscribe(client, [all_posts], None)
    number = clients.next_number()
    judged = clients.watching((all_posts.key,))
    clients.subscribe(client, [all_posts, one_post], None)
    assert clients.members(judged, number) == [[client]]


def test_what_nobody_listens_to_any_more_is_forgotten() -> None:
    clients, client = Clients(), Client(new_client_id())
    clients.add(client)
    clients.subscribe(client, [read_subscription("posts/*")], None)
    clients.subscribe(client, [read_subscription("posts/one")], None)
    assert not clients.is_watched(("posts/*",))
    clients.subscribe(client, [], None)
    assert not clients.has_watchers
