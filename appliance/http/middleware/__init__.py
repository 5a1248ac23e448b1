"""What happens to every request, in order. Each step is a plain function of the app.

BEFORE runs top to bottom; the first that returns an answer or raises ends it there. AFTER runs top to bottom on
every answer, errors included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import flask

from appliance.core.app import App
from appliance.http.middleware.cors import answer_preflight, let_origin_read
from appliance.http.middleware.first_run import require_set_up
from appliance.http.middleware.hosts import require_known_host
from appliance.http.middleware.paths import redirect_to_clean_path
from appliance.http.middleware.request_log import log_request, start_timer
from appliance.http.middleware.security_headers import add_security_headers

Before = Callable[[App], flask.Response | None]
After = Callable[[App, flask.Response], flask.Response]

BEFORE: Final[tuple[Before, ...]] = (
    start_timer,
    require_known_host,
    redirect_to_clean_path,
    answer_preflight,
    require_set_up,
)
AFTER: Final[tuple[After, ...]] = (
    let_origin_read,
    add_security_headers,
    log_request,
)
