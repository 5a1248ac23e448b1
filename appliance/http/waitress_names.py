"""The one list of what we touch inside waitress 3.0.2. tests/http/test_waitress_names.py holds it against the package.

A new waitress: read its changes to these, run tests/http, then change VERSION.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "3.0.2"

NAMES: Final = {
    "waitress.adjustments:Adjustments": ("connection_limit", "inbuf_overflow", "url_scheme", "channel_timeout"),
    "waitress.buffers:OverflowableBuffer": ("append", "get", "getfile", "close", "__len__"),
    "waitress.buffers:ReadOnlyFileBasedBuffer": ("file", "prepare"),
    "waitress.channel:HTTPChannel": (
        "add_channel", "del_channel", "handle_close", "handle_read", "readable", "received", "service",
        "writable", "write_soon", "will_close", "close_when_flushed", "total_outbufs_len", "current_outbuf_count",
        "request", "sendbuf_len", "send_continue", "sent_continue", "parser_class", "task_class", "error_task_class",
    ),
    "waitress.parser:HTTPRequestParser": (
        "received", "parse_header", "get_body_stream", "close", "completed", "empty", "error", "expect_continue",
        "headers_finished", "header_plus", "chunked", "content_length", "body_bytes_received", "body_rcv", "version",
        "connection_close",
    ),
    "waitress.receiver:FixedStreamReceiver": ("received", "getfile", "getbuf", "completed", "error"),
    "waitress.server:BaseWSGIServer": ("active_channels", "task_dispatcher"),
    "waitress.server:TcpWSGIServer": (
        "accept", "accept_connections", "add_task", "channel_class", "handle_accept", "maintenance",
        "next_channel_cleanup", "pull_trigger", "readable", "set_socket_options", "fix_addr",
    ),
    "waitress.task:WSGITask": ("execute", "finish", "build_response_header", "set_close_on_finish", "wrote_header",
                               "chunked_response", "close_on_finish", "get_environment", "service", "start_time"),
    "waitress.task:ErrorTask": ("execute",),
    "waitress.task:ThreadedTaskDispatcher": (
        "set_thread_count", "add_task", "shutdown", "queue", "lock", "threads", "active_count",
    ),
    "waitress.wasyncore:dispatcher": (
        "accepting", "connected", "recv", "send", "handle_read_event", "handle_write_event", "close",
    ),
}  # fmt: skip

INSTANCE_NAMES: Final = ("requests", "requests_lock", "outbufs", "outbuf_lock", "addr", "server", "adj", "_fileno")
"""Set by HTTPChannel.__init__."""
