"""One URL, optionally of chosen hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import re2

from appliance.core.fields.checks import REQUIRED
from appliance.core.fields.domain_text import DomainTextField
from appliance.errors import FieldError

if TYPE_CHECKING:
    from appliance.core.app import App
    from appliance.core.record import Record

NOT_A_URL = FieldError("validation_invalid_url", "Must be a valid url.")
SHORTEST, LONGEST = 3, 2083  # in characters, both excluded

# The language of URLs that the wire's original accepts (that of the govalidator package), in pieces.
_LATER = r"\x{00a1}-\x{ffff}"
_SCHEME = r"(?:(?:ftp|tcp|udp|wss?|https?)://)"
_USER = r"(?:[^\s]+(?::[^\s]*)?@)"
_OCTET = r"(?:[1-9]?\d|1\d\d|2[0-4]\d|25[0-5])"
_ADDRESS = rf"(?:(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])(?:\.{_OCTET}){{3}})"
_ADDRESS_6 = r"(?:\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\])"
_HEAD = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9\-_]+)?[a-zA-Z0-9](?:[-.][a-zA-Z0-9]+)*)"
_SUBDOMAIN = r"(?:www\.|[a-zA-Z0-9]+(?:[-_.]?[a-zA-Z0-9])*[a-zA-Z0-9]\.[a-zA-Z0-9]+)"
_BODY = rf"(?:(?:[a-zA-Z0-9{_LATER}]+-?-?)*[a-zA-Z0-9{_LATER}]+)"
_TOP = rf"(?:\.[a-zA-Z{_LATER}]+)"
_HOST = rf"(?:{_ADDRESS}|{_ADDRESS_6}|(?:{_HEAD}|{_SUBDOMAIN})?{_BODY}{_TOP}?)"
URL = re2.compile(rf"{_SCHEME}?{_USER}?{_HOST}\.?(?::\d{{1,5}})?(?:[/?#][^\s]*)?")
USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
CONTROL = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, kw_only=True)
class UrlField(DomainTextField):
    """A URL, or "". At most one of the two domain lists may be set."""

    type = "url"

    def check_value(self, app: App, record: Record, value: Any) -> FieldError | None:
        """Required, a URL, of an allowed host (compared as written, port included)."""
        if not value:
            return REQUIRED if self.required else None
        if not is_url(value):
            return NOT_A_URL
        host = urlsplit(value).netloc.rpartition("@")[2]
        if not self.allows(host):
            return FieldError("validation_url_domain_not_allowed", "Url domain is not allowed.")
        return None


def is_url(text: str) -> bool:
    """Whether a text is a URL by the wire's rules; the scheme may be missing, the host may not."""
    if not SHORTEST < len(text) < LONGEST or text.startswith(".") or CONTROL.search(text):
        return False
    before_query = re.split(r"[?#]", text, maxsplit=1)[0]
    if not (_has_plain_user(before_query) if ":" in text else "." in before_query):
        return False
    return not BAD_ESCAPE.search(before_query) and URL.fullmatch(text) is not None


def _has_plain_user(before_query: str) -> bool:
    """Whether what stands before an @ of the host's part consists of the characters that RFC 3986 allows there."""
    authority = before_query.partition("://")[2] or before_query
    return USER.fullmatch(authority.partition("/")[0].rpartition("@")[0]) is not None
