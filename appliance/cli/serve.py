"""`run.py serve`: hold the data folder, listen, build the app, say where it is, and wait for the end."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance import __version__, clock
from appliance.cli import folder
from appliance.cli.listening import lan_address, listen
from appliance.cli.logs import set_up_logging
from appliance.cli.options import Config, examples, json_option, quiet_option, takes, verbose_option
from appliance.cli.terminal import say, warn_of_unknown_variables
from appliance.config import NORMAL, Address

if TYPE_CHECKING:
    from appliance.http.certificates import Certificate

STOP_SIGNALS = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if (number := getattr(signal, name, None)) is not None
)
STOP_SECONDS = 10


@click.command(
    epilog=examples(
        "run.py serve                                    every address, port 8090, data in data/",
        "run.py serve --local                            this machine only",
        "run.py serve --http 0.0.0.0:80 --dir /srv/box   another port and data folder",
        "run.py serve --json                             one line of JSON when ready",
        "run.py serve -v                                 log every request",
    )
)
@takes("http", "dir", "local", "headless", "origins", "hosts", "tls_cert", "tls_key", "workers", "durability")
@quiet_option
@verbose_option
@json_option
def serve(config: Config, quiet: bool, verbose: int, as_json: bool) -> int:
    """Serve the API and the dashboard (what `run.py` does by itself)."""
    set_up_logging(verbose, quiet)
    warn_of_unknown_variables()
    warn_of_normal_durability(config)
    folder.prepare_folder(config.dir)
    with folder.held(config.dir):
        certificate = load_certificate(config)
        listener, address = listen(config)
        from appliance import wiring  # takes half a second; what is refused above shows at once

        app = wiring.build(config)
        server = wiring.start(app, listener, certificate)
        gc.freeze()  # what is there by now stays: looking through it would hold everybody up for 30 ms, again and again
        ready = Ready(config, address, app.first_run.code())
        folder.write_running(config.dir, ready.url)
        if as_json:
            click.echo(ready.as_json())
        elif not quiet:
            ready.show()
        with stop_signals() as wait:
            open_dashboard(config, ready.dashboard)
            received = wait()
        end_in_time()
        server.stop()
    return 130 if received == signal.SIGINT else 0


def load_certificate(config: Config) -> Certificate | None:
    """The certificate, where one is named. Raises ConfigError."""
    if config.tls_cert is None or config.tls_key is None:
        return None
    from appliance.http.certificates import Certificate  # what speaks plain HTTP pays nothing for it

    return Certificate(config.tls_cert, config.tls_key)


def warn_of_normal_durability(config: Config) -> None:
    """Say what is risked."""
    if config.durability == NORMAL:
        click.echo(
            "Warning: durability is normal. A power cut may lose writes of the last half minute or so that were"
            " answered; it damages nothing. --durability full keeps them.",
            err=True,
        )


class Ready:
    """What a ready server says about itself."""

    def __init__(self, config: Config, address: Address, setup_code: str) -> None:
        self.config = config
        self.setup_code = f"{setup_code[:4]}-{setup_code[4:]}" if setup_code else ""
        self.seconds = seconds_since_start()
        self.port = address.port
        self.gave_way = not config.has_chosen_port and address.port != config.http.port
        local_host = "127.0.0.1" if address.is_everywhere else address.host
        scheme = "https" if config.tls_cert else "http"
        self.url = f"{scheme}://{Address(local_host, address.port)}"
        lan_host = lan_address() if address.is_everywhere else ""
        self.lan_url = f"{scheme}://{Address(lan_host, address.port)}" if lan_host else ""
        self.dashboard = f"{self.url}/_/"

    def as_json(self) -> str:
        """One line for programs."""
        import json

        return json.dumps(
            {
                "url": self.url,
                "lan_url": self.lan_url,
                "dashboard": self.dashboard,
                "setup_code": self.setup_code,
                "dir": str(self.config.dir),
                "pid": os.getpid(),
                "ready_seconds": self.seconds,
            }
        )

    def show(self) -> None:
        """The front panel for a person."""
        name = f"homeport {__version__}"
        say(f" {click.style(name, bold=True)}{' ' * (49 - len(name))}ready in {self.seconds:.1f} s")
        if self.gave_way:
            say(f" Port {self.config.http.port} was taken by another program, so this box stays on {self.port}.")
        say(f" Dashboard   {click.style(self.dashboard, fg='cyan')}")
        if self.lan_url:
            say(f" On the LAN  {click.style(self.lan_url, fg='cyan')}")
        if self.setup_code:
            say(f" Set-up code {click.style(self.setup_code, bold=True)}   (no admin yet: open the dashboard)")
        say(f" Data        {short_path(self.config.dir)}   {disk_used(self.config.dir)} disk used     Ctrl+C stops")
        sys.stdout.flush()


def seconds_since_start() -> float:
    """How long ago the system started this process, rounded to milliseconds."""
    return round(max(seconds_by_proc() or seconds_by_psutil(), 0.0), 3)


def seconds_by_proc() -> float:
    """Linux: the clock since boot, less this process's start on the same clock. 0 where there is no such thing.

    psutil knows the boot only to the second, and so would be wrong by up to one.
    """
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return 0.0


def seconds_by_psutil() -> float:
    """Elsewhere the start is known well enough."""
    import psutil

    started = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    return (clock.now() - started).total_seconds()


def short_path(path: Path) -> str:
    """The path with `~` for the user's home."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)


def disk_used(path: Path) -> str:
    """How full the disk is that holds `path`."""
    usage = shutil.disk_usage(path)
    return f"{100 * (usage.total - usage.free) // usage.total} %"


@contextmanager
def stop_signals() -> Iterator[Any]:
    """Yield a function that waits for Ctrl+C or a stop signal and returns its number. A second one ends at once."""
    received: list[int] = []
    wake = threading.Event()

    def note(number: int, _frame: object) -> None:
        if received:
            os._exit(130)
        received.append(number)
        wake.set()

    for number in STOP_SIGNALS:
        signal.signal(number, note)

    def wait() -> int:
        while not wake.wait(1 if os.name == "nt" else None):  # Windows delivers Ctrl+C only between waits
            continue
        return received[0]

    yield wait


def end_in_time() -> None:
    """A stop that hangs all the same ends by itself: a supervisor would kill it a little later."""

    def end() -> None:
        logging.getLogger("homeport").error("The server did not stop within %d s and ends now.", STOP_SECONDS)
        os._exit(1)

    timer = threading.Timer(STOP_SECONDS, end)
    timer.daemon = True
    timer.start()


def open_dashboard(config: Config, url: str) -> None:
    """Open the browser for a person at this machine's screen; nobody else wants one."""
    if config.headless or not sys.stdout.isatty() or not has_screen():
        return
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def has_screen() -> bool:
    """Whether a window could be shown here."""
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
