"""Calls the api's handlers as the edge does, without a network: `ask(world, list_records, who="bob", ...)`."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from appliance.api.request import FormBody, Request, Response
from appliance.core.upload import Upload
from appliance.errors import ApiError
from tests.core.records_world import World

Handler = Callable[[Request], Response]


def ask(
    world: World,
    handler: Handler,
    who: str = "",
    body: Any = None,
    files: Mapping[str, Sequence[Upload]] | None = None,
    **parts: Any,
) -> Response:
    """The handler's answer; an ApiError becomes the answer that the edge would make of it.

    `parts` are path values, except `query`, a dict. A `form` of lists makes a form body.
    """
    query = parts.pop("query", {})
    form = parts.pop("form", None)
    request = Request(
        app=world.app,
        method=METHODS.get(handler.__name__, "GET"),
        url_path="",
        path=parts,
        query=query,
        body=FormBody(form) if form is not None else body if body is not None else {},
        files={name: list(listed) for name, listed in (files or {}).items()},
        auth=world.people.get(who),
    )
    try:
        answer = handler(request)
    except ApiError as error:
        return Response(error.as_json(), error.status)
    return replace(answer, body=answer.value)


METHODS = {"create_record": "POST", "update_record": "PATCH", "delete_record": "DELETE"}


def upload(name: str, content: bytes = b"content") -> Upload:
    """An uploaded file."""
    return Upload(name, len(content), io.BytesIO(content))
