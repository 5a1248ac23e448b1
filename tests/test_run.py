"""run.py makes its environment once, whole, and gets out of the way.

Most tests run a small checkout whose lock holds one package, the wheel that lies in packaging/wheels: a real set-up
without a network. The last one sets up the real thing.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.oracle import refuse_or_skip

ROOT = Path(__file__).resolve().parent.parent
WHEEL_HASH = "7c769036ef7234461337ad3e12d2eb056af5f9400635d1c14a479995b5c229ea"
LOCK = f"proxy-tools==0.1.0 \\\n    --hash=sha256:{WHEEL_HASH}\n"
MAIN = "import sys\n\ndef main(argv):\n    print('ran in', sys.prefix, argv)\n    return 7\n"


class Checkout:
    """A small copy of the program in a folder of its own."""

    def __init__(self, folder: Path, lock: str = LOCK) -> None:
        self.folder = folder
        (folder / "appliance" / "cli").mkdir(parents=True)
        (folder / "packaging" / "locks").mkdir(parents=True)
        shutil.copy(ROOT / "run.py", folder)
        for name in ("__init__.py", "environment.py", "installer.py"):
            shutil.copy(ROOT / "appliance" / name, folder / "appliance")
        shutil.copytree(ROOT / "packaging" / "wheels", folder / "packaging" / "wheels")
        (folder / "appliance" / "cli" / "__init__.py").write_text(MAIN)
        self.set_lock(lock)

    def set_lock(self, lock: str) -> None:
        """Change the lock file."""
        (self.folder / "packaging" / "locks" / "run.lock").write_text(lock)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """`python3 run.py ARGUMENTS` with the Python that a user would have, not the tests' environment."""
        command = [base_python(), str(self.folder / "run.py"), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, text=True, env=clean_environ(**variables), **pipes)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Start it and wait for its end."""
        started = self.start(*arguments, **variables)
        out, err = started.communicate(timeout=300)
        return subprocess.CompletedProcess(started.args, started.returncode, out, err)

    def environments(self) -> list[Path]:
        """Every environment folder, finished or not."""
        return sorted(path for path in self.folder.glob(".venv-*") if path.is_dir())


def base_python() -> str:
    """The interpreter that the tests' environment was made from."""
    return str(Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3"))


def clean_environ(**variables: str) -> dict[str, str]:
    """This environment without what the test run itself has set, without a package index, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOMEPORT_", "PYTHON"))}
    return {**kept, "PIP_NO_INDEX": "1", **{name: value for name, value in variables.items() if value}}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that has been started once. Tests leave it as it is."""
    checkout = Checkout(tmp_path_factory.mktemp("ready"))
    first = checkout.run("serve", "--dir", "x")
    assert first.returncode == 7, first.stderr
    assert "Setting up Homeport (first start only)" in first.stderr
    assert "[  1/1] proxy_tools" in first.stderr
    assert "Set up in" in first.stderr
    return checkout


def test_the_first_start_makes_an_environment_beside_the_program_and_a_later_one_says_nothing(ready: Checkout) -> None:
    later = ready.run("serve", "--dir", "x")
    [made] = ready.environments()
    assert later.stdout == f"ran in {made} ['serve', '--dir', 'x']\n"
    assert (later.returncode, later.stderr) == (7, "")


def test_inside_its_environment_it_goes_straight_on(ready: Checkout) -> None:
    [made] = ready.environments()
    command = [str(made / "bin" / "python"), str(ready.folder / "run.py"), "version"]
    run = subprocess.run(command, capture_output=True, text=True, env=clean_environ(), check=False)
    assert run.stdout == f"ran in {made} ['version']\n"


def test_the_interpreter_at_hand_is_used_as_it_is_when_told_so(ready: Checkout) -> None:
    run = ready.run(HOMEPORT_PYTHON_ENV="current")
    assert run.stdout == f"ran in {Path(sys.base_prefix)} []\n"


@pytest.mark.skipif(os.name != "posix", reason="needs wait4")
def test_a_later_start_costs_little_more_than_one_more_start_of_python(ready: Checkout) -> None:
    """Processor time, not time: the test run's other workers take their share of the machine's cores. A bare start of
    Python is 15 ms, but some machines hang more on theirs; what is ours is the rest."""
    [made] = ready.environments()
    script = str(ready.folder / "run.py")
    commands = [base_python(), "-c", "pass"], [str(made / "bin" / "python"), script], [base_python(), script]
    rounds = [[seconds_of(command) for command in commands] for _ in range(15)]
    bare, direct, through_the_door = (min(column) for column in zip(*rounds, strict=True))
    assert through_the_door - direct - bare < 0.025


def seconds_of(command: list[str]) -> float:
    """The processor seconds of one run. The door replaces its own process, so both interpreters count."""
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environ())
    _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def test_a_changed_lock_makes_a_new_environment_and_names_the_old_one(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.run()
    [old] = checkout.environments()
    checkout.set_lock(f"# changed\n{LOCK}")
    run = checkout.run()
    assert len(checkout.environments()) == 2
    assert f"No longer used, may be deleted: {old.name}" in run.stderr
    assert str(old) not in run.stdout


def test_a_set_up_killed_half_way_is_begun_anew(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    first = checkout.start()
    wait_for(lambda: bool(checkout.environments()))
    first.kill()
    first.communicate()
    second = checkout.run()
    assert second.returncode == 7, second.stderr
    assert "Setting up Homeport" in second.stderr


def wait_for(condition: object, seconds: float = 20) -> None:
    """Poll until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def test_of_two_starts_at_once_one_sets_up_and_both_run(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    ends = [(started, *started.communicate(timeout=120)) for started in [checkout.start(), checkout.start()]]
    assert [started.returncode for started, _, _ in ends] == [7, 7]
    texts = "".join(err for _, _, err in ends)
    assert texts.count("Set up in") == 1
    assert texts.count("waiting for it") == 1


PROBLEMS = [
    pytest.param(
        LOCK.replace(WHEEL_HASH, "0" * 64), {}, "is not the one this version of Homeport was made with", id="wrong hash"
    ),
    pytest.param(
        f"no-such-package==9.9 --hash=sha256:{'0' * 64}\n",
        {},
        "there is no ready-made no-such-package==9.9",
        id="no wheel",
    ),
    pytest.param(
        f"no-such-package==9.9 --hash=sha256:{'0' * 64}\n",
        {
            "PIP_NO_INDEX": "0",
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
            "PIP_EXTRA_INDEX_URL": "http://127.0.0.1:9/x",
        },
        "the package index could not be reached",
        id="no network",
    ),
]


@pytest.mark.parametrize(("lock", "variables", "why"), PROBLEMS)
def test_a_failed_set_up_says_what_why_and_what_to_do(
    tmp_path: Path, lock: str, variables: dict[str, str], why: str
) -> None:
    run = Checkout(tmp_path, lock).run(**variables)
    assert run.returncode == 1
    assert "Homeport could not install the packages it needs." in run.stderr
    assert why in run.stderr
    assert "Do this" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_folder_that_cannot_be_written_is_named(ready: Checkout) -> None:
    run = ready.run(HOMEPORT_PYTHON_ENV="/proc/homeport")
    assert run.returncode == 1
    assert "could not make its Python environment" in run.stderr
    assert "HOMEPORT_PYTHON_ENV" in run.stderr


def run_without(modules: list[str], checkout: Checkout) -> subprocess.CompletedProcess[str]:
    """Start run.py in a Python that comes without some of its modules."""
    program = (
        "import sys, runpy; sys.path.insert(0, sys.argv[1]); sys.modules.update(dict.fromkeys(sys.argv[2:])); "
        "sys.argv = ['run.py']; runpy.run_path(sys.path[0] + '/run.py', run_name='__main__')"
    )
    command = [base_python(), "-c", program, str(checkout.folder), *modules]
    return subprocess.run(command, capture_output=True, text=True, env=clean_environ(), check=False)


def test_a_python_without_any_pip_is_told_what_to_install(tmp_path: Path) -> None:
    run = run_without(["pip", "ensurepip"], Checkout(tmp_path))
    assert run.returncode == 1
    assert "comes without its module ensurepip" in run.stderr
    assert "-venv" in run.stderr


def test_a_python_without_pip_brings_the_one_that_it_was_shipped_with(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    run_without(["pip"], checkout)
    [made] = checkout.environments()
    assert (made / "homeport-locks.txt").exists()
    assert list(made.glob("**/site-packages/pip"))


@pytest.mark.parametrize(
    "version", [(2, 7, 18), (3, 6, 15), (3, 10, 13)], ids=lambda version: f"Python {version[0]}.{version[1]}"
)
def test_an_old_python_gets_a_sentence(version: tuple[int, int, int]) -> None:
    program = f"import sys, runpy; sys.version_info = {version}; runpy.run_path({str(ROOT / 'run.py')!r})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f"needs Python 3.11 or newer, and this is Python {version[0]}.{version[1]}" in run.stderr
    assert "Traceback" not in run.stderr


def test_old_pythons_can_read_the_door() -> None:
    source = (ROOT / "run.py").read_text(encoding="ascii")
    tree = ast.parse(source)
    modern = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.FunctionDef, ast.Match, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, modern)]
    assert len(source.splitlines()) <= 40


def test_the_door_loads_only_the_standard_library() -> None:
    for name in ("environment.py", "installer.py"):
        tree = ast.parse((ROOT / "appliance" / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            for module in imported_modules(node):
                assert module.split(".")[0] in {*sys.stdlib_module_names, "appliance"}, f"{name} imports {module}"


def imported_modules(node: ast.AST) -> list[str]:
    """The modules that one statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.slow
def test_the_real_program_starts_in_an_empty_folder(tmp_path: Path) -> None:
    for name in ("run.py", "appliance", "dashboard", "packaging"):
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, tmp_path / name, ignore=ignored) if source.is_dir() else shutil.copy(source, tmp_path)
    command = [base_python(), str(tmp_path / "run.py"), "version"]
    environ = clean_environ()
    del environ["PIP_NO_INDEX"]
    run = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=600, check=False)
    if "could not be reached" in run.stderr:
        refuse_or_skip(run.stderr)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("homeport")
