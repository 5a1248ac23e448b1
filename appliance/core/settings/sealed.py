"""Secrets at rest: texts sealed with AES-256-GCM and a key that lies in a file of its own.

Threat: a copy of the database alone (a backup on a stick, a leaked file) must not give away the passwords of mail
servers and buckets. Whoever can read the whole data folder has the key too.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Final, TypeGuard

from appliance import clock
from appliance.errors import ConfigError, StorageError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
MARK: Final = "sealed1:"


class Seal:
    """Seals and opens texts. The key file is made, readable by its owner only, when first needed."""

    def __init__(self, key_file: Path) -> None:
        self._file = key_file
        self._key = b""

    def close(self, text: str) -> str:
        """The sealed form: the mark, then base64 of a fresh nonce and the ciphertext."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = clock.random_bytes(NONCE_BYTES)
        return (
            MARK + base64.b64encode(nonce + AESGCM(self._load(make=True)).encrypt(nonce, text.encode(), None)).decode()
        )

    def open(self, sealed: str) -> str:
        """The text of a sealed form. Raises StorageError when the key is missing or another one."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        raw = base64.b64decode(sealed.removeprefix(MARK))
        try:
            return AESGCM(self._load(make=False)).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None).decode()
        except InvalidTag as error:
            raise StorageError("The settings can't be opened with this key.", self._hint()) from error

    @staticmethod
    def is_sealed(text: object) -> TypeGuard[str]:
        """Whether a stored value is a sealed form."""
        return isinstance(text, str) and text.startswith(MARK)

    def _load(self, make: bool) -> bytes:
        if not self._key:
            self._key = self._read() or (self._make() if make else b"")
        if len(self._key) != KEY_BYTES:
            raise StorageError(f"The key of the settings, {self._file}, is missing or damaged.", self._hint())
        return self._key

    def _read(self) -> bytes:
        try:
            return base64.b64decode(self._file.read_bytes())
        except FileNotFoundError:
            return b""
        except (OSError, ValueError) as error:
            raise StorageError(f"The key of the settings, {self._file}, can't be read.", self._hint()) from error

    def _make(self) -> bytes:
        key = clock.random_bytes(KEY_BYTES)
        try:
            write_private(self._file, base64.b64encode(key) + b"\n")
        except OSError as error:
            raise ConfigError(
                f"The key file {self._file} can't be made: {error}.", "Check the folder's rights."
            ) from error
        return key

    def _hint(self) -> str:
        return f"Restore {self._file.name} from the backup that the database comes from."


def write_private(path: Path, content: bytes) -> None:
    """Write a secret that only its owner can read: beside, flush, rename. One that a power cut has left short would
    lock its owner out for good, and one of zeros would let anybody in. Raises OSError."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
