"""The disk fails in the middle of things: no request is acknowledged that is not stored, and no restart is needed."""

from __future__ import annotations

import errno

import httpx
import pytest

from tests.faults.killed import Box
from tests.faults.served import NOTES, Served, require_json_error, served
from tests.faults.shim import Shim

MANY = 30
NOTE = {"json": {"title": "refused"}}
PAGE = {"data": {"title": "refused"}, "files": {"page": ("page.bin", bytes(3000))}}


def box_on(shim: Shim) -> Box:
    return Box(shim.folder, environ=shim.environ)


def ask(here: Served, request: dict[str, object]) -> httpx.Response:
    return here.http.post(NOTES, **request)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plan", "request_that_fails"),
    [
        pytest.param({"fail_write": 1, "only": b"data.db-wal"}, NOTE, id="the log can't be written"),
        pytest.param({"fail_sync": 1, "only": b"data.db-wal"}, NOTE, id="the log can't be flushed"),
        pytest.param({"fail_write": 1, "only": b"/storage/"}, PAGE, id="an upload can't be written"),
        pytest.param({"fail_sync": 1, "only": b"/storage/"}, PAGE, id="an upload can't be flushed"),
        pytest.param({"fail_name": 1, "only": b"/storage/"}, PAGE, id="an upload can't get its name"),
        pytest.param({"fail_write": 1, "fail_name": 1, "error": errno.EROFS}, PAGE, id="the disk has become read-only"),
    ],
)
def test_a_disk_that_fails_is_told_and_survived(
    shim: Shim, plan: dict[str, int | bytes], request_that_fails: dict[str, object]
) -> None:
    with served(box_on(shim)) as here:
        assert set(here.write("before", MANY)) == {200, 204}
        for name, value in plan.items():
            setattr(shim.plan, name, value)
        require_json_error(ask(here, request_that_fails), 503)
        meanwhile = here.write("meanwhile", MANY)
        assert set(meanwhile) <= {200, 204, 503}
        assert meanwhile[503]
        assert set(here.reads()) == {200}
        for name in plan:
            setattr(shim.plan, name, b"" if name == "only" else 0)
        assert set(here.write("afterwards", MANY)) == {200, 204}
        assert here.http.get(NOTES, params={"filter": "title = 'refused'"}).json()["totalItems"] == 0
        assert here.problems() == []


@pytest.mark.slow
def test_a_page_that_cannot_be_read_fails_its_request_only(shim: Shim) -> None:
    with served(box_on(shim)) as here:
        here.write("before", MANY)
        here.restart()
        shim.plan.only, shim.plan.fail_read = b"data.db", 1
        require_json_error(here.http.get(NOTES), 503)
        shim.plan.fail_read = 0
        assert set(here.reads()) == {200}
        assert set(here.write("afterwards", MANY)) == {200, 204}
        assert here.problems() == []


@pytest.mark.slow
def test_control_a_disk_that_swallows_writes_is_noticed(shim: Shim) -> None:
    with served(box_on(shim)) as here:
        here.write("before", MANY)
        shim.plan.swallow_writes = 1
        here.write("swallowed", MANY)
        shim.plan.swallow_writes = 0
        assert here.problems() != []
