"""`/_/setup`: create the first administrator."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for

from appliance.api.setup import is_local, set_up
from appliance.auth.superusers import find_superuser
from appliance.errors import ApiError
from dashboard.asking import ask, build_request, the_app
from dashboard.formats import sentences
from dashboard.session import sign_in


def show_setup() -> Any:
    """The form, while there is nobody who could sign in."""
    if not the_app().first_run.is_open:
        return redirect(url_for("dashboard.show_login"))
    return render_template("dashboard/setup.html", needs_code=not is_local(build_request()), form={}, errors={})


def do_setup() -> Any:
    """Create the administrator and sign in, or say what is wrong with the form."""
    form = {name: request.form.get(name, "") for name in ("email", "password", "passwordConfirm", "code")}
    try:
        ask(set_up, method="POST", body=form)
    except ApiError as error:
        page = render_template(
            "dashboard/setup.html",
            needs_code=not is_local(build_request()),
            form=form,
            problem=error.message,
            errors=sentences(error),
        )
        return page, error.status
    administrator = find_superuser(the_app(), form["email"])
    if administrator is not None:
        sign_in(administrator)
    return redirect(url_for("dashboard.show_collections"))
