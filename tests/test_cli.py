"""The command line: what it prints, how it fails, and its exit statuses."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from appliance import __version__
from appliance.cli import commands, folder, listening, logs, with_default_command
from appliance.config import OPTIONS, Address, load_config
from appliance.errors import ConfigError, UnsafeFolderError
from tests.oracle import ROOT, own_environment

EMAIL, PASSWORD = "root@example.com", "root-password"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """One command line, run to its end."""
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    environ = {**own_environment(), **variables}
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A server that said with --json that it is ready, and what it said."""
    command = [sys.executable, str(ROOT / "run.py"), "serve", "--json", *arguments]
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own_environment()
    )
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert line, started.communicate(timeout=10)[1]
        yield started, json.loads(line)
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


# What is said and asked


def test_without_a_command_it_serves() -> None:
    assert with_default_command([]) == ["serve"]
    assert with_default_command(["--http", ":1"]) == ["serve", "--http", ":1"]
    assert with_default_command(["--help"]) == ["--help"]
    assert with_default_command(["config"]) == ["config"]


def test_the_version_is_told_in_text_and_json() -> None:
    assert run("--version").stdout == f"homeport {__version__}\n"
    versions = json.loads(run("version", "--json").stdout)
    assert versions["homeport"] == __version__
    assert tuple(map(int, versions["sqlite"].split("."))) >= (3, 51, 3)


