"""The one door to time and chance: nothing else in the house reads a clock or draws a random number.

Dates are stored and sent as `2026-11-23 16:21:38.781Z` (UTC, milliseconds), the wire's own form, which sorts as text.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
TOKEN_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105 - an alphabet
ID_LENGTH = 15
BYTE_VALUES = 256
Choice = TypeVar("Choice")


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def unix_seconds() -> int:
    """The wall clock as whole seconds since 1970, as tokens carry it."""
    return int(time.time())


def monotonic() -> float:
    """Seconds of a clock that never runs backwards: for timers and time-outs."""
    return time.monotonic()


def thread_seconds() -> float:
    """CPU time that the calling thread has used."""
    return time.thread_time()


def format_date(moment: datetime) -> str:
    """The wire's text of a moment, cut to milliseconds."""
    return f"{moment.astimezone(UTC).isoformat(' ', 'milliseconds')[:-6]}Z"


def now_text() -> str:
    """The wire's text of this moment."""
    milliseconds = time.time_ns() // 1_000_000
    return f"{_text_of_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=4)
def _text_of_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(" ")[: len("2026-11-23 16:21:38")]


def random_text(length: int, alphabet: str = ID_ALPHABET) -> str:
    """`length` characters drawn evenly from `alphabet` with the system's secure source."""
    if not alphabet.isascii():
        return "".join(secrets.choice(alphabet) for _ in range(length))
    letters, unfair = _letters(alphabet)
    drawn = b""
    while len(drawn) < length:
        drawn += secrets.token_bytes(2 * length).translate(letters, unfair)
    return drawn[:length].decode("ascii")


@lru_cache(maxsize=64)
def _letters(alphabet: str) -> tuple[bytes, bytes]:
    """The character of each byte, and the bytes to throw away: those beyond the last whole alphabet would favour its
    first letters."""
    letters = bytes(ord(alphabet[byte % len(alphabet)]) for byte in range(BYTE_VALUES))
    return letters, bytes(range(BYTE_VALUES - BYTE_VALUES % len(alphabet), BYTE_VALUES))


def random_id() -> str:
    """A new record id: 15 characters of a-z0-9."""
    return random_text(ID_LENGTH)


def random_secret(length: int = 50) -> str:
    """A new secret or token key of letters and digits."""
    return random_text(length, TOKEN_ALPHABET)


def random_between(least: int, most: int) -> int:
    """A whole number from `least` to `most`, both included, drawn evenly."""
    return least + secrets.randbelow(most - least + 1)


def random_choice(choices: Sequence[Choice]) -> Choice:
    """One of `choices`, drawn evenly."""
    return secrets.choice(choices)


def random_bytes(length: int) -> bytes:
    """`length` bytes from the system's secure source: keys and nonces."""
    return secrets.token_bytes(length)
