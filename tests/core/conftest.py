"""One read-only seeded world for all tests of core; tests that write open their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.core.records_world import World, open_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world. Leave it as it is."""
    with open_world(tmp_path_factory.mktemp("world")) as opened:
        yield opened
