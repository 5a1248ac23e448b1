"""Updates at an even pace while something else is measured. Started by bench.generators.

{"url", "rows", "per_second"}: one connection; each update changes one post, all equally likely.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from random import Random

from bench.calls import update
from bench.lines import Answers, address_of, connect, options, say, was_told
from bench.world import World


def read_answer(sock: socket.socket) -> int:
    """The status of the next answer, read to its end. Raises ConnectionError when there is none."""
    answers = Answers()
    while not (statuses := answers.feed(received := sock.recv(65536))):
        if not received:
            raise ConnectionError("the server closed the connection")
    return statuses[0]


def main() -> None:
    """Write until the program says to end."""
    given = options()
    world, random = World(Path(), given["rows"]), Random("writer")
    host, port = address_of(given["url"])
    sock = connect((host, port))
    say(started=True)
    sent, begin = 0, time.monotonic()
    while was_told(max(0.0, begin + sent / given["per_second"] - time.monotonic())) is None:
        sock.sendall(update(world, random).encode(f"{host}:{port}"))
        if read_answer(sock) != 200:
            raise SystemExit("an update was refused")
        sent += 1


if __name__ == "__main__":
    main()
