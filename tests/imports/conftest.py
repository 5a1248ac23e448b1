"""One PocketBase folder, filled once, and an empty target for each test."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.config import Config, load_config
from tests.imports.filled import Filled, fill
from tests.imports.folders import KEY, connect


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return fill(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def target(tmp_path: Path) -> Config:
    folder = tmp_path / "target"
    folder.mkdir()
    return load_config({"dir": str(folder)}, {})


@pytest.fixture
def encrypted(filled: Filled, tmp_path: Path) -> Path:
    source = filled.copy(tmp_path / "source")
    with connect(source / "data.db") as database:
        ((plain,),) = database.execute("SELECT value FROM _params WHERE id = 'settings'").fetchall()
        nonce = os.urandom(12)
        text = plain if isinstance(plain, bytes) else plain.encode()
        sealed = base64.b64encode(nonce + AESGCM(KEY.encode()).encrypt(nonce, text, None)).decode()
        database.execute("UPDATE _params SET value = ? WHERE id = 'settings'", (sealed,))
    return source
