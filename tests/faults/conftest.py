"""One library for all tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.shim import require_shim


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return require_shim(tmp_path_factory.mktemp("shim"))
