"""`GET /api/realtime` opens a stream of server-sent events; `POST /api/realtime` says what it shall carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from appliance.api.request import FormBody, Request, Response
from appliance.auth.tokens import find_token_record, unverified_claims
from appliance.core.events import RealtimeSubscribe
from appliance.errors import ApiError, BadRequest, FieldError, Forbidden, NotFound
from appliance.realtime.room import Realtime, same_account
from appliance.realtime.topics import MAX_CLIENT_ID_BYTES, MAX_TOPIC_BYTES, MAX_TOPICS, read_subscription

GENERIC: Final = "Something went wrong while processing your request."
OTHER_ACCOUNT: Final = "The current and the previous request authorization don't match."
UNKNOWN_CLIENT: Final = "Missing or invalid client id."

HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would wait for more
}


def connect(request: Request) -> Response:
    """A stream; its first event, PB_CONNECT, carries the client's id."""
    return Response(_room(request).new_stream(), headers=HEADERS)


def subscribe(request: Request) -> Response:
    """Replace what a client listens to by `{"clientId", "subscriptions": [...]}`, as whoever sends this request.

    A client that has once listened as somebody can't go on as another: whoever learns a client's id could
    otherwise listen with the other's rights, or take their stream away.
    """
    client_id, topics = _read_form(request.body)
    _require_valid(client_id, topics)
    room = _room(request)
    client = room.clients.find(client_id)
    if client is None:
        raise NotFound(UNKNOWN_CLIENT)
    if client.auth is not None and not same_account(client.auth, request.auth):
        raise Forbidden(OTHER_ACCOUNT)
    event = RealtimeSubscribe(app=request.app, client_id=client_id, topics=topics, request=request.as_info())
    waiting = request.app.hooks.before(event)
    subscriptions = [read_subscription(topic) for topic in event.topics if topic]
    room.clients.subscribe(client, subscriptions, request.auth, _expiry(request))
    if request.auth is not None and find_token_record(request.app, request.token) is None:
        room.end((client,))  # the token has ended since this request was let in, and nobody would notice any more
    request.app.hooks.after(waiting)
    return Response(status=204)


def _expiry(request: Request) -> float:
    """When the token of the request expires, in Unix seconds; 0 for guests."""
    return 0 if request.auth is None else float(unverified_claims(request.token).get("exp", 0))


def _room(request: Request) -> Realtime:
    return cast(Realtime, request.app.realtime)


def _read_form(body: Any) -> tuple[str, list[str]]:
    try:
        client_id = body.get("clientId")
        topics = body.lists.get("subscriptions") if isinstance(body, FormBody) else body.get("subscriptions")
    except ApiError:
        _refuse()
    client_id = "" if client_id is None else client_id
    topics = [] if topics is None else topics
    if not isinstance(client_id, str) or not isinstance(topics, list):
        _refuse()
    texts = ["" if topic is None else topic for topic in topics]
    if not all(isinstance(topic, str) for topic in texts):
        _refuse()
    return client_id, texts


def _refuse() -> NoReturn:
    raise BadRequest(GENERIC)


def _require_valid(client_id: str, topics: list[str]) -> None:
    errors: dict[str, Any] = {}
    if not client_id:
        errors["clientId"] = FieldError("validation_required", "Cannot be blank.")
    elif len(client_id.encode()) > MAX_CLIENT_ID_BYTES:
        limits = {"min": 1, "max": MAX_CLIENT_ID_BYTES}
        message = f"The length must be between 1 and {MAX_CLIENT_ID_BYTES}."
        errors["clientId"] = FieldError("validation_length_out_of_range", message, limits)
    if len(topics) > MAX_TOPICS:
        errors["subscriptions"] = _too_long(MAX_TOPICS)
    elif too_long := _long_topics(topics):
        errors["subscriptions"] = too_long
    if errors:
        raise BadRequest(GENERIC, errors)


def _long_topics(topics: list[str]) -> Mapping[str, FieldError]:
    lengths = (len(topic.encode("utf-8", "replace")) for topic in topics)
    return {str(index): _too_long(MAX_TOPIC_BYTES) for index, size in enumerate(lengths) if size > MAX_TOPIC_BYTES}


def _too_long(most: int) -> FieldError:
    message = f"The length must be no more than {most}."
    return FieldError("validation_length_too_long", message, {"min": 0, "max": most})
