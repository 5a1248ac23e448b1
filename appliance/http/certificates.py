"""The certificate that this server shows: read and checked at the start, taken up again when its files change.

TLS 1.2 and 1.3, forward-secret AEAD ciphers only, no compression, no renegotiation (the Mozilla "intermediate" profile
without its oldest entries). Session tickets let a returning client skip half of the handshake.
"""

from __future__ import annotations

import logging
import ssl
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from appliance import clock
from appliance.errors import ConfigError

log = logging.getLogger("homeport.http")

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
WARN_BEFORE: Final = timedelta(days=10)
REFUSALS: Final = {
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
    "PEM_LIB": "the key is locked with a passphrase, or it is not PEM text",
    "EE_KEY_TOO_SMALL": "its key is too short to be safe",
    "CA_MD_TOO_WEAK": "its signature is too weak to be safe",
}
HINT: Final = "Name the full chain (fullchain.pem) with --tls-cert and its unlocked key (privkey.pem) with --tls-key."


class Certificate:
    """A certificate file with its key, and the TLS context of their latest good state."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen = self._stamps()
        self.context = self._load()

    def refresh(self, _moment: float = 0.0) -> None:
        """Take up changed files. Whatever is wrong with them is logged, and the old certificate stays in use: half of
        a pair may be written just now, so it is tried again until it is good."""
        try:
            seen = self._stamps()
            if seen == self._seen:
                return
            self.context = self._load()
        except ConfigError as error:
            log.error("%s The certificate in use stays. %s", error.message, error.hint)
            return
        self._seen = seen
        log.warning("The certificate %s has changed and is in use now.", self._files[0])

    def _stamps(self) -> list[tuple[int, int]]:
        """What changes when a file is replaced, also by another target of its link (certbot's way)."""
        try:
            return [(found.st_mtime_ns, found.st_ino) for found in (path.stat() for path in self._files)]
        except OSError as error:
            raise _refused(Path(error.filename), error.strerror or "it can't be read") from error

    def _load(self) -> ssl.SSLContext:
        certificate, key = self._files
        _check_dates(certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError as error:
            reason = error.reason or "PEM_LIB"
            raise _refused(certificate, REFUSALS.get(reason, reason.replace("_", " ").lower())) from error
        except OSError as error:
            raise _refused(certificate, error.strerror or "it can't be read") from error
        return context


def _refused(path: Path, reason: str) -> ConfigError:
    return ConfigError(f"The certificate {path} can't be used: {reason}.", HINT)


def _check_dates(path: Path) -> None:
    """Refuse what clients would refuse. Raises ConfigError."""
    begins, ends = _lifetime(path)
    now = clock.now()
    if now < begins:
        raise _refused(path, f"it is valid from {begins:%Y-%m-%d %H:%M} UTC on; or this machine's clock is wrong")
    if now > ends:
        raise ConfigError(f"The certificate {path} has expired on {ends:%Y-%m-%d}.", "Renew it: certbot renew")
    if ends - now < WARN_BEFORE:
        log.warning("The certificate %s expires on %s.", path, f"{ends:%Y-%m-%d}")


def _lifetime(path: Path) -> tuple[datetime, datetime]:
    from cryptography import x509  # 40 ms that only a box with TLS pays

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())[0]  # the first is the server's own
    except OSError as error:
        raise _refused(path, error.strerror or "it can't be read") from error
    except ValueError as error:
        raise _refused(path, "it is not a certificate in PEM form") from error
    return found.not_valid_before_utc, found.not_valid_after_utc
