"""A TLS connection that looks like a plain non-blocking socket: to the loop's channels and to the realtime hub.

What TLS adds is kept in here:

    two threads     a worker may send while the loop reads; OpenSSL allows one at a time, so a lock
    wants           "nothing yet" from TLS is the plain socket's BlockingIOError, never an error that closes
    records         what is left of a record that was read in part no selector tells of: `recv` takes whole ones
    end             a close_notify before the connection closes, so that a client knows nothing was cut off
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
from typing import Any, Final, cast

from appliance.http.channel import Channel

RECORD_BYTES: Final = 16 * 1024  # the longest (RFC 8446 5.1)
SEND_BYTES: Final = 4 * RECORD_BYTES  # in one call, which OpenSSL would end after each record
NOT_YET: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class TlsSocket(ssl.SSLSocket):
    """A server's side. Made by `wrap`."""

    lock: threading.Lock
    is_whole = True  # until `shutdown`: what comes from then on is read as it is, and thrown away

    def recv(self, buflen: int = RECORD_BYTES, flags: int = 0) -> bytes:
        """What has come: a whole record, also beyond `buflen`. Raises BlockingIOError when nothing has."""
        with self.lock:
            try:
                return self.read(RECORD_BYTES) if self.is_whole else super().recv(buflen)
            except NOT_YET:
                raise BlockingIOError(errno.EWOULDBLOCK, "no whole record yet") from None

    def send(self, data: Any, flags: int = 0) -> int:
        """Send as much as the connection takes; the number of bytes. Raises BlockingIOError when it takes none."""
        if not data:
            return 0
        with self.lock:
            try:
                return self.write(data) if len(data) <= RECORD_BYTES else self._send_records(data)
            except NOT_YET:
                raise BlockingIOError(errno.EWOULDBLOCK, "the connection takes nothing more") from None

    def _send_records(self, data: Any) -> int:
        view = memoryview(data)[:SEND_BYTES]
        sent = self.write(view)
        with contextlib.suppress(*NOT_YET):
            while sent < len(view):
                sent += self.write(view[sent:])
        return sent

    def shutdown(self, how: int) -> None:
        """Say that nothing more comes."""
        with self.lock:
            self._say_goodbye()
            self.is_whole = False
            super().shutdown(how)

    def close(self) -> None:
        """Say that nothing more comes, as far as the client takes it, and close."""
        with self.lock:
            self._say_goodbye()
            super().close()

    def _say_goodbye(self) -> None:
        """close_notify, without waiting for the client's own."""
        with contextlib.suppress(OSError, ValueError):
            self.unwrap()


def wrap(sock: socket.socket, context: ssl.SSLContext) -> TlsSocket:
    """The server's side of a new connection. Its handshake is still to be made (handshakes.py)."""
    context.sslsocket_class = TlsSocket
    sock.setblocking(False)
    wrapped = cast(TlsSocket, context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False))
    wrapped.lock = threading.Lock()
    return wrapped


class TlsChannel(Channel):
    """A channel on such a socket."""

    socket: TlsSocket

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sendbuf_len = SEND_BYTES  # waitress reads so much from its buffers for each send

    def recv(self, buffer_size: int) -> bytes:
        """What has come, b"" when that is nothing yet; the client's end closes the channel."""
        try:
            return bytes(super().recv(buffer_size))
        except BlockingIOError:
            return b""