def every_command() -> list[list[str]]:
    """The words of every command."""
    found = []
    for command in commands.COMMANDS:
        found.append([str(command.name)])
        found.extend([str(command.name), name] for name in getattr(command, "commands", {}))
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_help_with_examples(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run_command([*words, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"Usage: run.py {' '.join(words)}" in text
    assert f"$ run.py {words[0]}" in text


def test_config_shows_each_option_with_its_source(tmp_path: Path) -> None:
    text = run("config", "--dir", str(tmp_path), HOMEPORT_WORKERS="7", HOMEPORT_WROKERS="8")
    assert all(option.name in text.stdout for option in OPTIONS)
    assert "environment HOMEPORT_WORKERS" in text.stdout
    assert "nothing reads the environment variable HOMEPORT_WROKERS" in text.stderr
    rows = {row["option"]: row for row in json.loads(run("config", "--local", "--json").stdout)}
    assert (rows["local"]["value"], rows["local"]["source"]) == ("true", "flag --local")
    assert rows["http"]["value"] == "127.0.0.1:8090"


def test_routes_and_hooks_are_listed(tmp_path: Path) -> None:
    routes = json.loads(run("routes", "--json").stdout)
    assert {"method": "GET", "path": "/api/health", "who": "anyone", "handler": "api.health.health"} in routes
    assert "record_update" in run("hooks", "--dir", str(tmp_path)).stdout


# How it fails

USAGE = [
    pytest.param(["srve"], "There is no command 'srve'.", "Did you mean run.py serve?", id="a misspelt command"),
    pytest.param(
        ["superuser", "upsrt"], "'upsrt'", "Did you mean run.py superuser upsert?", id="a misspelt subcommand"
    ),
    pytest.param(["quux"], "There is no command 'quux'.", "Commands: serve, superuser", id="no command like it"),
    pytest.param(["config", "--nope"], "--nope", "See run.py config --help.", id="an unknown option"),
    pytest.param(["serve", "--http", "x"], "HOST:PORT", "See run.py serve --help.", id="a wrong address"),
    pytest.param(["superuser", "upsert", "a@b.co"], "PASSWORD", "See run.py superuser", id="a missing argument"),
    pytest.param(["superuser", "upsert", "nobody", "x"], "'nobody' is not an email address", "See", id="no address"),
    pytest.param(["import-pocketbase", "/no/such"], "/no/such", "See run.py import", id="a folder that is not there"),
]


@pytest.mark.parametrize(("arguments", "what", "hint"), USAGE)
def test_wrong_usage_says_what_and_what_to_do(
    arguments: list[str], what: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.run_command(arguments) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert what in answer.err
    assert f"Do this  {hint}" in answer.err


def test_an_error_can_be_read_by_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run_command(["config", "--json", "--config", "/no/such"]) == 3
    error = json.loads(capsys.readouterr().err)
    assert error["exit"] == 3
    assert "/no/such" in error["error"]
    assert error["hint"]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} {ROOT / 'run.py'} routes | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=own_environment(), check=False)
    assert done.stderr == ""


# Administrators


def test_the_life_of_a_superuser(tmp_path: Path) -> None:
    box = ("--dir", str(tmp_path / "box"))
    steps = [
        (("upsert", EMAIL, PASSWORD), 0, f'Successfully saved superuser "{EMAIL}"!'),
        (("upsert", EMAIL, "another-password"), 0, f'Successfully saved superuser "{EMAIL}"!'),
        (("create", EMAIL, PASSWORD), 1, "Failed to create new superuser account: email: Value must be unique."),
        (("create", "two@example.com", "short"), 1, "password: Must be at least 8 character(s)."),
        (("create", "two@example.com", PASSWORD), 0, 'Successfully created new superuser "two@example.com"!'),
        (("update", EMAIL, PASSWORD), 0, f'Successfully changed superuser "{EMAIL}" password!'),
        (("update", "no@example.com", PASSWORD), 1, 'Failed to change superuser "no@example.com" password'),
        (("otp", EMAIL), 1, "OTP auth is not enabled for the _superusers collection."),
        (("otp", "no@example.com"), 1, 'Failed to create OTP for superuser "no@example.com"'),
        (("delete", "two@example.com"), 0, 'Successfully deleted superuser "two@example.com"!'),
        (("delete", "two@example.com"), 0, 'Superuser "two@example.com" is missing or already deleted.'),
        (("delete", EMAIL), 1, "You can't delete the only existing superuser."),
    ]
    for arguments, status, text in steps:
        done = run("superuser", *arguments, *box)
        assert (done.returncode, text in done.stdout + done.stderr) == (status, True), (
            arguments,
            done.stdout,
            done.stderr,
        )


# Serving


def test_a_server_tells_where_it_is_and_stops_cleanly(tmp_path: Path) -> None:
    with serving("--http", "127.0.0.1:0", "--dir", str(tmp_path / "box")) as (started, ready):
        assert httpx.get(f"{ready['url']}/api/health").status_code == 200
        assert len(ready["setup_code"]) == len("K7QM-4TXR")
        assert ready["pid"] == started.pid
        again = run("serve", "--http", "127.0.0.1:0", "--dir", str(tmp_path / "box"))
        assert again.returncode == 6
        assert f"at {ready['url']} (process {started.pid})" in again.stderr
        started.send_signal(signal.SIGTERM)
        assert started.wait(10) == 0
    with serving("--http", "127.0.0.1:0", "--dir", str(tmp_path / "box")) as (started, _):
        started.send_signal(signal.SIGINT)
        assert started.wait(10) == 130


def test_a_superuser_made_beside_a_running_server_can_sign_in_at_once(tmp_path: Path) -> None:
    with serving("--http", "127.0.0.1:0", "--dir", str(tmp_path)) as (_, ready):
        assert run("superuser", "upsert", EMAIL, PASSWORD, "--dir", str(tmp_path)).returncode == 0
        sign_in = {"identity": EMAIL, "password": PASSWORD}
        url = f"{ready['url']}/api/collections/_superusers/auth-with-password"
        assert httpx.post(url, json=sign_in).status_code == 200


def test_a_person_sees_the_front_panel(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "run.py"), "serve", "--http", "127.0.0.1:0", "--dir", str(tmp_path)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own_environment())
    assert started.stdout is not None
    lines = [started.stdout.readline() for _ in range(4)]
    started.send_signal(signal.SIGTERM)
    started.communicate(timeout=10)
    assert lines[0].startswith(f" homeport {__version__} ")
    assert "ready in" in lines[0]
    assert lines[1].startswith(" Dashboard   http://127.0.0.1:")
    assert lines[2].startswith(" Set-up code ")
    assert lines[3].startswith(f" Data        {tmp_path}")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_named_port_that_is_taken_is_refused(taken: int, tmp_path: Path) -> None:
    done = run("serve", "--http", f"127.0.0.1:{taken}", "--dir", str(tmp_path))
    assert done.returncode == 5
    assert f"Port {taken} is taken by another program." in done.stderr


def test_an_unnamed_port_gives_way_and_is_remembered(taken: int, tmp_path: Path) -> None:
    listener, address = listening.listen_nearby(Address("127.0.0.1", taken), tmp_path)
    assert address.port > taken
    listener.close()
    listener, again = listening.listen_nearby(Address("127.0.0.1", 1), tmp_path)
    listener.close()
    assert again == address


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:0 can't be listened on"):
        listening.listen_on(Address("192.0.2.1", 0))


@pytest.mark.skipif(os.name != "posix", reason="addresses of the loopback net beyond 127.0.0.1")
def test_listening_everywhere_reaches_the_loopback() -> None:
    listener = listening.listen_on(Address("0.0.0.0", 0))
    with socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=2):
        listener.close()


