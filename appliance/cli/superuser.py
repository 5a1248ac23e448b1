"""`run.py superuser ...`: administrators from the command line, with the words that PocketBase's users know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from appliance.cli import folder
from appliance.cli.options import Config, examples, json_option, takes
from appliance.cli.terminal import CommandFailed, print_json, say
from appliance.errors import ApiError, NotFound

if TYPE_CHECKING:
    from appliance.core.app import App

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@click.group(
    epilog=examples(
        "run.py superuser upsert me@example.com SECRET    make one, or give it a new password",
        "run.py superuser otp me@example.com              a one-time password",
        "run.py superuser delete me@example.com --dir /srv/box",
    )
)
def superuser() -> None:
    """Make, change and delete administrators."""


def email_argument(function: Any) -> Any:
    """EMAIL, checked for its shape."""
    return click.argument("email", callback=check_email)(function)


def check_email(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """The address, or a usage error."""
    if not EMAIL.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not an email address.")
    return value


@contextmanager
def opened(config: Config) -> Iterator[App]:
    """The app on the data folder, without a server. A server that runs on it may go on running."""
    from appliance import wiring

    folder.prepare_folder(config.dir)
    app = wiring.build(config)
    try:
        yield app
    finally:
        app.close()


@contextmanager
def refused_as(message: str) -> Iterator[None]:
    """Put `message` before what the record's validation says."""
    try:
        yield
    except ApiError as error:
        reasons = "; ".join(f"{name}: {getattr(entry, 'message', entry)}" for name, entry in error.data.items())
        raise CommandFailed(f"{message}: {reasons or error.message}", error.hint) from error


def done(text: str, as_json: bool, **values: str) -> None:
    """Say what has been done."""
    if as_json:
        print_json(values)
        return
    say(text)


@superuser.command(epilog=examples("run.py superuser upsert me@example.com SECRET"))
@email_argument
@click.argument("password")
@takes("dir")
@json_option
def upsert(config: Config, email: str, password: str, as_json: bool) -> None:
    """Create an administrator, or give an existing one a new password."""
    from appliance.auth.superusers import upsert_superuser

    with opened(config) as app, refused_as("Failed to upsert superuser account"):
        record = upsert_superuser(app, email, password)
    done(f'Successfully saved superuser "{email}"!', as_json, id=record.id, email=email)


@superuser.command(epilog=examples("run.py superuser create me@example.com SECRET"))
@email_argument
@click.argument("password")
@takes("dir")
@json_option
def create(config: Config, email: str, password: str, as_json: bool) -> None:
    """Create an administrator."""
    from appliance.auth.superusers import create_superuser

    with opened(config) as app, refused_as("Failed to create new superuser account"):
        record = create_superuser(app, email, password)
    done(f'Successfully created new superuser "{email}"!', as_json, id=record.id, email=email)


@superuser.command(epilog=examples("run.py superuser update me@example.com NEW-SECRET"))
@email_argument
@click.argument("password")
@takes("dir")
@json_option
def update(config: Config, email: str, password: str, as_json: bool) -> None:
    """Give an administrator a new password; sessions with the old one end."""
    from appliance.auth.superusers import update_superuser

    with opened(config) as app, refused_as(f'Failed to change superuser "{email}" password'):
        record = update_superuser(app, email, password)
    done(f'Successfully changed superuser "{email}" password!', as_json, id=record.id, email=email)


@superuser.command(epilog=examples("run.py superuser delete me@example.com"))
@email_argument
@takes("dir")
@json_option
def delete(config: Config, email: str, as_json: bool) -> None:
    """Delete an administrator; the last one stays."""
    from appliance.auth.superusers import delete_superuser

    with opened(config) as app, refused_as(f'Failed to delete superuser "{email}"'):
        try:
            delete_superuser(app, email)
        except NotFound:
            done(f'Superuser "{email}" is missing or already deleted.', as_json, email=email)
            return
    done(f'Successfully deleted superuser "{email}"!', as_json, email=email)


@superuser.command(epilog=examples("run.py superuser otp me@example.com"))
@email_argument
@takes("dir")
@json_option
def otp(config: Config, email: str, as_json: bool) -> None:
    """Make a one-time password, for an administrator who is locked out."""
    from appliance.auth.superusers import new_superuser_otp

    with opened(config) as app, refused_as(f'Failed to create OTP for superuser "{email}"'):
        otp_id, digits, seconds = new_superuser_otp(app, email)
    lines = (f"├─ Id:    {otp_id}", f"├─ Pass:  {digits}", f"└─ Valid: {seconds}s")
    text = "\n".join((f'Successfully created OTP for superuser "{email}":', *lines))
    done(text, as_json, id=otp_id, password=digits, seconds=str(seconds))
