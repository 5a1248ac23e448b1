"""What a client asks for: `posts/*`, `posts/RECORD`, `posts`, or any name of its own, each with `?options=`.

    posts/*?options={"query":{"filter":"...","expand":"...","fields":"..."},"headers":{"x-key":"..."}}

The text as sent names the events it gets, so two spellings are two subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

MAX_TOPICS: Final = 1000
MAX_TOPIC_BYTES: Final = 2500
MAX_CLIENT_ID_BYTES: Final = 255
KEPT: Final = 1024  # of at most MAX_TOPIC_BYTES each


@dataclass(frozen=True, slots=True)
class Subscription:
    """One topic as sent, its part before `?` (`key`), and its options. `headers` are named as rules name them."""

    topic: str
    key: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def record_id(self) -> str:
        """The record it watches, "" when it watches a whole collection."""
        _, _, rest = self.key.partition("/")
        return "" if rest == "*" else rest


@lru_cache(maxsize=KEPT)
def read_subscription(topic: str) -> Subscription:
    """A subscription from its text, one for all clients that send the same. Options that can't be read count as none,
    as on the wire's original."""
    key, _, parameters = topic.partition("?")
    options = _read_options(dict(parse_qsl(parameters)).get("options", ""))
    headers = {name.lower().replace("-", "_"): text for name, text in _texts(options.get("headers")).items()}
    return Subscription(topic, key, _texts(options.get("query")), headers)


def _read_options(text: str) -> Mapping[str, Any]:
    try:
        options = orjson.loads(text) if text else {}
    except ValueError:
        return {}
    return options if isinstance(options, dict) else {}


def _texts(values: Any) -> dict[str, str]:
    """A JSON object's values as text; {} for anything else."""
    if not isinstance(values, dict):
        return {}
    return {str(name): _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def keys_of_record(collection_id: str, collection_name: str, record_id: str) -> tuple[str, ...]:
    """Every key under which a record of this collection is watched."""
    return tuple(
        f"{collection}{rest}" for collection in (collection_name, collection_id) for rest in ("", "/*", f"/{record_id}")
    )
