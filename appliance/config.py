"""Every option of the program: one table, read once, then frozen.

    a flag  >  an environment variable HOMEPORT_*  >  homeport.toml  >  the default

homeport.toml lies in the data folder, or where --config (HOMEPORT_CONFIG) says; its keys are the options' names.
What an administrator changes while the server runs (mail, limits, secrets) is not here but in the settings store.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.errors import ConfigError

FILE_NAME = "homeport.toml"
DEFAULT_PORT = 8090
FULL = "full"
NORMAL = "normal"
NOT_OPTIONS = frozenset({"HOMEPORT_PYTHON_ENV", "HOMEPORT_ENTERED"})


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port to listen on. An IPv6 host is kept without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_everywhere(self) -> bool:
        """Whether it listens on all of the machine's addresses."""
        return self.host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound


def read_text(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text that is not empty")
    return value.strip()


def read_folder(value: Any) -> Path:
    """A folder, made absolute; `~` is the user's home."""
    return Path(read_text(value)).expanduser().absolute()


def read_path(value: Any) -> Path | None:
    """A file, made absolute; `~` is the user's home. None without one."""
    return read_folder(value) if value else None


def read_address(value: Any) -> Address:
    """HOST:PORT, [IPv6]:PORT, :PORT or PORT. Without a host: all addresses."""
    host, _, port = str(value).strip().rpartition(":")
    if not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise ValueError("HOST:PORT, for example 127.0.0.1:8090")
    return Address(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104 - phones on the LAN must reach it


def read_switch(value: Any) -> bool:
    """True or false; from the environment also 1, 0, yes, no, on and off."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    known = words.get(str(value).strip().lower())
    if known is None:
        raise ValueError("true or false")
    return known


def read_count(value: Any) -> int:
    """A whole number from 1 to 1000."""
    if isinstance(value, bool) or not str(value).strip().isdecimal() or not 1 <= int(value) <= 1000:
        raise ValueError("a whole number from 1 to 1000")
    return int(value)


def read_durability(value: Any) -> str:
    """full or normal."""
    word = str(value).strip().lower()
    if word not in (FULL, NORMAL):
        raise ValueError("full or normal")
    return word


def read_list(value: Any) -> tuple[str, ...]:
    """Texts: a list in the file, comma-separated elsewhere."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError("texts, separated by commas")
    return tuple(part.strip() for part in parts if part.strip())


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table. `read` turns a flag's, variable's or file's value into the option's type, or says
    with ValueError what it expects. `placeholder` is empty for a switch."""

    name: str
    read: Callable[[Any], Any]
    default: str
    help: str
    placeholder: str = ""
    is_secret: bool = False

    @property
    def flag(self) -> str:
        """`--name`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """`HOMEPORT_NAME`."""
        return f"HOMEPORT_{self.name.upper()}"


OPTIONS: tuple[Option, ...] = (
    Option("dir", read_folder, "", "The data folder: database, uploads, keys. Made at the first start.", "DIR"),
    Option(
        "http",
        read_address,
        f"0.0.0.0:{DEFAULT_PORT}",
        "Where to listen. The default reaches phones on the LAN.",
        "HOST:PORT",
    ),
    Option("local", read_switch, "false", "Listen on this machine only (127.0.0.1)."),
    Option("headless", read_switch, "false", "Never open a window or a browser."),
    Option("origins", read_list, "*", "Web origins that may call the API from a browser (CORS).", "LIST"),
    Option("hosts", read_list, "", "More names under which this server may be addressed, besides its own.", "LIST"),
    Option("tls_cert", read_path, "", "A certificate with its chain, PEM: the server then speaks HTTPS only.", "FILE"),
    Option("tls_key", read_path, "", "The certificate's key, PEM, without a passphrase.", "FILE"),
    Option("workers", read_count, "4", "Threads for requests that are not answered in the network loop.", "N"),
    Option(
        "durability",
        read_durability,
        FULL,
        "full: what was answered is on the disk. normal: faster, but a power cut may lose the last answered writes.",
        "full|normal",
    ),
)
BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, slots=True)
class Config:
    """The options' values, in the table's order, and `sources`: where each came from."""

    dir: Path
    http: Address
    local: bool
    headless: bool
    origins: tuple[str, ...]
    hosts: tuple[str, ...]
    tls_cert: Path | None
    tls_key: Path | None
    workers: int
    durability: str
    sources: Mapping[str, str]

    @property
    def has_chosen_port(self) -> bool:
        """Whether somebody named the port; only an unnamed one may give way to the next free one."""
        return self.sources["http"] != "default"


def load_config(flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read flags, environment and file once. `flags` has the options that were given, by name; `config` is the file's.

    Raises ConfigError naming the option, its source and what is expected.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    folder, sources["dir"] = read_option(BY_NAME["dir"], given, environ, {}, "")
    path = find_file(folder, given, environ)
    from_file = read_file(path)
    for option in OPTIONS:
        values[option.name], sources[option.name] = read_option(option, given, environ, from_file, str(path))
    if (values["tls_cert"] is None) != (values["tls_key"] is None):
        raise ConfigError("--tls-cert and --tls-key belong together; one is missing.", "Name both, or none for HTTP.")
    if values["local"]:
        values["http"] = Address("127.0.0.1", values["http"].port)
    return Config(**values, sources=sources)


def read_option(
    option: Option, flags: Mapping[str, Any], environ: Mapping[str, str], from_file: Mapping[str, Any], file_name: str
) -> tuple[Any, str]:
    """The value of one option and its source, from the strongest place that names it."""
    value, source = find_value(option, flags, environ, from_file, file_name)
    if source == "default" and option.name == "dir":
        return default_folder(), source
    if source == "default" and not value:
        return option.read([]), source
    try:
        return option.read(value), source
    except ValueError as error:
        message = f"{option.name} is {value!r} ({source}), but it must be {error}."
        raise ConfigError(message, f"Correct or remove it. {option.flag}: {option.help}") from error


def find_value(
    option: Option, flags: Mapping[str, Any], environ: Mapping[str, str], from_file: Mapping[str, Any], file_name: str
) -> tuple[Any, str]:
    """The unread value of one option and its source."""
    if option.name in flags:
        return flags[option.name], f"flag {option.flag}"
    if environ.get(option.variable, "") != "":
        return environ[option.variable], f"environment {option.variable}"
    if option.name in from_file:
        return from_file[option.name], f"file {file_name}"
    return option.default, "default"


def find_file(folder: Path, flags: Mapping[str, Any], environ: Mapping[str, str]) -> Path:
    """Where the file is: as told, else in the data folder. A file that was named must be there."""
    named = flags.get("config") or environ.get("HOMEPORT_CONFIG", "")
    if not named:
        return folder / FILE_NAME
    path = Path(named).expanduser().absolute()
    if not path.is_file():
        raise ConfigError(f"There is no configuration file {path}.", "Correct --config or HOMEPORT_CONFIG.")
    return path


def read_file(path: Path) -> dict[str, Any]:
    """The file's keys and values; empty when there is no file. Unknown keys are refused: they are misspellings."""
    if not path.exists():
        return {}
    import tomllib

    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} can't be read: {error}.", "Correct the file; it is TOML: http = '0.0.0.0:80'"
        ) from error
    for name in found:
        if name not in BY_NAME:
            raise unknown_key(path, name)
    return found


