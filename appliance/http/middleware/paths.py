"""`//api/health` and `/api/./health`: sent on to the path they mean, as the wire's original does."""

from __future__ import annotations

import html
import posixpath
import re
from typing import TYPE_CHECKING

import flask

from appliance.http.flask_answers import bare

if TYPE_CHECKING:
    from appliance.http.edge import Edge

UNCLEAN = re.compile(r"//|/\.{1,2}(?:/|\Z)")


def redirect_to_clean_path(_edge: Edge) -> flask.Response | None:
    """307 to the path without empty and dot segments."""
    target = flask.request.environ.get("REQUEST_URI", "")
    path, mark, query = target.partition("?")
    if not UNCLEAN.search(path):
        return None
    clean = "/" + posixpath.normpath(path).lstrip("/")
    if path.endswith(("/", "/.", "/..")) and clean != "/":
        clean += "/"
    return redirect(clean + mark + query)


def redirect(location: str) -> flask.Response:
    """307, with a link for people who ask with GET."""
    if flask.request.method not in ("GET", "HEAD"):
        return bare(status=307, headers={"Location": location})
    page = f'<a href="{html.escape(location)}">Temporary Redirect</a>.\n\n'
    return flask.Response(page, status=307, headers={"Location": location})
