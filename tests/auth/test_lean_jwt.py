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


AFTER_SEALED_SETTINGS = """
import sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
before = set(sys.modules)
from appliance.auth.lean_jwt import jwt
assert jwt.decode(jwt.encode({}, "k" * 32, "HS256"), "k" * 32, algorithms=["HS256"]) == {}
print([name for name in set(sys.modules) - before if name.startswith("cryptography")])
from cryptography.hazmat.primitives.ciphers import aead
assert aead.AESGCM is AESGCM
"""


def test_hs256_works_without_the_cryptography_package_which_others_can_still_import() -> None:
    assert output_of(PROGRAM) == "False\n"


def test_what_others_have_loaded_of_cryptography_stays_theirs_and_nothing_is_added() -> None:
    assert output_of(AFTER_SEALED_SETTINGS) == "[]\n"


def output_of(program: str) -> str:
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, env=own_environment(), check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout
