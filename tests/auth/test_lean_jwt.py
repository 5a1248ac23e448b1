"""Tokens are signed and read without loading what other algorithms need."""

from __future__ import annotations

import subprocess
import sys

from tests.oracle import own_environment

PROGRAM = """
import sys
from appliance.auth.lean_jwt import jwt
token = jwt.encode({"id": "x"}, "k" * 32, algorithm="HS256")
assert jwt.decode(token, "k" * 32, algorithms=["HS256"]) == {"id": "x"}
print("cryptography" in sys.modules)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
"""


def test_hs256_works_without_the_cryptography_package_which_others_can_still_import() -> None:
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, capture_output=True, text=True, env=own_environment(), check=False)
    assert run.stdout == "False\n", run.stderr
