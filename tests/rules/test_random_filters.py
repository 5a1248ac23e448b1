"""Filters drawn at random, always the same ones, asked of the original and of our compiler.

Tables hold what somebody thought of; this finds what nobody did. To look further change SEED or COUNT for a while.
"""

from __future__ import annotations

import random

import pytest

from appliance.core.app import App
from tests.rules.conftest import EVERYBODY, Original
from tests.rules.test_filters import answers_of, as_set

SEED = 20261123
COUNT = 250
PATHS = {
    "projects": (
        "title", "budget", "active", "starts", "labels", "labels:each", "labels:length", "members", "members:each",
        "members.name", "members.tags:each", "members.tags:length", "members.company.name", "members.friends.name",
        "owner", "owner.id", "owner.name:lower", "owner.company.size", "owner.email", "members.email",
        "parent.title", "parent.members.name", "parent.parent.owner.name", "meta", "meta.a", "meta.b.c", "meta.list.1",
        "place.lon", "place", "tasks_via_project.title", "tasks_via_project.priority", "tasks_via_project.meta.n",
        "tasks_via_project.assignees.name", "tasks_via_project.assignees:length", "tasks_via_project.assignees:each",
        "tasks_via_project.comments_via_task.author.name", "projects_via_parent.title",
        "owner.notes_via_person.message",
        "owner.profiles_via_person.motto", "owner.totals_via_owner.total", "papers:each", "cover", "company.size",
        "secret", "@collection.tasks.title", "@collection.tasks:a.project", "@request.auth.name", "id",
    ),
    "people": (
        "name", "role", "tags", "tags:each", "company.name", "friends", "friends.name", "friends:each",
        "friends.friends.name", "people_via_friends.tags:each", "projects_via_members.title",
        "projects_via_members.meta.a", "tasks_via_assignees.project.title", "profiles_via_person.motto",
        "notes_via_person.message", "email", "friends.email", "verified", "totals_via_owner.meta.a",
    ),
    "tasks": (
        "title", "priority", "done", "due", "meta", "meta.n", "assignees", "assignees.name", "assignees:each",
        "assignees.tags:each", "project.members.name", "project.labels:each", "project.meta.a", "project.parent.title",
        "project.tasks_via_project.title", "comments_via_task.message", "comments_via_task.author.tags:length",
    ),
}  # fmt: skip
LITERALS = (
    "''", "null", "true", "false", "0", "1", "2", "-3", "100.5", "'a'", "'Ann'", "'Bob'", "'alpha'", "'Rocket'",
    "'1'", "'%a%'", "'a%'", "'_'", "'[]'", "'2024'", "@now", "@year", "'yes'", "'mine'", "'person000000ann'", "'acme'",
)  # fmt: skip
SIGNS = ("=", "!=", "~", "!~", ">", ">=", "<", "<=")


def draw_filter(chance: random.Random, collection: str, depth: int = 0) -> str:
    """One filter: a comparison, or two filters joined in brackets."""
    if depth > 2 or chance.random() < 0.6:
        left = chance.choice(PATHS[collection] if chance.random() < 0.75 else LITERALS)
        right = chance.choice(PATHS[collection] if chance.random() < 0.3 else LITERALS)
        return f"{left} {chance.choice(('', '?'))}{chance.choice(SIGNS)} {right}"
    one, other = (draw_filter(chance, collection, depth + 1) for _ in range(2))
    return f"({one} {chance.choice(('&&', '||'))} {other})"


def draw_cases() -> list[tuple[str, str, str]]:
    """(collection, who asks, filter), the same at every run."""
    chance = random.Random(SEED)
    drawn = []
    for _ in range(COUNT):
        collection = chance.choice(list(PATHS))
        drawn.append((collection, chance.choice(EVERYBODY), draw_filter(chance, collection)))
    return drawn


@pytest.mark.parametrize(("collection", "who", "text"), draw_cases())
def test_a_drawn_filter_finds_what_the_original_finds(
    original: Original, app: App, collection: str, who: str, text: str
) -> None:
    expected, found = answers_of(original, app, collection, who, filter=text)
    assert as_set(found) == as_set(expected)
