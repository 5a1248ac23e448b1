"""The answer to every successful sign-in: `{"record": {...}, "token": "..."}`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from appliance.api.form import load_texts
from appliance.api.request import Request, Response
from appliance.auth import second_factor, tokens
from appliance.auth.sign_in import may_authenticate
from appliance.core.collection import Collection
from appliance.core.events import RecordAuth
from appliance.core.record import Record
from appliance.core.records.expand import expand_records
from appliance.core.records.json import pick_fields, record_as_json
from appliance.errors import Forbidden, NotFound


def get_collection(request: Request) -> Collection:
    """The route's collection. Raises NotFound with the wire's words."""
    collection = request.app.collections.find(request.path["collection"])
    if collection is None:
        raise NotFound("Missing or invalid collection context.")
    return collection


def get_auth_collection(request: Request) -> Collection:
    """The route's collection, if its records can sign in. Raises NotFound with the wire's words."""
    collection = get_collection(request)
    if not collection.is_auth:
        raise NotFound("Missing or invalid auth collection context.")
    return collection


def admit(request: Request, record: Record, method: str, meta: dict[str, Any] | None = None) -> Response:
    """Let a record in that has proved who it is by `method`: the authRule, the second factor, then a token."""
    info = request.as_info()
    if not may_authenticate(request.app, record, info):
        raise Forbidden("The request doesn't satisfy the collection requirements to authenticate.")
    if method and second_factor.is_needed(request.app, record, info):
        mfa_id = load_texts(request, "mfaId")["mfaId"] or request.query.get("mfaId", "")
        if not mfa_id:
            return Response({"mfaId": second_factor.begin(request.app, record, method)}, status=401)
        second_factor.complete(request.app, record, method, mfa_id)
    return answer_auth(request, record, tokens.new_auth_token(record), method, meta)


def answer_auth(
    request: Request, record: Record, token: str, method: str = "", meta: dict[str, Any] | None = None
) -> Response:
    """The record as its owner sees it, with a token."""
    info = replace(request.as_info(), auth=record)
    event = RecordAuth(app=request.app, record=record, request=info, method=method, meta=meta or {})
    waiting = request.app.hooks.before(event)
    expand_records(request.app, [record], request.query.get("expand", ""), info)
    answer: dict[str, Any] = {"record": record_as_json(request.app, record, info), "token": token}
    if event.meta:
        answer["meta"] = event.meta
    request.app.hooks.after(waiting)
    return Response(pick_fields(answer, request.query.get("fields", "")))
