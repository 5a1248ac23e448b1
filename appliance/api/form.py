"""Reading small fixed forms: sign-in, set-up and their like. Record bodies are api/body.py's."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.api.request import Request
from appliance.errors import BadRequest, FieldError

UNREADABLE = "An error occurred while loading the submitted data."
BLANK = FieldError("validation_required", "Cannot be blank.")


def load_texts(request: Request, *names: str) -> dict[str, str]:
    """The named texts of a JSON or form body; "" for what is absent or null. Raises BadRequest for other types."""
    body = request.body
    if not isinstance(body, Mapping):
        raise BadRequest(UNREADABLE)
    form = {name: "" if body.get(name) is None else body[name] for name in names}
    if not all(isinstance(text, str) for text in form.values()):
        raise BadRequest(UNREADABLE)
    return form
