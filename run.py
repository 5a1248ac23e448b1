"""The door: `python3 run.py` prepares its own environment once, then starts Homeport.

This file must be readable by every Python, old ones included: they get the sentence below, not a stack trace.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "Homeport did not start.\n"
        "  Why      it needs Python 3.11 or newer, and this is Python %d.%d (%s).\n"
        "  Do this  install a newer Python from https://www.python.org/downloads/ (Debian, Ubuntu: apt install\n"
        "           python3 python3-venv) and start run.py with that one, for example: python3.11 run.py"
        % (sys.version_info[:2] + (sys.executable,))
    )

from appliance import environment

if __name__ == "__main__":
    environment.enter("test" if sys.argv[1:2] == ["test"] else "run")
    from appliance import cli

    sys.exit(cli.main(sys.argv[1:]))
