"""New hashes, imported hashes, and what an unknown account costs."""

from __future__ import annotations

import threading
import time

import bcrypt
import pytest

from appliance.core import passwords as room
from appliance.core.passwords import Passwords, PasswordValue
from appliance.errors import TooManyRequests


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


def test_a_new_hash_is_argon2id_and_verifies_only_its_password(passwords: Passwords) -> None:
    stored = passwords.hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify("correct horse", stored)
    assert not passwords.verify("correct horsf", stored)
    assert not passwords.needs_rehash(stored)


def test_an_imported_bcrypt_hash_verifies_and_asks_to_be_replaced(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(b"from the old box", bcrypt.gensalt(4)).decode()
    assert passwords.verify("from the old box", stored)
    assert not passwords.verify("another", stored)
    assert passwords.needs_rehash(stored)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("", id="no hash"),
        pytest.param("plain text", id="plain text"),
        pytest.param("$argon2id$broken", id="a damaged argon2 hash"),
        pytest.param("$2a$10$short", id="a damaged bcrypt hash"),
        pytest.param("$1$abc$def", id="a hash of another kind"),
    ],
)
def test_what_is_not_a_hash_verifies_nothing(passwords: Passwords, stored: str) -> None:
    assert not passwords.verify("anything", stored)
    assert not passwords.verify("", stored)


def test_a_password_longer_than_bcrypt_can_tell_apart_is_refused(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(b"a" * 72, bcrypt.gensalt(4)).decode()
    assert passwords.verify("a" * 72, stored)
    assert not passwords.verify("a" * 73, stored)


def test_an_unknown_account_costs_a_whole_verification(passwords: Passwords) -> None:
    """CPU time, not the wall clock: the pool's threads do the same hash either way."""
    stored = passwords.hash("x")
    passwords.verify("x", "")

    def cpu_of(hash_text: str) -> float:
        begun = time.process_time()
        for _ in range(5):
            passwords.verify("y", hash_text)
        return time.process_time() - begun

    assert cpu_of("") > cpu_of(stored) / 2


def test_a_full_queue_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PLACES", 1)
    small, go_on = Passwords(), threading.Event()
    waiting = threading.Thread(target=lambda: small._run(lambda: go_on.wait(10)))
    waiting.start()
    while small._places.acquire(blocking=False):
        small._places.release()
    with pytest.raises(TooManyRequests):
        small.hash("x")
    go_on.set()
    waiting.join()
    assert small.hash("x")


def test_a_password_value_never_shows_itself() -> None:
    value = PasswordValue("secret", "hash")
    assert "secret" not in f"{value} {value!r}"
