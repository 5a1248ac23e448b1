"""What subscribers hear: by rule, by account, by option, in commit order, and what becomes of slow and gone clients."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from urllib.parse import quote

import httpx
import pysqlite3
import pytest

from appliance import clock
from appliance.auth.superusers import create_superuser
from appliance.auth.tokens import find_token_record
from appliance.core.collections.save import update_collection
from appliance.core.events import RealtimeSubscribe
from appliance.core.passwords import PasswordValue
from appliance.core.record import Record
from appliance.core.records.query import find_record
from appliance.core.records.save import delete_record, update_record
from appliance.errors import BadRequest
from appliance.realtime.room import Realtime
from tests.boxes import add_user, open_box
from tests.http.servers import Reader, client, connect, serve, url_of
from tests.realtime.conftest import World
from tests.realtime.streams import Event, Stream

Eventually = Callable[[Callable[[], object]], None]


def room(world: World) -> Realtime:
    assert isinstance(world.app.realtime, Realtime)
    return world.app.realtime


def options(**values: object) -> str:
    return f"?options={json.dumps(values)}"


def heard(stream: Stream) -> Event:
    event = stream.next()
    assert event is not None
    return event


def change(world: World, record_id: str, **values: object) -> None:
    record = find_record(world.app, world.posts, record_id)
    assert record is not None
    for name, value in values.items():
        record[name] = value
    update_record(world.app, record)


def delete(world: World, record_id: str) -> None:
    record = find_record(world.app, world.posts, record_id)
    assert record is not None
    delete_record(world.app, record)


def test_a_stream_has_the_wires_headers(world: World) -> None:
    headers = world.open().headers
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-frame-options"] == "SAMEORIGIN"


def test_each_client_has_an_id_of_its_own(world: World) -> None:
    one, other = world.open(), world.open()
    assert len(one.id) == 40
    assert one.id != other.id


def set_password(world: World, account: Record) -> None:
    account["password"] = PasswordValue("another password", world.app.passwords.hash("another password"))
    update_record(world.app, account)


def set_email(world: World, account: Record) -> None:
    account["email"] = f"{clock.random_id()}@example.com"
    update_record(world.app, account)


class TestRules:
    def test_two_accounts_hear_what_each_may_list(self, world: World) -> None:
        ann, bob, guest, root = (
            world.listen("posts/*", as_=world.ann),
            world.listen("posts/*", as_=world.bob),
            world.listen("posts/*"),
            world.listen("posts/*", as_=world.root),
        )
        private = world.post(title="of ann", owner=world.ann.id, secret="s")
        public = world.post(title="of all", public=True, owner=world.ann.id)
        assert [heard(ann).data["record"]["id"] for _ in range(2)] == [private.id, public.id]
        assert heard(bob).data["record"]["id"] == public.id
        assert heard(guest).data["record"]["id"] == public.id
        assert heard(root).data["record"]["secret"] == "s"
        assert bob.is_silent()

    def test_an_event_has_its_topic_action_and_record(self, world: World) -> None:
        stream = world.listen("posts")
        record = world.post(title="x", public=True)
        event = heard(stream)
        assert (event.id, event.name, event.data["action"]) == (stream.id, "posts", "create")
        assert event.data["record"] == {
            "collectionId": world.posts.id,
            "collectionName": "posts",
            "id": record.id,
            "title": "x",
            "public": True,
            "owner": "",
        }

    def test_a_single_record_is_watched_by_its_view_rule(self, world: World) -> None:
        record = world.post(title="x", owner=world.ann.id)
        other = world.post(title="y", owner=world.ann.id)
        topic = f"posts/{record.id}"
        ann, bob = world.listen(topic, as_=world.ann), world.listen(topic, as_=world.bob)
        change(world, other.id, title="yy")
        change(world, record.id, title="xx")
        assert (heard(ann).data["action"], bob.is_silent()) == ("update", True)

    @pytest.mark.parametrize(
        ("given", "hears"),
        [
            pytest.param({}, False, id="without options"),
            pytest.param({"headers": {"X-Key": "k"}}, True, id="a header that the rule asks for"),
            pytest.param({"headers": {"x-key": "z"}}, False, id="another value of it"),
            pytest.param({"query": {"q": "1"}}, True, id="a parameter that the rule asks for"),
            pytest.param({"query": {"q": 1}}, True, id="a parameter that is a number"),
            pytest.param({"query": None, "headers": []}, False, id="options of the wrong type"),
        ],
    )
    def test_options_are_the_rules_request(self, world: World, given: dict[str, object], hears: bool) -> None:
        record = world.post(title="x", owner=world.ann.id)
        stream = world.listen(f"posts/{record.id}{options(**given)}")
        change(world, record.id, title="xx")
        assert stream.is_silent() is not hears

    def test_collections_without_a_rule_are_for_superusers(self, world: World) -> None:
        topic = "_superusers/*"
        ann, root = world.listen(topic, as_=world.ann), world.listen(topic, as_=world.root)
        update_record(world.app, world.root)
        assert (heard(root).data["action"], ann.is_silent()) == ("update", True)

    def test_a_rule_is_asked_about_the_values_of_the_change(self, world: World) -> None:
        """Two changes in one write: the first is private and must not come with the second's right."""
        stream = world.listen("posts/*")
        record = world.post(title="hidden draft", owner=world.ann.id)

        def both() -> None:
            change(world, record.id, title="still hidden")
            change(world, record.id, public=True, title="shown")

        world.app.database.write(both)
        assert heard(stream).data["record"]["title"] == "shown"
        assert stream.is_silent()


