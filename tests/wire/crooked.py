"""A proxy that spoils answers on purpose: the control that proves that the comparison sees differences."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.oracle import Server


@dataclass(frozen=True)
class Reply:
    """An answer on its way through the proxy."""

    status: int
    content_type: str
    body: bytes

    def with_json(self, change: Callable[[Any], Any]) -> Reply:
        """The same answer with its JSON body changed; other bodies pass as they are."""
        if "json" not in self.content_type:
            return self
        return replace(self, body=json.dumps(change(json.loads(self.body))).encode())


Spoil = Callable[[Reply], Reply]


class CrookedProxy:
    """Passes requests on to a server; `spoil` may change each answer."""

    def __init__(self, server: Server) -> None:
        self.spoil: Spoil = lambda reply: reply
        self._client = httpx.Client(base_url=server.url, timeout=20)
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        url = f"http://127.0.0.1:{self._listener.server_address[1]}"
        self.server = Server("crooked", url, server.email, server.password)

    @contextmanager
    def running(self) -> Iterator[CrookedProxy]:
        """Serve on a thread until the block ends."""
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self._listener.shutdown()
            self._listener.server_close()
            self._client.close()

    def pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """One request to the real server, its answer spoilt."""
        kept = {name: value for name, value in headers.items() if name.lower() in {"authorization", "content-type"}}
        answer = self._client.request(method, path, headers=kept, content=body)
        return self.spoil(Reply(answer.status_code, answer.headers.get("Content-Type", ""), answer.content))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reply = proxy.pass_on(self.command, self.path, dict(self.headers), body)
                self.send_response(reply.status)
                if reply.content_type:
                    self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815  the base class's names

            def log_message(self, *words: object) -> None:
                """Stay quiet."""

        return Handler
