"""What the content security policy forbids does not stand in a template."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = sorted((Path(__file__).resolve().parents[2] / "dashboard" / "templates").rglob("*.html"))
FORBIDDEN = [
    pytest.param(r"<script(?![^>]*\bsrc=)", id="no inline script"),
    pytest.param(r"\sstyle=", id="no inline style"),
    pytest.param(r"\son[a-z]+=", id="no inline event handler"),
    pytest.param(r"javascript:", id="no script address"),
    pytest.param(r"(?:src|href)=\"https?:", id="nothing from elsewhere"),
    pytest.param(r"\|\s*safe\b", id="no unescaped value"),
]


@pytest.mark.parametrize("forbidden", FORBIDDEN)
def test_templates_hold_nothing_that_the_policy_forbids(forbidden: str) -> None:
    found = [path.name for path in TEMPLATES if re.search(forbidden, path.read_text(encoding="utf-8"), re.I)]
    assert TEMPLATES
    assert not found
