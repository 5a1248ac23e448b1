"""What a rule may know of the request that asks: the `@request.*` of the filter language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appliance.core.record import Record

CONTEXT_DEFAULT = "default"
CONTEXT_EXPAND = "expand"
CONTEXT_REALTIME = "realtime"
CONTEXT_PROTECTED_FILE = "protectedFile"
CONTEXT_BATCH = "batch"
CONTEXT_OAUTH2 = "oauth2"
CONTEXT_OTP = "otp"
CONTEXT_PASSWORD = "password"  # noqa: S105 - the name of a context


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One request as rules see it.

    `query` holds the first value of each parameter. `headers` are keyed as rules name them: lower case with
    `-` turned into `_` (`x_token`). `body` is the parsed body; an uploaded file stands in it as its `Upload`.
    `auth` is the signed-in auth record or None.
    """

    method: str = "GET"
    context: str = CONTEXT_DEFAULT
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    auth: Record | None = None

    @property
    def is_superuser(self) -> bool:
        """Whether a superuser asks: rules don't bind superusers."""
        return self.auth is not None and self.auth.is_superuser
