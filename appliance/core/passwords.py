"""Password hashes: argon2id for new ones, bcrypt only to verify what was imported.

Hashing costs about 66 ms of a core by design, so it runs on a small pool of its own: as many at once as there
are cores, a queue of 32 behind them, and 429 beyond that. Otherwise a burst of sign-ins would starve every
other request (argon2 and bcrypt release the GIL, so request threads go on meanwhile).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import argon2
import bcrypt

from appliance.errors import TooManyRequests

CORES = os.cpu_count() or 1
QUEUE_LIMIT = 32
PLACES = CORES + QUEUE_LIMIT
ARGON2_PREFIX = "$argon2id$"
BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")
BCRYPT_MAX_BYTES = 72
BCRYPT_OF_NOBODY = "$2a$10$FntRbTDNJqmjDJ.l4ARseOD/206X0Nq844jwULWZVZFSzu2nmSjNe"  # of a password that nobody knows
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PasswordValue:
    """What a password field holds in memory: the plain text only while it is being set, and the stored hash."""

    plain: str = field(default="", repr=False)
    hash: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.plain or self.hash)

    def __str__(self) -> str:
        return ""


class Passwords:
    """The pool. OWASP's argon2id parameters: 19 MiB, two passes, one lane."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._pool = ThreadPoolExecutor(CORES, thread_name_prefix="passwords")
        self._places = threading.BoundedSemaphore(PLACES)
        self._nobody: str | None = None

    def hash(self, plain: str) -> str:
        """The argon2id hash to store. Raises TooManyRequests when the queue is full."""
        return self._run(lambda: self._hasher.hash(plain))

    def verify(self, plain: str, stored: str) -> bool:
        """Whether `plain` is the password of `stored`. "" verifies nothing but takes the same time."""
        return self._run(lambda: self._verify(plain, stored))

    def verify_other(self, plain: str, stored: str) -> None:
        """Spend what the other kind of hash would have cost: argon2id beside bcrypt, bcrypt beside anything else.

        Threat: where both kinds are stored, the time of a refusal would tell who has which, and who has none.
        """
        self.verify(plain, "" if stored.startswith(BCRYPT_PREFIXES) else BCRYPT_OF_NOBODY)

    def needs_rehash(self, stored: str) -> bool:
        """Whether a hash that verified should be replaced: an imported bcrypt, or older argon2 parameters."""
        return not stored.startswith(ARGON2_PREFIX) or self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Finish the hashes in work."""
        self._pool.shutdown(wait=True)

    def _verify(self, plain: str, stored: str) -> bool:
        if stored.startswith(BCRYPT_PREFIXES):
            return _verify_bcrypt(plain, stored)
        known = stored.startswith(ARGON2_PREFIX)
        try:
            return self._hasher.verify(stored if known else self._hash_of_nobody(), plain) and known
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def _hash_of_nobody(self) -> str:
        """Threat: telling from the time of an answer which accounts exist. Unknown ones verify against this."""
        if self._nobody is None:
            self._nobody = self._hasher.hash(os.urandom(16).hex())
        return self._nobody

    def _run(self, work: Callable[[], Result]) -> Result:
        if not self._places.acquire(blocking=False):
            raise TooManyRequests(hint="Too many sign-ins wait for the password pool.")
        try:
            return self._pool.submit(work).result()
        finally:
            self._places.release()


def _verify_bcrypt(plain: str, stored: str) -> bool:
    encoded = plain.encode()
    if len(encoded) > BCRYPT_MAX_BYTES:
        return False
    try:
        return bcrypt.checkpw(encoded, stored.encode())
    except ValueError:
        return False