class TestOptions:
    @pytest.mark.parametrize(
        ("condition", "hears"),
        [
            pytest.param("title = 'x'", True, id="one that holds"),
            pytest.param("title = 'y'", False, id="one that doesn't"),
            pytest.param("owner.id = ''", True, id="one over a relation"),
            pytest.param("secret = ''", False, id="one about a hidden field"),
            pytest.param("@request.auth.id = ''", False, id="one about the request"),
            pytest.param("bad!!", False, id="one that can't be read"),
            pytest.param("title = 'y') || (title = 'x'", False, id="one that leaves its parentheses"),
        ],
    )
    def test_a_filter_chooses(self, world: World, condition: str, hears: bool) -> None:
        stream = world.listen("posts/*" + options(query={"filter": condition}))
        world.post(title="x", public=True)
        assert stream.is_silent() is not hears

    def test_a_superusers_filter_sees_what_others_may_not_list(self, world: World) -> None:
        topic = "posts/*" + options(query={"filter": "owner.email = 'ann@example.com'"})
        root, bob = world.listen(topic, as_=world.root), world.listen(topic, as_=world.bob)
        world.post(title="x", public=True, owner=world.ann.id)
        assert (heard(root).data["action"], bob.is_silent()) == ("create", True)

    def test_a_filter_gives_no_rights(self, world: World) -> None:
        stream = world.listen("posts/*" + options(query={"filter": "title != ''"}))
        world.post(title="x", owner=world.ann.id)
        assert stream.is_silent()

    def test_fields_pick_from_the_record(self, world: World) -> None:
        topic = "posts/*" + options(query={"fields": "title:excerpt(2)"})
        stream = world.listen(topic)
        world.post(title="hello", public=True)
        event = heard(stream)
        assert (event.name, event.data) == (topic, {"action": "create", "record": {"title": "he"}})

    def test_expand_asks_the_subscribers_rights(self, world: World) -> None:
        topic = "posts/*" + options(query={"expand": "owner"})
        ann, bob = world.listen(topic, as_=world.ann), world.listen(topic, as_=world.bob)
        world.post(title="x", public=True, owner=world.ann.id)
        assert heard(ann).data["record"]["expand"]["owner"]["email"] == "ann@example.com"
        assert heard(bob).data["record"]["expand"] == {}

    def test_encoded_options_are_read_and_the_topic_stays_as_sent(self, world: World) -> None:
        topic = "posts/*?options=" + quote(json.dumps({"query": {"fields": "id"}}))
        stream = world.listen(topic)
        record = world.post(public=True)
        event = heard(stream)
        assert (event.name, event.data["record"]) == (topic, {"id": record.id})

    def test_a_topic_can_not_forge_a_frame(self, world: World) -> None:
        stream = world.listen("posts/*?x=\n\nevent:forged\ndata:{}\n\n")
        world.post(public=True)
        assert "\n" not in heard(stream).name
        assert stream.is_silent()

    @pytest.mark.parametrize("topic", ["bogus", "posts/", "POSTS/*", "", " ", "posts/*/x", "?", "posts*"])
    def test_topics_that_name_nothing_are_silent(self, world: World, topic: str) -> None:
        stream = world.listen(topic)
        world.post(public=True)
        assert stream.is_silent(0.1)

    def test_a_collection_can_be_named_by_its_id(self, world: World) -> None:
        stream = world.listen(f"{world.posts.id}/*", f"{world.posts.id}")
        world.post(public=True)
        assert {heard(stream).name, heard(stream).name} == {f"{world.posts.id}/*", world.posts.id}