# The log


def test_a_line_break_from_a_client_makes_no_line_in_the_log() -> None:
    record = logging.LogRecord("homeport.x", logging.WARNING, "", 0, "odd name %s", ("a\nb\x1b[2J\u2028",), None)
    assert logs.OneLine().format(record).endswith("WARNING homeport.x  odd name a\\x0ab\\x1b[2J\\u2028")


def test_a_stack_trace_is_marked_as_one() -> None:
    try:
        raise ValueError("first\n2026-11-23 00:00:00Z WARNING fake")
    except ValueError:
        record = logging.LogRecord("homeport.x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    lines = logs.OneLine().format(record).split("\n")
    assert lines[0].endswith("failed")
    assert all(line.startswith("    | ") for line in lines[1:])


def test_requests_are_logged_when_asked_for(tmp_path: Path) -> None:
    with serving("--http", "127.0.0.1:0", "--dir", str(tmp_path), "-v") as (started, ready):
        httpx.get(f"{ready['url']}/api/collections")
        started.terminate()
        _, errors = started.communicate(timeout=10)
    assert "homeport.requests  GET '/api/collections'" in errors


# The data folder

SYSTEMS = [
    pytest.param("nfs4", True, id="NFS"),
    pytest.param("cifs", True, id="a Windows share"),
    pytest.param("9p", True, id="9p, as WSL mounts Windows drives"),
    pytest.param("fuse.sshfs", True, id="sshfs"),
    pytest.param("ext4", False, id="ext4"),
    pytest.param("apfs", False, id="APFS"),
]


@pytest.mark.parametrize(("system", "is_refused"), SYSTEMS)
def test_a_database_on_a_network_file_system_is_refused(
    system: str, is_refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = [("/", "ext4"), (str(tmp_path), system)]
    parts = [psutil._ntuples.sdiskpart("dev", mountpoint, fstype, "") for mountpoint, fstype in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: parts)
    box = tmp_path / "box" / "data"
    if not is_refused:
        folder.prepare_folder(box)
        assert box.stat().st_mode & 0o077 == 0
        return
    with pytest.raises(UnsafeFolderError, match=system) as caught:
        folder.prepare_folder(box)
    assert caught.value.exit_code == 3
    assert not box.exists()


def test_the_machines_own_disk_has_a_file_system(tmp_path: Path) -> None:
    assert folder.file_system_of(tmp_path / "not" / "yet")


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can't be made"):
        folder.prepare_folder(tmp_path / "file" / "box")


def test_a_killed_server_frees_its_folder(tmp_path: Path) -> None:
    with serving("--http", "127.0.0.1:0", "--dir", str(tmp_path)) as (started, _):
        started.kill()
        started.wait()
    with serving("--http", "127.0.0.1:0", "--dir", str(tmp_path)) as (_, ready):
        assert httpx.get(f"{ready['url']}/api/health").status_code == 200


# Budgets


def test_health_is_answered_after_at_most_a_second_of_work(tmp_path: Path) -> None:
    """Processor seconds, not seconds: the test run's other workers take their share of the machine's cores."""
    with serving("--http", "127.0.0.1:0", "--dir", str(tmp_path)):
        pass
    assert min(seconds_to_health(tmp_path) for _ in range(3)) <= 1.0


def seconds_to_health(box: Path) -> float:
    """What a start costs up to the first answer, on a data folder that exists."""
    with serving("--http", "127.0.0.1:0", "--dir", str(box)) as (started, ready):
        assert httpx.get(f"{ready['url']}/api/health").status_code == 200
        spent = psutil.Process(started.pid).cpu_times()
        return float(spent.user + spent.system)


def test_an_idle_server_holds_at_most_90_mib(tmp_path: Path) -> None:
    with serving("--http", "127.0.0.1:0", "--dir", str(tmp_path)) as (started, ready):
        httpx.get(f"{ready['url']}/api/health")
        assert psutil.Process(started.pid).memory_info().rss <= 90 * 1024 * 1024


def test_rich_and_the_desktop_window_are_not_loaded_by_a_headless_server(tmp_path: Path) -> None:
    program = (
        "import sys; from appliance.cli import commands, serve; from appliance import wiring; "
        "print([name for name in ('rich', 'rich_click', 'webview', 'pytest') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=own_environment(), check=False
    )
    assert done.stdout == "[]\n", done.stderr


def test_the_default_data_folder_lies_beside_the_program() -> None:
    assert load_config({}, {}).dir == ROOT / "data"
