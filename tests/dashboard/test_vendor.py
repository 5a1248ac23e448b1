"""Nothing lies among the vendored files that the manifest does not name, with its licence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[2] / "dashboard" / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "MANIFEST.json").read_text(encoding="utf-8"))


def test_the_manifest_names_every_file_and_nothing_else() -> None:
    assert {path.name for path in VENDOR.iterdir()} == {*MANIFEST, "MANIFEST.json"}


@pytest.mark.parametrize("name", MANIFEST)
def test_a_vendored_file_is_unchanged(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == MANIFEST[name]["sha256"]


def test_every_vendored_package_brings_its_licence() -> None:
    licensed = {row["package"] for name, row in MANIFEST.items() if name.startswith("LICENSE-")}
    assert {row["package"] for row in MANIFEST.values()} == licensed
