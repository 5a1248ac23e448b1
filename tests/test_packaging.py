"""The wheel holds everything that the program needs, and its command works from anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.oracle import ROOT, refuse_or_skip
from tests.test_run import base_python, clean_environ

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from a copy as git knows it."""
    source = tmp_path_factory.mktemp("source")
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if files.returncode != 0:
        refuse_or_skip("not a git checkout: what belongs into the wheel is not known")
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    folder = tmp_path_factory.mktemp("wheel")
    command = [base_python(), "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    environ = clean_environ()
    del environ["PIP_NO_INDEX"]
    run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode != 0 and "No matching distribution found for setuptools" in run.stderr:
        refuse_or_skip(f"setuptools can't be fetched:\n{run.stderr}")
    assert run.returncode == 0, run.stderr
    return next(folder.glob("homeport-*.whl"))


def test_the_wheel_holds_every_file_of_the_program(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "appliance", "dashboard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = {name for name in tracked.stdout.splitlines() if (ROOT / name).is_file()}
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def homeport(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed command, in an environment that borrows this one's packages."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([base_python(), "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [base_python(), "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(command, env=clean_environ(), check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "homeport"


@pytest.mark.skipif(os.name != "posix", reason="paths of a POSIX environment")
def test_the_installed_command_serves_with_its_data_in_the_users_own_place(homeport: Path, tmp_path: Path) -> None:
    environ = clean_environ(XDG_DATA_HOME=str(tmp_path / "share"))
    command = [str(homeport), "serve", "--json", "--http", "127.0.0.1:0"]
    started = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        ready = json.loads(started.stdout.readline())
        assert ready["dir"] == str(tmp_path / "share" / "homeport")
        assert httpx.get(f"{ready['url']}/api/health").status_code == 200
        assert httpx.get(f"{ready['dashboard']}setup").status_code == 200
    finally:
        started.terminate()
        started.wait(10)


def test_the_installed_command_has_no_commands_for_developers(homeport: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [str(homeport), "--help"], cwd=tmp_path, env=clean_environ(), capture_output=True, text=True, check=True
    )
    assert "Usage: homeport" in run.stdout
    assert "docs/reference" not in run.stdout
    assert sys.executable not in run.stdout
