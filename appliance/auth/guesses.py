"""Wrong passwords slow down whoever tries them: per identity and address, and per identity from everywhere.

Threat: a password guessed from one address, or one account's from many. Beyond the limit even the right password gets
429 until the window is over, or the answer would tell which one it was.

Threat: locking somebody out by guessing at them. One address uses up its own tries only, and an address that has
signed in as this identity before goes on when strangers have used up everybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from appliance.core.app import App
from appliance.core.record import Record
from appliance.core.windows import Windows
from appliance.errors import TooManyRequests

SECONDS: Final = 300.0
MOST_FROM_ONE: Final = 10  # wrong passwords for an identity from one address
MOST_FROM_ALL: Final = 50
KNOWN_SECONDS: Final = 30 * 86_400.0

Who = tuple[str, str]  # collection id, identity as typed


class Guesses:
    """What one box remembers of refused sign-ins, in bounded memory, until it restarts."""

    def __init__(self) -> None:
        self._refused = Windows()
        self._known = Windows()

    def require_left(self, who: Who, address: str) -> None:
        """Refuse when no tries are left. Raises TooManyRequests."""
        seen = self._refused.seen
        if seen((who, address)) >= MOST_FROM_ONE:
            raise TooManyRequests
        if seen(who) >= MOST_FROM_ALL and not self._known.seen((who, address)):
            raise TooManyRequests

    def refused(self, who: Who, address: str) -> None:
        """Count a wrong password."""
        self._refused.count((who, address), SECONDS)
        self._refused.count(who, SECONDS)

    def admitted(self, who: Who, address: str) -> None:
        """The password was right."""
        self._refused.forget((who, address))
        self._known.count((who, address), KNOWN_SECONDS)


_of_app: WeakKeyDictionary[App, Guesses] = WeakKeyDictionary()


def try_password(app: App, who: Who, address: str, verify: Callable[[], Record | None]) -> Record | None:
    """What `verify` finds, while this identity has tries left. Raises TooManyRequests. Off with the rate limits."""
    if not app.settings.get("rateLimits")["enabled"]:
        return verify()
    guesses = _of_app.setdefault(app, Guesses())
    who = (who[0], who[1].strip().casefold())
    guesses.require_left(who, address)
    record = verify()
    if record is None:
        guesses.refused(who, address)
    else:
        guesses.admitted(who, address)
    return record
