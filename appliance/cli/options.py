"""Click options made from the one table of options, and what every command shares."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from appliance.config import BY_NAME, Config, Option, load_config

Function = TypeVar("Function", bound=Callable[..., Any])
SHORT_NAMES = {"dir": ("--data",)}


class OptionValue(click.ParamType[Any]):
    """A flag's value, checked by the table's own reader, so that a wrong one is a usage error."""

    def __init__(self, option: Option) -> None:
        self.option = option
        self.name = option.placeholder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value as it was given; reading it is load_config's task."""
        try:
            self.option.read(value)
        except ValueError as error:
            self.fail(f"{value!r} is not {error}.", param, ctx)
        return value


def takes(*names: str) -> Callable[[Function], Function]:
    """Give a command the named options of the table and `--config`; it gets one argument, `config`."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def with_config(**parameters: Any) -> Any:
            flags = {name: parameters.pop(name) for name in (*names, "config_file")}
            flags["config"] = flags.pop("config_file")
            return function(config=load_config(flags), **parameters)

        command: Any = with_config
        for name in reversed(names):
            command = table_option(BY_NAME[name])(command)
        return config_file_option(command)  # type: ignore[no-any-return]

    return decorate


def table_option(option: Option) -> Callable[[Function], Function]:
    """One row of the table as a click option; None when the flag was not given."""
    names = (option.flag, *SHORT_NAMES.get(option.name, ()), option.name)
    text = f"{option.help} [{option.variable}]"
    if not option.placeholder:
        return click.option(*names, is_flag=True, default=None, help=text)
    return click.option(*names, type=OptionValue(option), metavar=option.placeholder, default=None, help=text)


config_file_option = click.option(
    "--config", "config_file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), default=None,
    help="The configuration file; without it homeport.toml in the data folder. [HOMEPORT_CONFIG]",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
verbose_option = click.option("-v", "--verbose", count=True, help="Log every request; twice: everything.")


def examples(*lines: str) -> str:
    """A command's epilog: its examples, one a line. rich-click keeps only lines with an empty one between them."""
    shown = ["Examples:", *(f"$ {line}" for line in lines)]
    return "\n\n".join(shown) if "rich_click.patch" in sys.modules else "\b\n" + "\n".join(shown)


__all__ = ["Config", "config_file_option", "examples", "json_option", "quiet_option", "takes", "verbose_option"]
