"""Rate limits: settings.rateLimits, compiled once for each revision of the settings, asked once for each request.

    the rule      the first that is found by these labels, in this order, and fits the audience (@guest, @auth):
                  collection:tag, *:tag, METHOD path, path. A label ending in `/` stands for all paths below it.
                  One request counts for one rule.
    the bucket    for each rule one an address; on a collection's endpoints one an endpoint and collection too.
                  A signed-in account has one more, so that a token used from many addresses is no way around.
    free          superusers, and the addresses in excludedIPs

Threat: one client, or one token, takes the whole box. Guessing passwords is slowed in auth/guesses.py besides.
Labels and buckets are the wire's original's; the account's bucket and /64 for IPv6 are ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from appliance.api.request import Request
from appliance.core.app import App
from appliance.core.windows import Windows
from appliance.errors import TooManyRequests

SIGN_INS: Final = frozenset(("authWithPassword", "authWithOTP", "authWithOAuth2"))
IPV6_NETWORK: Final = 64  # bits: what one household or one rented machine has to itself

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule of the settings: at most `most` requests in `seconds`."""

    label: str
    seconds: int
    most: int


class RuleTable:
    """The rules for one audience, found by label."""

    def __init__(self, stored: Iterable[Mapping[str, Any]], audience: str) -> None:
        fitting = [each for each in stored if each["audience"] in ("", audience)]
        rules = [Rule(each["label"], each["duration"], each["maxRequests"]) for each in fitting]
        self._by_label = {rule.label: rule for rule in reversed(rules)}  # the first of a label counts
        self._prefixes = [rule for rule in rules if rule.label.endswith("/")]

    def find(self, labels: Iterable[str]) -> Rule | None:
        """The rule of the first label that has one."""
        for label in labels:
            rule = self._by_label.get(label) or ("/" in label and self._find_above(f"{label}/")) or None
            if rule is not None:
                return rule
        return None

    def _find_above(self, path: str) -> Rule | None:
        for rule in self._prefixes:
            if path.startswith(rule.label):
                return rule
        return None


class CompiledLimits:
    """The rules of one revision, and what they have counted. Nothing changes but the counts."""

    def __init__(self, limits: Mapping[str, Any]) -> None:
        self.is_empty = not (limits["enabled"] and limits["rules"])
        self.for_guests = RuleTable(limits["rules"], "@guest")
        self.for_accounts = RuleTable(limits["rules"], "@auth")
        self.windows = Windows()
        self._excluded = [ipaddress.ip_network(text, strict=False) for text in limits["excludedIPs"]]
        self.who = lru_cache(maxsize=4096)(self._who)

    def _who(self, address: str) -> str:
        """Whom an address is counted as; "" when it is excluded."""
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return address or "?"
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        if any(parsed in network for network in self._excluded):
            return ""
        if parsed.version == 4:
            return str(parsed)
        return str(ipaddress.ip_network((parsed, IPV6_NETWORK), strict=False))


class RateLimits:
    """What both lanes ask before a handler runs."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._source: Any = None
        self._compiled: CompiledLimits | None = None

    def check(self, request: Request, tag: str = "") -> None:
        """Count the request. `tag` is its route's, "" elsewhere. Raises TooManyRequests."""
        compiled = self._current()
        auth = request.auth
        if compiled.is_empty or (auth is not None and auth.is_superuser):
            return
        who = compiled.who(request.remote_ip)
        labels, scope = self._labels(request, tag)
        rule = (compiled.for_guests if auth is None else compiled.for_accounts).find(labels)
        if rule is None or not who:
            return
        count = compiled.windows.count
        spent = count((rule, scope, who), rule.seconds)
        if auth is not None:
            spent = max(spent, count((rule, scope, auth.collection.id, auth.id), rule.seconds))
        if spent > rule.most:
            raise TooManyRequests

    def _current(self) -> CompiledLimits:
        """Settings are replaced, never changed: another value is another revision."""
        limits = self._app.settings.get("rateLimits")
        if self._compiled is None or limits is not self._source:
            self._source, self._compiled = limits, CompiledLimits(limits)
        return self._compiled

    def _labels(self, request: Request, tag: str) -> tuple[tuple[str, ...], str]:
        """The labels of a request, the most telling first, and its endpoint's name within buckets."""
        path = (f"{request.method} {request.url_path}", request.url_path)
        name = request.path.get("collection", "") if tag else ""
        collection = self._app.collections.find(name) if name else None
        if collection is None:
            return path, ""
        return _tag_labels(collection.name, tag) + path, f"{collection.id} {tag}"


@lru_cache(maxsize=1024)
def _tag_labels(collection: str, tag: str) -> tuple[str, ...]:
    tags = (tag, "auth") if tag in SIGN_INS else (tag,)
    return tuple(f"{name}:{each}" for name in (collection, "*") for each in tags)