def unknown_key(path: Path, name: str) -> ConfigError:
    """An error that offers the nearest known key."""
    import difflib

    near = difflib.get_close_matches(name, BY_NAME, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known options: {', '.join(BY_NAME)}."
    return ConfigError(f"{path} has an unknown option {name!r}.", hint)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """HOMEPORT_* variables that no option reads: most likely misspelt."""
    known = {option.variable for option in OPTIONS} | NOT_OPTIONS | {"HOMEPORT_CONFIG"}
    return sorted(name for name in environ if name.startswith("HOMEPORT_") and name not in known)


def default_folder() -> Path:
    """`data/` beside run.py in a checkout; for an installed program the system's place for a user's data."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "run.py").is_file():
        return checkout / "data"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser() / "Homeport"
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/Homeport").expanduser()
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "homeport"


def shown(config: Config) -> list[dict[str, str]]:
    """What `run.py config` prints: option, value, source and help; secrets are only said to be set."""
    return [
        {
            "option": option.name,
            "value": "(set)"
            if option.is_secret and getattr(config, option.name)
            else as_text(getattr(config, option.name)),
            "source": config.sources[option.name],
            "flag": option.flag,
            "variable": option.variable,
            "help": option.help,
        }
        for option in OPTIONS
    ]


def as_text(value: Any) -> str:
    """A value as one would write it in a flag."""
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
