"""The house rules, checked: imports point down, pages are true, functions stay short, names say something.

What no tool can say better stands here; ruff (.ruff.toml), mypy and import-linter (setup.cfg) say the rest.
"""

from __future__ import annotations

import ast
import configparser
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.cli.development import lines_of
from appliance.cli.reference import write_pages
from tests.oracle import own_environment

ROOT = Path(__file__).resolve().parent.parent
CODE = sorted(
    [ROOT / "run.py", *(path for room in ("appliance", "dashboard", "bench") for path in (ROOT / room).rglob("*.py"))]
)
SHORT, LONG, LONGEST = 8, 40, 60
FILE_LINES, MOST_FILE_LINES = 400, 700

LONG_FUNCTIONS: dict[str, str] = {}
"""`room/file.py name`: why it takes more than 60 lines."""

LONG_FILES: dict[str, str] = {}
"""`room/file.py`: why it takes more than 400 lines."""

EMPTY_WORDS = frozenset(
    {"manager", "helper", "helpers", "util", "utils", "common", "misc", "obj", "item", "process", "service", "factory"}
) | {"impl", "wrapper", "handler2"}
NAMES_KEPT: dict[str, str] = {"appliance/http/channel.py service": "waitress calls it by this name"}
"""`room/file.py name`: why a word that says nothing is right there."""


@dataclass(frozen=True)
class Function:
    """One function: where it is and how many lines it has, its docstring left out."""

    file: str
    name: str
    lines: int


def relative(path: Path) -> str:
    """The file's path inside the project."""
    return path.relative_to(ROOT).as_posix()


def functions() -> Iterator[Function]:
    """Every function of the program."""
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield Function(relative(path), node.name, code_lines(node))


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end without the docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def tool(*command: str) -> None:
    """Run one checker of the environment; its output is the failure."""
    run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"


def test_ruff_finds_nothing() -> None:
    tool("ruff", "check", "--quiet", ".")


def test_mypy_finds_nothing() -> None:
    tool("mypy")


def test_imports_point_down() -> None:
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=own_environment(), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"


def test_the_reference_pages_say_what_the_tables_in_the_code_say() -> None:
    stale = write_pages(ROOT / "docs" / "reference", only_check=True)
    assert not stale, f"not up to date: {', '.join(stale)}; python3 run.py docs"


def test_functions_are_short() -> None:
    lengths = sorted(function.lines for function in functions())
    assert statistics.median(lengths) <= SHORT
    assert lengths[int(len(lengths) * 0.95)] <= LONG


def test_a_function_over_60_lines_has_its_reason() -> None:
    found = {f"{function.file} {function.name}" for function in functions() if function.lines > LONGEST}
    assert found == set(LONG_FUNCTIONS)


def test_a_file_over_400_lines_has_its_reason_and_none_has_over_700() -> None:
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in CODE}
    assert {name for name, count in lines.items() if count > FILE_LINES} == set(LONG_FILES)
    assert max(lines.values()) <= MOST_FILE_LINES


def test_names_say_something() -> None:
    found = set()
    for path in CODE:
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        names = {node.name for node in tree if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
        for name in {path.stem, *names}:
            if EMPTY_WORDS & set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")):
                found.add(f"{relative(path)} {name}")
    assert found == set(NAMES_KEPT)


def tracked_files() -> list[Path]:
    """Every text file of the project that git knows; without git, of its own folders."""
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        paths = [ROOT / name for name in run.stdout.split("\0") if name]
    else:
        paths = [*CODE, *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    return [path for path in paths if path.suffix not in {".png", ".woff2", ".whl", ".ico", ".jpg"} and path.is_file()]


def test_nothing_points_into_one_developers_machine() -> None:
    foreign = re.compile(r"(?<![\w.-])/(?:work|root|home/\w+|Users/\w+)/")
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if foreign.search(line) and path != Path(__file__)
    ]
    assert not found, "\n".join(found)


def test_the_lock_files_name_no_host() -> None:
    for path in [*(ROOT / "packaging" / "locks").iterdir(), ROOT / "tests" / "js" / "package-lock.json"]:
        assert "://" not in path.read_text(encoding="utf-8"), path


def pins_in(name: str) -> dict[str, str]:
    """`{"flask": "3.1.3"}` of one lock."""
    lock = (ROOT / "packaging" / "locks" / f"{name}.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))


def direct_pins(section: str, option: str) -> dict[str, str]:
    """The pins that setup.cfg asks for, by their names in the lock."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    pairs = [line.split(";")[0].strip().split("==") for line in lines_of(settings[section][option])]
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}


def test_the_locks_hold_what_setup_cfg_asks_for() -> None:
    wanted = direct_pins("options", "install_requires")
    assert wanted.items() <= pins_in("run").items()
    assert (wanted | direct_pins("options.extras_require", "test")).items() <= pins_in("test").items()


def test_the_test_lock_holds_the_programs_own_versions() -> None:
    assert pins_in("run").items() - {("packaging", pins_in("run").get("packaging", ""))} <= pins_in("test").items()


def test_every_pin_has_a_hash() -> None:
    for name in ("run", "test"):
        lock = (ROOT / "packaging" / "locks" / f"{name}.lock").read_text(encoding="utf-8")
        for pin in re.split(r"\n(?=\S)", lock.strip()):
            assert "--hash=sha256:" in pin, pin.splitlines()[0]


@pytest.mark.parametrize("page", sorted((ROOT / "decisions").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_has_context_choice_and_price(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert all(f"**{part}.**" in text for part in ("Context", "Choice", "Price"))
    assert len(text.splitlines()) <= 20


def linked_pages() -> list[tuple[str, str]]:
    """Every relative link of every page: (page, target)."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "decisions").glob("*.md")]
    return [
        (relative(page), target)
        for page in pages
        for target in re.findall(r"\]\((?!\w+:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(("page", "target"), linked_pages(), ids=lambda part: str(part))
def test_a_link_leads_somewhere(page: str, target: str) -> None:
    assert ((ROOT / page).parent / target).exists()


PLACES = (ROOT, ROOT / "appliance", ROOT / "appliance" / "core", ROOT / "dashboard")


def named_files() -> list[tuple[str, str]]:
    """Every file that a page names in code marks with a folder before it: (page, file)."""
    pages = [
        ROOT / "ARCHITECTURE.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("decisions/*.md"),
    ]
    named = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|toml|lock|md|txt))`")
    return [(relative(page), name) for page in pages for name in named.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "name"), sorted(set(named_files())), ids=lambda part: str(part))
def test_a_file_that_a_page_names_is_there(page: str, name: str) -> None:
    assert any((folder / name).exists() for folder in PLACES)
