"""A person sets a new box up and looks after its records, in a real browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.engines import HEADLESS, require_chromium, require_node_modules

ROOT = Path(__file__).resolve().parents[2]
EMAIL, PASSWORD = "owner@example.com", "correct horse battery"
POSTS = {
    "name": "posts",
    "type": "base",
    "listRule": "",
    "viewRule": "id != ''",
    "fields": [
        {"name": "title", "type": "text", "presentable": True},
        {"name": "done", "type": "bool"},
        {"name": "score", "type": "number"},
        {"name": "labels", "type": "select", "values": ["home", "work"], "maxSelect": 2},
        {"name": "extra", "type": "json"},
        {"name": "created", "type": "autodate", "onCreate": True},
    ],
}


@dataclass
class Box:
    """A running server without an administrator, and what it said when it was ready."""

    url: str
    setup_code: str
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request as the administrator."""
        answer = httpx.request(method, self.url + path, json=body, headers={"Authorization": self.token}, timeout=20)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("box")
    command = [sys.executable, "run.py", "serve", "--http", "127.0.0.1:0", "--dir", str(folder), "--headless", "--json"]
    environ = {**os.environ, "HOMEPORT_PYTHON_ENV": "current"}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        yield Box(ready["url"], ready["setup_code"])
        server.terminate()
        assert server.wait(timeout=15) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = require_chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(HEADLESS))
        yield running
        running.close()


@pytest.fixture(scope="module")
def page(browser: Browser, box: Box) -> Iterator[Page]:
    """One tab for the whole journey. Its console must stay silent but for refusals that the tests provoke, and nothing
    may be asked of another host."""
    tab = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    complaints: list[str] = []

    def note_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "status of 40" not in message.text:
            complaints.append(message.text)

    def note_request(request: Request) -> None:
        if not request.url.startswith((box.url, "data:")):
            complaints.append(request.url)

    tab.on("console", note_console)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", note_request)
    yield tab
    assert complaints == []


def require_accessible(page: Page) -> None:
    """axe-core finds nothing wrong with the page, in light and dark, on a desk and on a phone."""
    axe = (require_node_modules() / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    for scheme in ("light", "dark"):
        for width in (1440, 900, 360):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(axe)
            found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
            assert found == [], f"{page.url} {scheme} {width}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} scrolls at {width}"
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_a_new_box_leads_to_set_up_and_nothing_else_answers(page: Page, box: Box) -> None:
    page.goto(f"{box.url}/_/")
    expect(page.get_by_role("heading", name="Set up this box")).to_be_visible()
    expect(page.get_by_label("Set-up code")).to_have_count(0)
    assert httpx.get(f"{box.url}/api/collections").status_code == 503
    assert httpx.get(f"{box.url}/api/health").status_code == 200
    require_accessible(page)


def test_set_up_says_what_is_wrong_and_keeps_what_was_typed(page: Page) -> None:
    page.get_by_label("Your email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill("something else")
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_text("Values don't match.")).to_be_visible()
    expect(page.get_by_label("Your email")).to_have_value(EMAIL)


def test_set_up_signs_in_and_shows_the_collections(page: Page, box: Box) -> None:
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("heading", name="Collections")).to_be_visible()
    expect(page.get_by_role("link", name="users", exact=True)).to_be_visible()
    path = "/api/collections/_superusers/auth-with-password"
    box.token = box.ask("POST", path, {"identity": EMAIL, "password": PASSWORD})["token"]
    box.ask("POST", "/api/collections", POSTS)
    for number in range(60):
        values = {"title": f"Post {number:02}", "done": number % 2 == 0, "score": number, "labels": ["home"]}
        box.ask("POST", "/api/collections/posts/records", values)
    page.reload()
    expect(page.get_by_role("row").filter(has_text="posts")).to_contain_text("60")
    require_accessible(page)


def test_the_records_of_a_collection_come_in_pages(page: Page) -> None:
    page.get_by_role("link", name="posts", exact=True).click()
    expect(page.get_by_text("60 records")).to_be_visible()
    expect(page.get_by_text("Page 1 of 2")).to_be_visible()
    require_accessible(page)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(10)


def test_a_header_sorts_up_then_down(page: Page) -> None:
    page.get_by_role("columnheader", name="score").get_by_role("link").click()
    expect(page.locator("tbody tr").first).to_contain_text("Post 00")
    page.get_by_role("columnheader", name="score").get_by_role("link").click()
    expect(page.locator("tbody tr").first).to_contain_text("Post 59")


def test_the_slash_key_leads_to_the_filter_and_a_filter_narrows_the_list(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.get_by_label("Filter")).to_be_focused()
    page.keyboard.type("score > 56 && done = true")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 record matches")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_filter_that_cannot_be_read_is_said_and_kept(page: Page) -> None:
    page.get_by_label("Filter").fill("scor > 56")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("score")
    expect(page.get_by_label("Filter")).to_have_value("scor > 56")
    require_accessible(page)


def test_a_record_shows_every_value_and_is_deleted_after_a_question(page: Page, box: Box) -> None:
    page.get_by_role("link", name="Clear").click()
    page.locator("tbody tr a.row").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Post")
    require_accessible(page)
    page.get_by_role("button", name="Delete record").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.get_by_role("dialog").get_by_role("button", name="Delete record").click()
    expect(page.get_by_role("status")).to_contain_text("Deleted record")
    assert box.ask("GET", "/api/collections/posts/records?perPage=1")["totalItems"] == 59


def test_after_signing_out_a_page_asks_to_sign_in_and_leads_on(page: Page, box: Box) -> None:
    page.get_by_role("button", name="Sign out").first.click()
    page.goto(f"{box.url}/_/collections/posts")
    require_accessible(page)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Email or password is wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="posts")).to_be_visible()


def test_a_page_that_is_not_there_says_so(page: Page, box: Box) -> None:
    page.goto(f"{box.url}/_/collections/nothing-here")
    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="a page of another site cannot act"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="a sibling site cannot act"),
        pytest.param({"Origin": "https://evil.example"}, id="another origin cannot act"),
    ],
)
def test_other_sites_cannot_use_the_session(box: Box, headers: dict[str, str]) -> None:
    assert httpx.post(f"{box.url}/_/logout", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("https://evil.example/", id="another site"),
        pytest.param("//evil.example/", id="another host by two slashes"),
        pytest.param("/_/\\evil.example", id="a backslash"),
        pytest.param("/api/collections", id="outside the dashboard"),
    ],
)
def test_sign_in_leads_nowhere_but_into_the_dashboard(box: Box, target: str) -> None:
    answer = httpx.post(f"{box.url}/_/login", params={"next": target}, data={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 302
    assert answer.headers["location"] == "/_/collections"


def test_the_session_cookie_is_strict_and_ends_with_the_password(box: Box) -> None:
    with httpx.Client(base_url=box.url) as client:
        answer = client.post("/_/login", data={"email": EMAIL, "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert all(part in cookie for part in ("SameSite=Strict", "HttpOnly", "Path=/_", "homeport_"))
        assert client.get("/_/collections").status_code == 200
        me = box.ask("GET", "/api/collections/_superusers/records")["items"][0]["id"]
        passwords = {"password": PASSWORD + "2", "passwordConfirm": PASSWORD + "2"}
        box.ask("PATCH", f"/api/collections/_superusers/records/{me}", passwords)
        assert client.get("/_/collections").status_code == 302
