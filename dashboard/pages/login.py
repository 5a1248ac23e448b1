"""`/_/login` and `/_/logout`."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for

from appliance.api.auth_with_password import auth_with_password
from appliance.auth.superusers import find_superuser
from appliance.core.collection import SUPERUSERS
from appliance.errors import ApiError
from dashboard.asking import ask, the_app
from dashboard.session import sign_in, sign_out

WRONG = "Email or password is wrong. Check both and try again."


def show_login() -> str:
    """The form."""
    return render_template("dashboard/login.html", email="", problem="")


def do_login() -> Any:
    """Sign in by the same handler as the SDKs, then go where the visitor was heading."""
    email = request.form.get("email", "").strip()
    form = {"identity": email, "password": request.form.get("password", "")}
    try:
        ask(auth_with_password, method="POST", path={"collection": SUPERUSERS}, body=form)
    except ApiError as error:
        problem = WRONG if error.status == 400 else error.message
        return render_template("dashboard/login.html", email=email, problem=problem), error.status
    administrator = find_superuser(the_app(), email)
    if administrator is None:
        return render_template("dashboard/login.html", email=email, problem=WRONG), 400
    sign_in(administrator)
    return redirect(_next_page())


def do_logout() -> Any:
    """End the session."""
    sign_out()
    return redirect(url_for("dashboard.show_login"))


def _next_page() -> str:
    """Threat: `next` leading to another site. Only a path under `/_/` is followed."""
    asked = request.args.get("next", "")
    return asked if asked.startswith("/_/") and "\\" not in asked else url_for("dashboard.show_collections")
