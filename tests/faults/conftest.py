"""One library for all tests of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.shim import Shim, ground_in_memory, require_shim


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return require_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def ground() -> Iterator[Path]:
    with ground_in_memory() as folder:
        yield folder


@pytest.fixture
def shim(ground: Path, library: Path) -> Shim:
    return Shim(library, ground)
