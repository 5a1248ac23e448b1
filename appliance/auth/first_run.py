"""The first run: until an administrator exists the box answers set-up only, and lets in whoever may set it up.

Threat: on a LAN, whoever opens the page first would own the box. So set-up opens at once only on the machine
itself; from elsewhere it asks for a code that is shown on the console and kept in a file that only the box's
user can read. Five tries a minute, one transaction, burned on use.
"""

from __future__ import annotations

import hmac
import threading
from collections import deque
from pathlib import Path
from typing import Final

from appliance import clock
from appliance.auth.superusers import draft_superuser, has_superuser
from appliance.core.app import App
from appliance.core.record import Record
from appliance.core.records.save import create_record
from appliance.core.settings.sealed import write_private
from appliance.errors import Forbidden, TooManyRequests

CODE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no 0 O 1 I: it is read aloud
CODE_LENGTH: Final = 8
CODE_FILE: Final = "setup-code"
TRIES: Final = 5
TRIES_SECONDS: Final = 60.0


class FirstRun:
    """Whether set-up is still open, and its code."""

    def __init__(self, app: App, folder: Path) -> None:
        self._app = app
        self._path = folder / CODE_FILE
        self._tries: deque[float] = deque()
        self._lock = threading.Lock()
        self._done = has_superuser(app)

    @property
    def is_open(self) -> bool:
        """True until an administrator exists. Once one does, it never opens again."""
        if not self._done and has_superuser(self._app):
            self._close()
        return not self._done

    def code(self) -> str:
        """The code as shown: `K7QM4TXR`. Made on first use; "" once set-up is done."""
        if not self.is_open:
            return ""
        with self._lock:
            return _read(self._path) or _create(self._path)

    def complete(self, email: str, password: str, code: str, is_local: bool) -> Record:
        """Create the first administrator. Raises Forbidden, TooManyRequests, ValidationFailed."""
        if not is_local:
            self._require_code(code)
        draft = draft_superuser(self._app, email, password)
        record = self._app.database.write(lambda: self._create_first(draft))
        self._close()
        return record

    def _create_first(self, draft: Record) -> Record:
        """Inside the write: of two that set up at once, exactly one wins."""
        if has_superuser(self._app):
            raise Forbidden("This box has been set up already. Sign in instead.")
        return create_record(self._app, draft)

    def _require_code(self, given: str) -> None:
        self._count_try()
        cleaned = "".join(given.upper().split()).replace("-", "")
        if not hmac.compare_digest(cleaned.encode(), self.code().encode()) or not cleaned:
            raise Forbidden("That is not the set-up code.", hint=f"The code is on the console and in {self._path}.")

    def _count_try(self) -> None:
        with self._lock:
            moment = clock.monotonic()
            while self._tries and moment - self._tries[0] > TRIES_SECONDS:
                self._tries.popleft()
            if len(self._tries) >= TRIES:
                raise TooManyRequests("Five wrong tries. Wait a minute, then enter the set-up code again.")
            self._tries.append(moment)

    def _close(self) -> None:
        self._done = True
        self._path.unlink(missing_ok=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _create(path: Path) -> str:
    code = clock.random_text(CODE_LENGTH, CODE_ALPHABET)
    write_private(path, f"{code}\n".encode())
    return code
