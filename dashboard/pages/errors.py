"""What a page shows when it can't show what was asked for."""

from __future__ import annotations

from flask import render_template


def show_not_found(_error: Exception | None = None) -> tuple[str, int]:
    """There is no such page, collection or record."""
    return render_template("dashboard/not_found.html"), 404
