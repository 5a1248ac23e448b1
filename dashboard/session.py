"""Who is signed in to the dashboard: flask-login over a signed cookie.

The cookie names the superuser and a digest of the tokenKey: a changed password ends every session of its account.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import timedelta
from pathlib import Path

from flask import Flask, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from appliance.core.app import App
from appliance.core.collection import SUPERUSERS
from appliance.core.record import Record
from appliance.core.records.query import find_record
from appliance.core.settings.sealed import write_private

LIFETIME = timedelta(days=7)
KEY_FILE = "dashboard-key"
APP = "homeport_dashboard"  # the key under which Flask's extensions hold the app


class Administrator(UserMixin):  # type: ignore[misc]  # flask-login brings no types
    """A signed-in superuser."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @property
    def email(self) -> str:
        """The address, for the faceplate."""
        return str(self.record["email"])

    def get_id(self) -> str:
        """What the cookie holds."""
        return f"{self.record.id}:{_digest(self.record)}"


def set_up(flask_app: Flask, app: App) -> None:
    """Give the Flask app its session key and cookie rules, and flask-login its loader."""
    key = read_key(app.config.dir / KEY_FILE)
    flask_app.secret_key = key
    flask_app.config.update(
        SESSION_COOKIE_NAME=f"homeport_{hashlib.sha256(key).hexdigest()[:8]}",
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=app.config.tls_cert is not None,
        SESSION_COOKIE_PATH="/_",
        PERMANENT_SESSION_LIFETIME=LIFETIME,
    )
    flask_app.extensions[APP] = app
    manager = LoginManager()
    manager.user_loader(lambda cookie: find_administrator(app, cookie))
    # Instead of manager.init_app: that also reads the session after every request, of the wire's too, for a
    # "remember me" cookie that we don't have; each answer would then vary by Cookie.
    flask_app.login_manager = manager  # type: ignore[attr-defined]
    flask_app.context_processor(lambda: {"current_user": current_user})


def sign_in(record: Record) -> None:
    """Start a fresh session: nothing of an earlier one is taken over."""
    session.clear()
    session.permanent = True
    login_user(Administrator(record))


def sign_out() -> None:
    """End the session."""
    logout_user()
    session.clear()


def find_administrator(app: App, cookie: str) -> Administrator | None:
    """The superuser that a cookie names, while its tokenKey is still the one of sign-in."""
    record_id, _, digest = cookie.partition(":")
    record = find_record(app, app.collections.get(SUPERUSERS), record_id)
    if record is None or not hmac.compare_digest(digest, _digest(record)):
        return None
    return Administrator(record)


def read_key(path: Path) -> bytes:
    """The session key of this box, made on first use, readable by its user only."""
    if not path.exists():
        write_private(path, os.urandom(32))
    return path.read_bytes()


def _digest(record: Record) -> str:
    return hashlib.sha256(str(record["tokenKey"]).encode()).hexdigest()[:32]
