"""What PocketBase 0.23 to 0.39 stored otherwise than 0.40 does, noted from 0.23.1, 0.30.0 and 0.36.9."""

from __future__ import annotations

from pathlib import Path

from appliance.config import Config
from appliance.imports.pocketbase import import_pocketbase
from tests.boxes import open_box
from tests.imports.filled import Filled
from tests.imports.folders import change


def test_a_null_for_no_providers_is_answered_as_an_empty_list(filled: Filled, target: Config, tmp_path: Path) -> None:
    source = filled.copy(tmp_path / "source")
    change(
        source, "UPDATE _collections SET options = json_set(options, '$.oauth2.providers', NULL) WHERE type = 'auth'"
    )
    import_pocketbase(source, target)
    with open_box(target.dir) as app:
        assert app.collections.get("drivers").as_json()["oauth2"]["providers"] == []


def test_fields_without_the_later_options_are_read(filled: Filled, target: Config, tmp_path: Path) -> None:
    source = filled.copy(tmp_path / "source")
    change(source, "UPDATE _collections SET fields = replace(fields, '\"help\":\"\",', '')")
    change(source, "DELETE FROM _migrations WHERE file LIKE '1763020353%' OR file LIKE '1778828400%'")
    import_pocketbase(source, target)
    with open_box(target.dir) as app:
        assert app.collections.get("notes").as_json()["fields"][0]["help"] == ""
