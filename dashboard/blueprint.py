"""The dashboard as one Flask blueprint under `/_/`: its routes in one table, its guards before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, abort, redirect, request, url_for
from flask_login import current_user

from appliance import __version__
from appliance.core.app import App
from dashboard import formats, session
from dashboard.pages import collections, errors, login, records, setup

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PUBLIC_PAGES = frozenset({"dashboard.show_setup", "dashboard.do_setup", "dashboard.show_login", "dashboard.do_login"})
STATIC = "dashboard.static"

ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", "/", collections.show_home),
    ("GET", "/setup", setup.show_setup),
    ("POST", "/setup", setup.do_setup),
    ("GET", "/login", login.show_login),
    ("POST", "/login", login.do_login),
    ("POST", "/logout", login.do_logout),
    ("GET", "/collections", collections.show_collections),
    ("GET", "/collections/<collection>", records.show_records),
    ("GET", "/collections/<collection>/<record_id>", records.show_record),
    ("POST", "/collections/<collection>/<record_id>/delete", records.do_delete_record),
)


def build_blueprint(app: App) -> Blueprint:
    """The blueprint for one app. flask-login is set up when the Flask app takes it in."""
    panel = Blueprint("dashboard", __name__, url_prefix="/_", template_folder="templates", static_folder="static")
    panel.record_once(lambda state: session.set_up(cast(Flask, state.app), app))
    for method, path, page in ROUTES:
        panel.add_url_rule(path, page.__name__, page, methods=[method])
    panel.before_request(refuse_other_origins)
    panel.before_request(lambda: lead_to_the_right_door(app))
    panel.after_request(add_security_headers)
    panel.register_error_handler(404, errors.show_not_found)
    panel.context_processor(lambda: {"box_name": box_name(app), "address": request.host, "version": __version__})
    formats.register(panel)
    return panel


def box_name(app: App) -> str:
    """The name in the faceplate: the app's, as the settings have it."""
    return str(app.settings.get("meta")["appName"])


def refuse_other_origins() -> None:
    """Threat: a page elsewhere that posts with the administrator's cookie. Browsers say where a request is from."""
    if request.method in ("GET", "HEAD"):
        return
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin", "")
    if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != request.host):
        abort(403)


def lead_to_the_right_door(app: App) -> Any:
    """Before an administrator exists: set-up. Without a session: sign-in."""
    if request.endpoint == STATIC:
        return None
    if app.first_run.is_open:
        return None if request.endpoint in ("dashboard.show_setup", "dashboard.do_setup") else _to("show_setup")
    if request.endpoint in PUBLIC_PAGES or current_user.is_authenticated:
        return None
    return redirect(url_for("dashboard.show_login", next=request.full_path.rstrip("?")))


def _to(page: str) -> Any:
    return redirect(url_for(f"dashboard.{page}"))


def add_security_headers(response: Response) -> Response:
    """Nothing inline, nothing from elsewhere, never in a frame; pages are not kept by caches."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != STATIC:
        response.headers["Cache-Control"] = "no-store"
    return response
