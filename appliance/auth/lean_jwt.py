"""The one place that imports PyJWT, without the cryptography package.

`import jwt` also imports what RS256 and ES256 need, X.509 and SSH keys included: a sixth of the server's start. Our
tokens are HS256 only, which needs none of it. The price: this `jwt` can't verify tokens that others have signed.
"""

from __future__ import annotations

import sys

UNUSED = "cryptography"

# Hidden even when it is there already: a box with sealed settings has opened them by now, and would load all the rest.
_hidden = {name: sys.modules.pop(name) for name in [*sys.modules] if name.split(".")[0] == UNUSED}
sys.modules[UNUSED] = None  # type: ignore[assignment]  # the import system's own "not there"
try:
    import jwt
finally:
    del sys.modules[UNUSED]
    sys.modules.update(_hidden)

__all__ = ["jwt"]
