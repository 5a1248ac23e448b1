"""What the whole test run shares: the order, quick tests first."""

from __future__ import annotations

import pytest

SLOW_FOLDERS = ("contracts", "imports", "sdk", "wire", "browser", "faults", "bench")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick rooms first, so that a simple mistake shows within seconds; inside a file the written order stays."""
    items.sort(key=slowness)


def slowness(item: pytest.Item) -> tuple[bool, int]:
    """Tests marked slow come last; before them the folders that start servers."""
    folder = item.path.parent.name if item.path.parent.name in SLOW_FOLDERS else item.path.parent.parent.name
    rank = SLOW_FOLDERS.index(folder) + 1 if folder in SLOW_FOLDERS else 0
    return item.get_closest_marker("slow") is not None, rank
