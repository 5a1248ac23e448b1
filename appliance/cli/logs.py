"""What the running server writes to stderr: one line an event, and nothing that a client could make look like one.

Threat: a path or a name with a line break in it writes log lines of its own. So control characters are escaped, and
the lines of a stack trace are marked as such.
"""

from __future__ import annotations

import logging
import sys
import time

LINE = "%(asctime)s %(levelname)-7s %(name)s  %(message)s"
LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


class OneLine(logging.Formatter):
    """Formats a record as one line; a stack trace follows in marked lines."""

    converter = time.gmtime  # type: ignore[assignment]  # a C function: it does not bind, so it needs no self

    def __init__(self) -> None:
        super().__init__(LINE, "%Y-%m-%d %H:%M:%SZ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line, control characters escaped."""
        return super().formatMessage(record).translate(ESCAPES)

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's own name
        """The stack trace, each line marked and escaped."""
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(f"    | {line.translate(ESCAPES)}" for line in text.split("\n"))


def set_up_logging(verbose: int, quiet: bool) -> None:
    """Write to stderr: warnings; with `verbose` 1 each request too, with 2 everything; errors only when `quiet`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.ERROR if quiet else LEVELS[min(verbose, 2)])