class TestOrder:
    def test_events_come_in_commit_order(self, world: World) -> None:
        stream = world.listen("posts/*")
        record = world.post(title="0", public=True)
        threads = [threading.Thread(target=lambda: [world.post(public=True) for _ in range(5)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(1, 20):
            change(world, record.id, title=str(number))
        for thread in threads:
            thread.join()
        delete(world, record.id)
        own = [event.data for event in (heard(stream) for _ in range(41)) if event.data["record"]["id"] == record.id]
        assert [each["record"]["title"] for each in own] == [str(number) for number in range(20)] + ["19"]
        assert own[-1]["action"] == "delete"

    def test_a_write_that_is_rolled_back_is_not_told(self, world: World) -> None:
        stream = world.listen("posts/*")

        def fail() -> None:
            world.post(public=True, title="never")
            raise BadRequest("no")

        with pytest.raises(BadRequest):
            world.app.database.write(fail)
        world.post(public=True, title="stored")
        assert heard(stream).data["record"]["title"] == "stored"

    def test_a_deleted_record_is_told_to_those_who_saw_it(self, world: World) -> None:
        record = world.post(title="x", owner=world.ann.id)
        ann, bob = world.listen("posts/*", as_=world.ann), world.listen("posts/*", as_=world.bob)
        delete_record(world.app, record)
        event = heard(ann)
        assert (event.data["action"], event.data["record"]["title"]) == ("delete", "x")
        assert bob.is_silent()

    def test_a_failure_here_keeps_nobody_from_deleting(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        record = world.post(public=True)
        stream = world.listen("posts/*")
        monkeypatch.setattr("appliance.realtime.broadcast.record_as_json", None)
        delete(world, record.id)
        assert find_record(world.app, world.posts, record.id) is None
        assert stream.is_silent()


class TestAccounts:
    def test_new_values_of_an_account_count_at_once(self, world: World) -> None:
        user = add_user(world.app, "carl@example.com", name="old")
        update_collection(world.app, "posts", {"listRule": "@request.auth.name = 'new'"})
        try:
            stream, root = world.listen("posts/*", as_=user), world.listen("posts/*", as_=world.root)
            world.post(title="1")
            assert heard(root).data["record"]["title"] == "1"  # it is judged by now
            user["name"] = "new"
            update_record(world.app, user)
            world.post(title="2")
            assert heard(stream).data["record"]["title"] == "2"
        finally:
            update_collection(world.app, "posts", {"listRule": "public = true || owner = @request.auth.id"})

    @pytest.mark.parametrize(
        "end_tokens",
        [
            pytest.param(set_password, id="a new password"),
            pytest.param(set_email, id="a new email address"),
            pytest.param(lambda world, account: delete_record(world.app, account), id="its deletion"),
        ],
    )
    @pytest.mark.parametrize("collection", ["users", "_superusers"])
    def test_a_stream_ends_with_its_accounts_tokens(
        self, world: World, collection: str, end_tokens: Callable[[World, Record], None]
    ) -> None:
        account = add_user(world.app, f"{clock.random_id()}@example.com", collection)
        stream, other = world.listen("posts/*", as_=account), world.listen("posts/*", as_=world.ann)
        token = world.token(account)
        end_tokens(world, account)
        assert stream.next(1) is None
        assert find_token_record(world.app, token) is None
        assert room(world).clients.find(stream.id) is None
        assert other.is_silent(0.1)

    def test_streams_end_with_their_collections_secret(self, world: World) -> None:
        streams = [world.listen("posts/*", as_=account) for account in (world.ann, world.bob)]
        guest = world.listen("posts/*")
        update_collection(world.app, "users", {"authToken": {"secret": "n" * 40, "duration": 1000}})
        assert [stream.next(1) for stream in streams] == [None, None]
        assert guest.is_silent(0.1)

    @pytest.mark.parametrize(
        "statement",
        [
            pytest.param("UPDATE users SET tokenKey = 'another' || id WHERE id = ?", id="a new key"),
            pytest.param("DELETE FROM users WHERE id = ?", id="a deletion"),
        ],
    )
    def test_a_stream_ends_when_another_program_ends_its_tokens(self, world: World, statement: str) -> None:
        account = add_user(world.app, f"{clock.random_id()}@example.com")
        stream, other = world.listen("posts/*", as_=account), world.listen("posts/*", as_=world.ann)
        with closing(pysqlite3.connect(world.app.config.dir / "data.db", timeout=5)) as connection, connection:
            connection.execute(statement, (account.id,))
        assert stream.next(4) is None
        assert other.is_silent(0.1)

    def test_a_stream_ends_when_its_token_expires(self, world: World) -> None:
        stream = world.open()
        stream.subscribe("posts/*", token=world.token(world.ann, duration=1))
        assert stream.next(4) is None

    def test_a_guest_after_its_end_is_told_what_guests_may_see(self, world: World) -> None:
        """The client reconnects by itself, and a token that has ended counts as none."""
        account = add_user(world.app, "gone@example.com")
        token = world.token(account)
        world.listen("posts/*", as_=account)
        delete_record(world.app, account)
        again = world.open()
        again.subscribe("posts/*", token=token)
        world.post(title="private", owner=world.ann.id)
        world.post(title="public", public=True)
        assert heard(again).data["record"]["title"] == "public"

    def test_a_token_that_ends_while_it_subscribes_gets_no_stream(self, world: World) -> None:
        """The account is gone after the request was let in, and before its client is listed under it."""
        account = add_user(world.app, "late@example.com")
        stream, token = world.open(), world.token(account)
        deleted = []

        @world.app.on.realtime_subscribe()
        def delete_meanwhile(event: RealtimeSubscribe) -> None:
            if event.client_id == stream.id:
                deleted.append(delete_record(world.app, account))

        stream.subscribe("posts/*", token=token)
        assert deleted
        assert stream.next(1) is None

    def test_a_client_can_not_change_its_account(self, world: World) -> None:
        ann, bob = world.token(world.ann), world.token(world.bob)
        stream = world.open()
        stream.subscribe("posts/*")
        stream.subscribe("posts/*", token=ann)
        message = "The current and the previous request authorization don't match."
        for token in (bob, "", world.token(world.root)):
            told = stream.subscribe("posts/*", token=token, status=403)
            assert told == {"status": 403, "message": message, "data": {}}
        stream.subscribe(token=ann)

    def test_subscribing_again_replaces(self, world: World) -> None:
        stream = world.listen("posts/*")
        stream.subscribe()
        world.post(public=True)
        assert stream.is_silent()


BLANK = {"code": "validation_required", "message": "Cannot be blank."}
TOO_LONG = {"code": "validation_length_too_long", "message": "The length must be no more than 2500."}
LIMIT = {"min": 0, "max": 2500}


@pytest.mark.parametrize(
    ("form", "status", "data"),
    [
        pytest.param({}, 400, {"clientId": BLANK}, id="nothing"),
        pytest.param({"clientId": 1}, 400, {}, id="an id that is a number"),
        pytest.param({"clientId": "x", "subscriptions": "a"}, 400, {}, id="topics that are no list"),
        pytest.param({"clientId": "x", "subscriptions": [1]}, 400, {}, id="a topic that is a number"),
        pytest.param({"clientId": "x"}, 404, {}, id="an unknown client"),
        pytest.param(
            {"clientId": "é" * 200, "subscriptions": []},
            400,
            {
                "clientId": {
                    "code": "validation_length_out_of_range",
                    "message": "The length must be between 1 and 255.",
                    "params": {"min": 1, "max": 255},
                }
            },
            id="an id too long",
        ),
        pytest.param(
            {"clientId": "x", "subscriptions": ["a"] * 1001},
            400,
            {
                "subscriptions": {
                    "code": "validation_length_too_long",
                    "message": "The length must be no more than 1000.",
                    "params": {"min": 0, "max": 1000},
                }
            },
            id="too many topics",
        ),
        pytest.param(
            {"clientId": "x", "subscriptions": ["a", "b" * 2501]},
            400,
            {"subscriptions": {"1": {**TOO_LONG, "params": LIMIT}}},
            id="a topic too long",
        ),
    ],
)
def test_wrong_forms_are_refused(world: World, form: object, status: int, data: object) -> None:
    answer = client.post(f"{url_of(world.server)}/api/realtime", json=form)
    assert (answer.status_code, answer.json()["data"]) == (status, data)


class TestConnections:
    def test_a_client_that_leaves_is_forgotten(self, world: World, eventually: Eventually) -> None:
        stream = world.listen("posts/*", as_=world.ann)
        assert room(world).clients.find(stream.id) is not None
        stream.close()
        eventually(lambda: room(world).clients.find(stream.id) is None)

    def test_a_client_that_does_not_read_is_dropped(self, world: World, eventually: Eventually) -> None:
        stream = world.listen("noise")
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        good = world.listen("noise", "end")
        for _ in range(200):
            world.app.realtime.send("noise", "x" * 60_000)
            heard(good)
        eventually(lambda: room(world).clients.find(stream.id) is None)
        world.app.realtime.send("end", {"all": "well"})
        assert heard(good).data == {"all": "well"}

    def test_200_clients_at_once_all_hear(self, world: World) -> None:
        streams = [world.listen("posts/*", as_=world.ann if number % 2 else None) for number in range(200)]
        record = world.post(public=True, title="to all")
        for stream in streams:
            assert heard(stream).data["record"]["id"] == record.id
        assert len(room(world).clients) >= 200

    def test_an_idle_stream_ends_and_says_so(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = world.open()
        monkeypatch.setattr(room(world).hub, "idle_seconds", 0.1)
        assert stream.next() is None
        assert stream.reader.is_at_end()

    def test_a_plugin_may_send_messages_of_its_own(self, world: World) -> None:
        stream = world.listen("weather?x=1")
        world.app.realtime.send("weather", {"sun": True})
        event = heard(stream)
        assert (event.name, event.data) == ("weather?x=1", {"sun": True})

    def test_a_hook_may_refuse_a_subscription(self, world: World) -> None:
        @world.app.on.realtime_subscribe()
        def refuse(event: object) -> None:
            if "forbidden" in event.topics:  # type: ignore[attr-defined]
                raise BadRequest("not this one")

        stream = world.open()
        assert stream.subscribe("forbidden", status=400)["message"] == "not this one"


def test_stopping_ends_every_stream(tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_box(tmp_path_factory.mktemp("box")) as app, serve(app) as server:
        create_superuser(app, "root@example.com", "root-password")
        streams = [Stream.open(server) for _ in range(3)]
        server.stop()
        for stream in streams:
            assert stream.next() is None


class TestLanes:
    """Streams begin, and subscriptions are taken, on the express lane and through Flask: a header that the lane does
    not know sends a request there."""

    def test_both_answer_a_stream_with_the_same_head(self, world: World) -> None:
        counts = world.server.listener.lane.counts
        asked = b"GET /api/realtime HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n%b\r\n"
        heads = []
        for more in (b"", b"X-Not-Known: 1\r\n"):
            before = counts.by_loop
            with connect(world.server) as sock:
                sock.sendall(asked % more)
                heads.append(re.sub(rb"Date: [^\r]+", b"", Reader(sock).until(b"\r\n\r\n")))
            assert counts.by_loop - before == (not more)
        assert heads[0] == heads[1]

    @pytest.mark.parametrize("topics", [pytest.param(["posts/*"], id="one"), pytest.param(["x" * 2000] * 3, id="many")])
    @pytest.mark.parametrize("headers", [{}, {"X-Not-Known": "1"}])
    def test_both_take_subscriptions(self, world: World, topics: list[str], headers: dict[str, str]) -> None:
        stream = world.open()
        counts = world.server.listener.lane.counts
        before = counts.by_loop
        plain = {"Accept": "*/*", "User-Agent": "x", "Authorization": world.token(world.ann)}
        form = {"clientId": stream.id, "subscriptions": topics}
        answer = httpx.post(f"{url_of(world.server)}/api/realtime", json=form, headers={**plain, **headers})
        assert (answer.status_code, answer.content) == (204, b"")
        is_small = len(json.dumps(form)) <= 4096
        assert counts.by_loop - before == (is_small and not headers)
        client_of_stream = room(world).clients.find(stream.id)
        assert client_of_stream is not None
        assert client_of_stream.account == (world.ann.collection.id, world.ann.id)
