"""What a rule may know of the request that asks: the `@request.*` of the filter language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


class HeadersOfRules(Mapping[str, str]):
    """Headers as rules name them: lower case, with `-` turned into `_`. Worked out when a rule asks; most don't."""

    __slots__ = ("_named", "_sent")

    def __init__(self, sent: Mapping[str, str]) -> None:
        """`sent` has lower-case names as sent."""
        self._sent = sent
        self._named: dict[str, str] | None = None

    def _by_name(self) -> dict[str, str]:
        if self._named is None:
            self._named = {name.replace("-", "_"): value for name, value in self._sent.items()}
        return self._named

    def __getitem__(self, name: str) -> str:
        return self._by_name()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return len(self._sent)


@dataclass(slots=True)  # `frozen` would cost 0.6 us, and every request makes one or two
class RequestInfo:
    """One request as rules see it. Nobody changes it.

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

    def with_body(self, body: Mapping[str, Any]) -> RequestInfo:
        """The same request with another body. `dataclasses.replace` would cost 3 us."""
        return RequestInfo(self.method, self.context, self.query, self.headers, body, self.auth)

    @property
    def is_superuser(self) -> bool:
        """Whether a superuser asks: rules don't bind superusers."""
        return self.auth is not None and self.auth.is_superuser
